package jose_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

func parseJWK(t testing.TB, s string) did.PublicKey {
	t.Helper()
	v, err := jsondoc.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	k, err := did.ParseJWK(v)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// RFC 7515, appendices A.2 and A.3: one payload, an RSA and a P-256 key.
const (
	rfcPayload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfcRS256   = "eyJhbGciOiJSUzI1NiJ9." + rfcPayload + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	rfcES256   = "eyJhbGciOiJFUzI1NiJ9." + rfcPayload + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rfcRSA     = `{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}`
	rfcEC      = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
)

func TestTheSignaturesOfRFC7515Verify(t *testing.T) {
	for name, v := range map[string]struct{ token, key, other string }{"A.2": {rfcRS256, rfcRSA, rfcEC}, "A.3": {rfcES256, rfcEC, rfcRSA}} {
		tok, err := jose.Parse([]byte(v.token))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tok.Verify(parseJWK(t, v.key)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := tok.Verify(parseJWK(t, v.other)); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s with the other key: %v", name, err)
		}
		if err := tok.Verify(did.PublicKey{}); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s with no key: %v", name, err)
		}
	}
}

// ecSigner signs with a new key of a curve, r||s as JWS demands.
func ecSigner(t testing.TB, typ did.KeyType, curve elliptic.Curve) signer {
	t.Helper()
	priv, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := (curve.Params().BitSize + 7) / 8
	k, err := did.FromECDSA(&priv.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return signer{k, func(m []byte) ([]byte, error) {
		short, long, longest := sha256.Sum256(m), sha512.Sum384(m), sha512.Sum512(m)
		digest := map[did.KeyType][]byte{did.P256: short[:], did.P384: long[:], did.P521: longest[:]}[typ]
		r, s, err := ecdsa.Sign(rand.Reader, priv, digest)
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...), nil
	}}
}

func TestACredentialSignedWithACurveOfNISTReadsBack(t *testing.T) {
	for alg, s := range map[string]signer{"ES256": ecSigner(t, did.P256, elliptic.P256()), "ES384": ecSigner(t, did.P384, elliptic.P384())} {
		raw, err := jose.Sign(t.Context(), []byte(credential), s)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := tok.Credential(); err != nil || tok.Alg != alg || tok.KeyID != "did:web:a.example#1" || tok.Verify(s.key) != nil {
			t.Errorf("%s: %s by %s, %v, %v", alg, tok.Alg, tok.KeyID, err, tok.Verify(s.key))
		}
	}
}

func TestEveryJWTOfTheOpenBadgesCasesHasItsAnswer(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "ob3", "own")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Name, File, Expected, Result string }
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join(dir, "documents.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jsondoc.Parse(docs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range cases {
		if !strings.HasSuffix(c.File, ".jwt") {
			continue
		}
		n++
		token, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		valid := c.Expected == "valid" || c.Result == "expired" // the clock is not ours
		if err := check(t.Context(), token, keys); (err == nil) != valid {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if t.Logf("read %s: %d tokens", dir, n); n < 20 {
		t.Errorf("%d tokens", n)
	}
}

// check takes the key from where the header points to, as the cases mean it:
// whether the issuer lists it is the business of package credentials.
func check(ctx context.Context, raw []byte, documents jsondoc.Value) error {
	tok, err := jose.Parse(bytes.TrimSpace(raw))
	if err != nil {
		return err
	}
	if _, _, err := tok.Credential(); err != nil {
		return err
	}
	if doc := documents.Get(tok.KeyID); doc.Exists() {
		tok.JWK = doc
	}
	if tok.JWK.Exists() {
		k, err := did.ParseJWK(tok.JWK)
		if err != nil {
			return err
		}
		return tok.Verify(k)
	}
	u, err := did.ParseURL(tok.KeyID)
	if err != nil {
		return err
	}
	res, err := key.Resolver{}.Resolve(ctx, u.DID)
	if err != nil {
		return err
	}
	m, err := res.Document.Method(did.AssertionMethod, tok.KeyID)
	if err != nil {
		return err
	}
	return tok.Verify(m.Key)
}
