package credentials_test

import (
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
)

// The signature covers what a badge means, so that it still holds when a
// member is written as the IRI that it stands for. The badge must not pass.
func TestARevokedBadgeStaysRevokedHoweverItsStatusIsWritten(t *testing.T) {
	w := newWorld(t)
	raw := string(w.issue(t, w.award()).Credential().Bytes())
	w.publish(t, listURL, status.Revocation, 94567)
	for _, name := range []string{"credentialStatus", "https://www.w3.org/2018/credentials#credentialStatus"} {
		shown := strings.Replace(raw, `"credentialStatus":`, `"`+name+`":`, 1)
		if r := w.v.Report(t.Context(), []byte(shown), credentials.ReportOptions{}); r.Verdict != credentials.Invalid {
			t.Errorf("under %s: %s, %s", name, r.Verdict, r.Why())
		}
	}
}
