package judges

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// handed is a folder of what was signed here and is handed to a judge.
type handed struct {
	dir string
	v   *credentials.Verifier
	s   signer
	now time.Time
}

func newHanded(t *testing.T) handed {
	t.Helper()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: did.Methods{"key": key.Resolver{}}, Now: func() time.Time { return now }})
	return handed{t.TempDir(), v, newSigner(t), now}
}

// sign signs what was built, unless that failed, and puts it into the folder.
func (h handed) sign(t *testing.T, name string, unsigned []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := credentials.Issue(t.Context(), h.v, unsigned, h.s, h.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, name+".json"), signed.Credential().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return signed.Credential().Bytes()
}
