package credentials_test

import (
	"strings"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

func TestABadgeOfItsOwnSubjectIsAuthenticAndSelfAsserted(t *testing.T) {
	w := newWorld(t)
	a := w.award()
	a.Subject = credentials.Subject{ID: a.Issuer.ID}
	badge := w.issue(t, a)
	trusting := credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, TrustedIssuers: []string{a.Issuer.ID}})
	for name, v := range map[string]*credentials.Verifier{"anybody": w.v, "who trusts that issuer": trusting} {
		r := v.Report(t.Context(), badge.Credential().Bytes(), credentials.ReportOptions{At: w.now})
		if !r.SelfAsserted || r.Recognition.Answer != credentials.No || r.Recognition.Code != credentials.CodeSelfAsserted || r.Verdict == credentials.Invalid {
			t.Errorf("%s: %s, %+v", name, r.Verdict, r.Recognition)
		}
	}
	if other := w.issue(t, w.award()); other.Report().SelfAsserted {
		t.Error("a badge of somebody else is told to be self-asserted")
	}
	if text, ok := credentials.Explain(credentials.CodeSelfAsserted); !ok || !strings.Contains(text, "counts for nothing by itself") {
		t.Errorf("explained as %q", text)
	}
}
