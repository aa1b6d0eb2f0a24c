package node

import (
	"context"
	"encoding/json"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
)

// RecogniseRequest asks whether this node recognises a badge.
type RecogniseRequest struct {
	Credential []byte `json:"credential"`
}

// Recognised is a report about a badge with whether it counts here, and as
// what.
type Recognised struct {
	Verdict     credentials.Verdict     `json:"verdict"`
	Why         string                  `json:"why"`
	Told        string                  `json:"told"` // the answer in a sentence
	Recognition recognition.Recognition `json:"recognition"`
	Report      json.RawMessage         `json:"report"`
}

// Recognise verifies a badge and answers whether it counts here: by its issuer,
// by an authorisation, or by an agreement of this node.
func (n *Node) Recognise(ctx context.Context, r RecogniseRequest) (Recognised, error) {
	t, err := n.terms(ctx)
	if err != nil {
		return Recognised{}, err
	}
	report := n.party.Verifier.Report(ctx, r.Credential, credentials.ReportOptions{})
	out := Recognised{Recognition: recognition.Recognition{Answer: credentials.NotApplicable, Basis: recognition.NoBasis, Why: report.Why()}}
	if c, _, err := credentials.ParseAny(r.Credential); err == nil { // else the report says so
		out.Recognition = t.Fill(&report, c, n.called)
	}
	out.Verdict, out.Why, out.Told = report.Verdict, report.Why(), report.Recognition.Message
	out.Report, err = json.Marshal(report)
	return out, err
}

// called names an achievement for people.
func (n *Node) called(achievement string) string {
	for _, c := range n.catalogues {
		for slug, a := range c.Achievements.All() {
			if c.ID(n.issuer(), slug) == achievement {
				return a.Name
			}
		}
	}
	return achievement
}
