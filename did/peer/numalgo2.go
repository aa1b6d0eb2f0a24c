package peer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// purposes by their code letter (Peer DID §numalgo 2).
var purposes = map[byte]did.Relationship{
	'A': did.AssertionMethod,
	'D': did.CapabilityDelegation,
	'E': did.KeyAgreement,
	'I': did.CapabilityInvocation,
	'V': did.Authentication,
}

// New2 makes a did:peer:2 of one key agreement key, one authentication key and
// at most one DIDComm endpoint. The keys are "#key-1" and "#key-2".
func New2(agreement, authentication did.PublicKey, endpoint *did.Endpoint) (did.DID, error) {
	var b strings.Builder
	b.WriteString("did:peer:2.E" + agreement.Multibase() + ".V" + authentication.Multibase())
	if endpoint != nil {
		s := map[string]any{"uri": endpoint.URI}
		if len(endpoint.Accept) > 0 {
			s["a"] = endpoint.Accept
		}
		if len(endpoint.RoutingKeys) > 0 {
			s["r"] = endpoint.RoutingKeys
		}
		svc, err := json.Marshal(map[string]any{"t": "dm", "s": s})
		if err != nil {
			return did.DID{}, err
		}
		b.WriteString(".S" + base64.RawURLEncoding.EncodeToString(svc))
	}
	return did.Parse(b.String())
}

func resolve2(id did.DID) (did.Document, error) {
	d := did.Document{ID: id}
	keys := 0
	for i, part := range strings.Split(id.SpecificID(), ".")[1:] {
		if len(part) < 2 {
			return d, fmt.Errorf("element %d is empty", i+1)
		}
		if len(d.Methods)+len(d.Services) >= 32 {
			return d, errors.New("more than 32 keys and services")
		}
		if part[0] == 'S' {
			if err := addService(&d, part[1:]); err != nil {
				return d, fmt.Errorf("element %d: %w", i+1, err)
			}
			continue
		}
		rel, ok := purposes[part[0]]
		if !ok {
			return d, fmt.Errorf("element %d has the unknown purpose code %q", i+1, part[0])
		}
		k, err := did.ParseMultikey(part[1:])
		if err != nil {
			return d, fmt.Errorf("element %d: %w", i+1, err)
		}
		keys++
		d.Add(fmt.Sprintf("key-%d", keys), k, rel)
	}
	if keys == 0 {
		return d, errors.New("no key in it")
	}
	return d, nil
}

// addService expands the abbreviations of a service element: t, s, r, a, dm.
func addService(d *did.Document, enc string) error {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(enc, "="))
	if err != nil {
		return fmt.Errorf("service is not base64url: %w", err)
	}
	v, err := jsondoc.Parse(b)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	for s := range v.Elements() {
		typ, _ := either(s, "t", "type").Text()
		if typ == "dm" {
			typ = did.DIDCommMessaging
		}
		svc := did.Service{ID: d.ID.String() + "#service", Type: typ}
		if n := len(d.Services); n > 0 {
			svc.ID = fmt.Sprintf("%s-%d", svc.ID, n)
		}
		end := either(s, "s", "serviceEndpoint")
		for e := range end.Elements() {
			if uri, ok := e.Text(); ok { // the older form keeps accept and keys beside the URI
				svc.Endpoints = append(svc.Endpoints, did.Endpoint{URI: uri, Accept: either(s, "a", "accept").Texts(), RoutingKeys: either(s, "r", "routingKeys").Texts()})
				continue
			}
			uri, ok := e.Get("uri").Text()
			if !ok {
				return errors.New("service endpoint has no uri")
			}
			svc.Endpoints = append(svc.Endpoints, did.Endpoint{URI: uri, Accept: either(e, "a", "accept").Texts(), RoutingKeys: either(e, "r", "routingKeys").Texts()})
		}
		d.Services = append(d.Services, svc)
	}
	return nil
}

func either(v jsondoc.Value, short, long string) jsondoc.Value {
	if s := v.Get(short); s.Exists() {
		return s
	}
	return v.Get(long)
}
