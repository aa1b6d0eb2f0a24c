package did

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Bounds on a stranger's document; a real one stays far below.
const (
	maxMethods  = 64
	maxServices = 32
)

// ParseDocument reads a DID document exactly: duplicate members, two methods
// of one id and malformed keys are errors, never guesses. Methods may be
// Multikey, JsonWebKey(2020), Ed25519VerificationKey2018/2020,
// X25519KeyAgreementKey2019/2020 or EcdsaSecp256r1VerificationKey2019, listed
// or embedded in a relationship. A method of another type is kept without its
// key. The error wraps [ErrInvalidDocument].
func ParseDocument(raw []byte) (Document, error) {
	v, err := jsondoc.Parse(raw)
	if err != nil {
		return Document{}, fmt.Errorf("%w: %v", ErrInvalidDocument, err)
	}
	d, err := readDocument(v)
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrInvalidDocument, err)
	}
	return d, nil
}

func readDocument(v jsondoc.Value) (Document, error) {
	s, _ := v.Get("id").Text()
	id, err := Parse(s)
	if err != nil {
		return Document{}, fmt.Errorf("member id: %w", err)
	}
	d := Document{ID: id, Purposes: map[Relationship][]string{}}
	for a := range v.Get("alsoKnownAs").Elements() {
		if s, ok := a.Text(); ok {
			d.AlsoKnownAs = append(d.AlsoKnownAs, s)
		}
	}
	for m := range v.Get("verificationMethod").Elements() {
		if err := d.readMethod(m); err != nil {
			return Document{}, err
		}
	}
	for _, rel := range relationships {
		for e := range v.Get(string(rel)).Elements() {
			if err := d.readPurpose(rel, e); err != nil {
				return Document{}, err
			}
		}
	}
	for s := range v.Get("service").Elements() {
		if err := d.readService(s); err != nil {
			return Document{}, err
		}
	}
	return d, nil
}

func (d *Document) readPurpose(rel Relationship, e jsondoc.Value) error {
	if ref, ok := e.Text(); ok {
		d.Purposes[rel] = append(d.Purposes[rel], d.absolute(ref))
		return nil
	}
	if e.Kind() != jsondoc.Object {
		return fmt.Errorf("%s: neither an id nor a method", e.Pointer())
	}
	m, err := d.method(e)
	if err != nil {
		return err
	}
	// One that verificationMethod holds already may be repeated, word for word.
	if !slices.ContainsFunc(d.Methods, func(o VerificationMethod) bool { return reflect.DeepEqual(o, m) }) {
		if err := d.keep(e, m); err != nil {
			return err
		}
	}
	d.Purposes[rel] = append(d.Purposes[rel], m.ID)
	return nil
}

// absolute resolves a relative DID URL against the document (DID Core §3.2.2).
func (d *Document) absolute(ref string) string {
	if len(ref) > 0 && (ref[0] == '#' || ref[0] == '/' || ref[0] == '?') {
		return d.ID.String() + ref
	}
	return ref
}

func (d *Document) readMethod(v jsondoc.Value) error {
	m, err := d.method(v)
	if err != nil {
		return err
	}
	return d.keep(v, m)
}

// keep adds a method that was read at v.
func (d *Document) keep(v jsondoc.Value, m VerificationMethod) error {
	if len(d.Methods) == maxMethods {
		return fmt.Errorf("more than %d verification methods", maxMethods)
	}
	if slices.ContainsFunc(d.Methods, func(o VerificationMethod) bool { return o.ID == m.ID }) {
		return fmt.Errorf("%s: two verification methods with the id %s", v.Pointer(), jsondoc.Clip(m.ID))
	}
	d.Methods = append(d.Methods, m)
	return nil
}

// method reads a verification method.
func (d *Document) method(v jsondoc.Value) (VerificationMethod, error) {
	if v.Kind() != jsondoc.Object {
		return VerificationMethod{}, fmt.Errorf("%s: a verification method is an object", v.Pointer())
	}
	id, _ := v.Get("id").Text()
	m := VerificationMethod{ID: d.absolute(id)}
	m.Type, _ = v.Get("type").Text()
	m.Controller, _ = v.Get("controller").Text()
	if id == "" || m.Type == "" || m.Controller == "" {
		return m, fmt.Errorf("%s: a verification method needs id, type and controller", v.Pointer())
	}
	var err error
	if m.Key, err = methodKey(m.Type, v); err != nil {
		return m, fmt.Errorf("%s: %w", v.Pointer(), err)
	}
	if m.Expires, err = moment(v, "expires"); err != nil {
		return m, err
	}
	m.Revoked, err = moment(v, "revoked")
	return m, err
}

func moment(v jsondoc.Value, name string) (time.Time, error) {
	m := v.Get(name)
	if !m.Exists() {
		return time.Time{}, nil
	}
	s, _ := m.Text()
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: not a date and time of RFC 3339: %q", m.Pointer(), jsondoc.Clip(s))
	}
	return t, nil
}

// legacy maps the older suites to the one key type that each may carry.
var legacy = map[string]KeyType{
	"Ed25519VerificationKey2018":        Ed25519,
	"Ed25519VerificationKey2020":        Ed25519,
	"X25519KeyAgreementKey2019":         X25519,
	"X25519KeyAgreementKey2020":         X25519,
	"EcdsaSecp256r1VerificationKey2019": P256,
	"P256Key2021":                       P256,
	"P384Key2021":                       P384,
}

func methodKey(typ string, v jsondoc.Value) (PublicKey, error) {
	want, isLegacy := legacy[typ]
	if !isLegacy && typ != "Multikey" && typ != "JsonWebKey" && typ != "JsonWebKey2020" {
		return PublicKey{}, nil
	}
	var k PublicKey
	var err error
	mb, hasMB := v.Get("publicKeyMultibase").Text()
	b58, has58 := v.Get("publicKeyBase58").Text()
	jwk := v.Get("publicKeyJwk")
	switch {
	case hasMB && !has58 && !jwk.Exists():
		k, err = ParseMultikey(mb)
	case jwk.Exists() && !hasMB && !has58:
		k, err = ParseJWK(jwk)
	case has58 && isLegacy && !hasMB && !jwk.Exists():
		k, err = fromBase58(want, b58)
	default:
		return PublicKey{}, errors.New("needs exactly one of publicKeyMultibase, publicKeyJwk and publicKeyBase58")
	}
	switch {
	case errors.Is(err, errKeyType):
		return PublicKey{}, nil // a key type from elsewhere, such as secp256k1
	case err != nil:
		return PublicKey{}, err
	case isLegacy && k.Type != want:
		return PublicKey{}, fmt.Errorf("%w: %s holds a %s key", ErrWeakKey, typ, k.Type)
	}
	return k, nil
}

func fromBase58(t KeyType, s string) (PublicKey, error) {
	if len(s) > 128 {
		return PublicKey{}, fmt.Errorf("%w: publicKeyBase58 too long", ErrWeakKey)
	}
	_, b, err := multibase.Decode("z" + s)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: publicKeyBase58: %v", ErrWeakKey, err)
	}
	return NewPublicKey(t, b)
}

func (d *Document) readService(v jsondoc.Value) error {
	if len(d.Services) == maxServices {
		return fmt.Errorf("more than %d services", maxServices)
	}
	id, _ := v.Get("id").Text()
	s := Service{ID: d.absolute(id)}
	for t := range v.Get("type").Elements() {
		if s.Type, _ = t.Text(); s.Type == DIDCommMessaging {
			break
		}
	}
	for e := range v.Get("serviceEndpoint").Elements() {
		if uri, ok := e.Text(); ok {
			s.Endpoints = append(s.Endpoints, Endpoint{URI: uri})
			continue
		}
		uri, ok := e.Get("uri").Text()
		if !ok {
			continue // an endpoint map of another specification
		}
		s.Endpoints = append(s.Endpoints, Endpoint{URI: uri, Accept: e.Get("accept").Texts(), RoutingKeys: e.Get("routingKeys").Texts()})
	}
	d.Services = append(d.Services, s)
	return nil
}
