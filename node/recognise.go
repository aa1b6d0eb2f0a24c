package node

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
)

// RecogniseRequest asks whether this node recognises a badge, or the badges of
// a transcript.
type RecogniseRequest struct {
	Credential []byte `json:"credential"`
}

// Unit is one badge of a transcript, and whether it counts.
type Unit struct {
	Credential  string                  `json:"credential"`
	Name        string                  `json:"name"`
	Verdict     credentials.Verdict     `json:"verdict"`
	Told        string                  `json:"told"`
	Recognition recognition.Recognition `json:"recognition"`
	issuer      string
}

// Recognised is a report about a badge with whether it counts here, and as
// what. Of a transcript, Units has that for each badge, Credits the sums by
// credit framework, in which each unit counts once (see [unitCredits]), and
// Missing what a learning agreement of its learner still waits for.
type Recognised struct {
	Verdict     credentials.Verdict     `json:"verdict"`
	Why         string                  `json:"why"`
	Told        string                  `json:"told"` // the answer in a sentence
	Recognition recognition.Recognition `json:"recognition"`
	Report      json.RawMessage         `json:"report"`
	Units       []Unit                  `json:"units,omitempty"`
	Credits     map[string]float64      `json:"credits,omitempty"`
	Missing     []string                `json:"missing,omitempty"`
}

// Recognise verifies a badge and answers whether it counts here: by its issuer,
// by an authorisation, or by an agreement of this node. Of a transcript it
// answers for each badge, by the learner's learning agreement first.
func (n *Node) Recognise(ctx context.Context, r RecogniseRequest) (Recognised, error) {
	t, err := n.terms(ctx)
	if err != nil {
		return Recognised{}, err
	}
	report := n.party.Verifier.Report(ctx, r.Credential, credentials.ReportOptions{})
	out := Recognised{Recognition: recognition.Recognition{Answer: credentials.NotApplicable, Basis: recognition.NoBasis, Why: report.Why()}}
	var count []counting
	if c, _, err := credentials.ParseAny(r.Credential); err == nil { // else the report says so
		if records := c.Records(); len(records) > 0 {
			n.units(ctx, t, c, records, &out)
			for i, u := range out.Units {
				count = append(count, counting{id: u.Credential, raw: records[i], learner: c.SubjectID(), issuer: u.issuer, Recognition: u.Recognition})
			}
			if report.Verdict != credentials.Valid { // its units may be, and are told of
				out.Recognition = recognition.Recognition{Answer: credentials.NotApplicable, Basis: recognition.NoBasis, Why: report.Why()}
			}
			report.Recognition = out.Recognition.Check("")
		} else {
			out.Recognition = t.Fill(&report, c, n.called)
			count = append(count, counting{id: report.Credential.ID, raw: r.Credential, learner: c.SubjectID(), issuer: c.IssuerID(), Recognition: out.Recognition})
		}
	}
	if err := n.countRecognition(ctx, t, count); err != nil {
		return out, err
	}
	out.Verdict, out.Why, out.Told = report.Verdict, report.Why(), report.Recognition.Message
	out.Report, err = json.Marshal(report)
	return out, err
}

// units answers for each badge of a transcript.
func (n *Node) units(ctx context.Context, t recognition.Terms, c credentials.Credential, records [][]byte, out *Recognised) {
	credits := map[string]unitCredits{} // by what it counts as
	for _, raw := range records {
		rep, v := n.party.Verifier.Examine(ctx, raw, credentials.ReportOptions{})
		u := Unit{Credential: rep.Credential.ID, Name: rep.Credential.Name, Verdict: rep.Verdict, Told: rep.Why(), Recognition: recognition.Recognition{Answer: credentials.NotApplicable, Basis: recognition.NoBasis, Why: rep.Why()}}
		if rep.Verdict == credentials.Valid {
			b := recognition.BadgeOf(v.Credential())
			if u.issuer = b.Issuer; b.Subject == c.SubjectID() {
				u.Recognition = t.Recognise(b, rep.At)
			} else {
				u.Recognition = recognition.Recognition{Answer: credentials.No, Basis: recognition.NoBasis, Why: "it was given to somebody else than the transcript"}
			}
			u.Told = u.Recognition.Check(n.called(u.Recognition.As)).Message
		}
		if u.Recognition.Answer == credentials.Yes {
			credits[u.Recognition.As] = credits[u.Recognition.As].with(u.Recognition)
		}
		out.Units = append(out.Units, u)
	}
	out.Credits = map[string]float64{}
	for _, unit := range slices.Sorted(maps.Keys(credits)) {
		for framework, points := range credits[unit].sum() {
			out.Credits[framework] = points6(out.Credits[framework] + points)
		}
	}
	wanted := map[string]bool{}
	for _, s := range t.Statements {
		for _, rule := range s.Recognizes {
			if s.Kind == recognition.Learning && s.Of == c.SubjectID() && !credits[rule.Target].Met {
				wanted[n.called(rule.Target)] = true
			}
		}
	}
	out.Missing = slices.Sorted(maps.Keys(wanted))
	whole := recognition.Recognition{Answer: credentials.Yes, Basis: recognition.Agreed, Satisfies: true, Why: "every badge of it counts"}
	for _, u := range out.Units {
		switch {
		case u.Recognition.Answer == credentials.Unknown || u.Verdict == credentials.Undecided:
			whole = recognition.Recognition{Answer: credentials.Unknown, Basis: recognition.NoBasis, Why: u.Name + ": " + u.Told}
		case u.Recognition.Answer != credentials.Yes:
			out.Recognition = recognition.Recognition{Answer: credentials.No, Basis: recognition.NoBasis, Why: u.Name + ": " + u.Told}
			return
		}
	}
	if len(out.Missing) > 0 && whole.Answer == credentials.Yes {
		whole = recognition.Recognition{Answer: credentials.No, Basis: recognition.NoBasis, Why: "missing: " + strings.Join(out.Missing, ", ")}
	}
	out.Recognition = whole
}

// called names an achievement for people.
func (n *Node) called(achievement string) string {
	for _, c := range n.catalogues() {
		for slug, a := range c.Achievements.All() {
			if c.ID(n.issuer(), slug) == achievement {
				return a.Name
			}
		}
	}
	return achievement
}
