package conformance_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/testnet/conformance"
)

// client speaks to a door as a suite does.
type client struct {
	t        *testing.T
	http     *http.Client
	base     string
	manifest struct {
		Name, Implementation                                  string
		Issuers, Verifiers, VPVerifiers, VCHolders, Resolvers []struct {
			ID, Endpoint string
			Tags         []string
			Supports     map[string][]string
			KeyTypes     []string `json:"supportedEcdsaKeyTypes"`
		}
		DIDResolvers []struct {
			ID, Endpoint string
			Tags         []string
		}
	}
}

func open(t *testing.T, cfg conformance.Config) *client {
	t.Helper()
	d, err := conformance.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c := &client{t: t, base: d.Base(), http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}} //nolint:gosec // a certificate of its own
	if cfg.Public == "" {
		if code, body := c.get(c.base + "/conformance.json"); code != http.StatusOK || json.Unmarshal(body, &c.manifest) != nil {
			t.Fatalf("manifest: %d %s", code, body)
		}
	}
	return c
}

func (c *client) get(url string) (int, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(req)
}

func (c *client) do(req *http.Request) (int, []byte) {
	c.t.Helper()
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if media := res.Header.Get("Content-Type"); media != "application/json" && !strings.HasPrefix(media, "text/plain") {
		c.t.Errorf("%s answers in %s", req.URL, media)
	}
	if res.StatusCode >= 500 {
		c.t.Errorf("%s %s: %d %s", req.Method, req.URL, res.StatusCode, body)
	}
	return res.StatusCode, body
}

func (c *client) post(url string, body any) (int, []byte) {
	c.t.Helper()
	raw, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		raw = string(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, url, strings.NewReader(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req)
}

type object = map[string]any

// read decodes a document, so that a test may change it.
func read(t *testing.T, raw []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return o
}

// issue asks the issuer with a tag, and for its n-th where several have it.
func (c *client) issue(tag string, n int, credential object, options object) (int, object) {
	c.t.Helper()
	for _, i := range c.manifest.Issuers {
		if !slices.Contains(i.Tags, tag) {
			continue
		}
		if n--; n < 0 {
			credential = maps.Clone(credential)
			if _, has := credential["issuer"]; !has {
				credential["issuer"] = i.ID
			}
			code, body := c.post(i.Endpoint, object{"credential": credential, "options": options})
			return code, read(c.t, body)
		}
	}
	c.t.Fatalf("no issuer of %s", tag)
	return 0, nil
}

func (c *client) issued(tag string, n int, credential object, options object) object {
	c.t.Helper()
	code, body := c.issue(tag, n, credential, options)
	vc, ok := body["verifiableCredential"].(object)
	if code != http.StatusCreated || !ok {
		c.t.Fatalf("%s: %d %v", tag, code, body)
	}
	return vc
}

func (c *client) verify(vc any, options object) (int, object) {
	c.t.Helper()
	code, body := c.post(c.base+"/credentials/verify", object{"verifiableCredential": vc, "options": options})
	return code, read(c.t, body)
}

// want holds an answer to a verification to its code and shape.
func want(t *testing.T, what string, code int, code200 bool, body object) {
	t.Helper()
	verified, _ := body["verified"].(bool)
	if code200 && (code != http.StatusOK || !verified) || !code200 && (code != http.StatusBadRequest || verified || body["problemDetails"] == nil) {
		t.Errorf("%s: %d %v", what, code, body["problemDetails"])
	}
}

func credential2() object {
	return object{"@context": []any{"https://www.w3.org/ns/credentials/v2"}, "type": []any{"VerifiableCredential"}, "credentialSubject": object{"id": "did:example:alice", "name": "Alice"}}
}

func credential1() object {
	return object{"@context": []any{"https://www.w3.org/2018/credentials/v1", object{"@context": object{"name": "https://schema.org/name"}}}, "type": []any{"VerifiableCredential"},
		"issuanceDate": "2020-03-16T22:37:26.544Z", "credentialSubject": object{"id": "did:example:alice", "name": "Alice"}}
}

func clone(t *testing.T, o object) object {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, raw)
}

// changed returns a copy with one value, at a path such as proof/type, set, or
// removed where the value is nil.
func changed(t *testing.T, o object, path string, value any) object {
	t.Helper()
	out := clone(t, o)
	at := out
	parts := strings.Split(path, "/")
	for _, p := range parts[:len(parts)-1] {
		next, ok := at[p].(object)
		if !ok {
			t.Fatalf("no object at %s", path)
		}
		at = next
	}
	last := parts[len(parts)-1]
	if value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	return out
}

// party is somebody outside of the door.
type party struct {
	id  string
	pub did.PublicKey
	key ed25519.PrivateKey
}

func newParty(t *testing.T, seed string) party {
	t.Helper()
	s := sha256.Sum256([]byte(seed))
	k := ed25519.NewKeyFromSeed(s[:])
	pub, err := did.NewPublicKey(did.Ed25519, k.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.New(pub)
	if err != nil {
		t.Fatal(err)
	}
	return party{id.String(), pub, k}
}

func (p party) Sign(_ context.Context, m []byte) ([]byte, error) { return ed25519.Sign(p.key, m), nil }
func (p party) VerificationMethod() string {
	return p.id + "#" + strings.TrimPrefix(p.id, "did:key:")
}
func (p party) Key() did.PublicKey { return p.pub }

// jwt signs any header and payload.
func (p party) jwt(header, payload string) string {
	in := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return in + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(p.key, []byte(in)))
}

var suiteTags = []string{"vc2.0", "EnvelopingProof", "eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019", "ecdsa-jcs-2019", "ecdsa-sd-2023", "Ed25519Signature2020", "BitstringStatusList", "vc-api"}
