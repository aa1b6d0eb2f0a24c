package credentials_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// A badge whose bytes were changed is valid only where the change says the
// same: white space, another spelling of a text or number, another order.
func FuzzChangedBadgeNeverVerifies(f *testing.F) {
	w := newWorld(f)
	raw := w.issue(f, w.award()).Credential().Bytes()
	good := canonicalJSON(f, raw)
	f.Add(0, byte(1), []byte(nil))
	f.Add(40, byte(0), []byte(`"name":"x",`))
	f.Add(1, byte(0), []byte(`"validUntil":null,`))
	f.Fuzz(func(t *testing.T, at int, flip byte, insert []byte) {
		at = max(at, 0) % len(raw)
		bad := append(bytes.Clone(raw[:at]), insert...)
		bad = append(bad, raw[at:]...)
		bad[at] ^= flip
		r := w.v.Report(t.Context(), bad, credentials.ReportOptions{})
		if r.Verdict == credentials.Valid && !bytes.Equal(canonicalJSON(t, bad), good) {
			t.Errorf("changed and valid:\n%s", bad)
		}
	})
}

// canonicalJSON is a document without white space and with sorted members.
func canonicalJSON(t testing.TB, raw []byte) []byte {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return must(json.Marshal(v))
}

// Whatever comes in, there is one report: decided by its own checks, writable
// as JSON, every code explained; and Lint has no opinion on what is no object.
func FuzzEveryInputGetsOneReport(f *testing.F) {
	w := newWorld(f)
	f.Add(w.issue(f, w.award()).Credential().Bytes())
	f.Add([]byte(`{"@context":[],"type":"VerifiableCredential","issuer":"did:key:z6Mk","proof":[{}]}`))
	f.Add([]byte("e30.e30.AA"))
	f.Add([]byte("<svg xmlns='http://www.w3.org/2000/svg'></svg>"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := w.v.Report(t.Context(), in, credentials.ReportOptions{Email: "a@example.org"})
		if (r.Verdict == credentials.Valid) != (r.Err() == nil) || len(r.Checks) != 11 {
			t.Errorf("%s, %v, %d checks", r.Verdict, r.Err(), len(r.Checks))
		}
		for _, c := range append(r.Checks, r.Recognition) {
			if _, ok := credentials.Explain(c.Code); !ok {
				t.Errorf("code %q of %s is not explained", c.Code, c.Name)
			}
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		if v, err := jsondoc.Parse(in); (err != nil || v.Kind() != jsondoc.Object) && len(credentials.Lint(in)) == 0 {
			t.Error("Lint has nothing to say about what is no object")
		}
	})
}
