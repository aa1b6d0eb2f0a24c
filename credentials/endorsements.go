package credentials

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// maxEndorsements bounds the work that one badge can ask for.
const maxEndorsements = 16

// maxRecords bounds the credentials of one comprehensive learner record.
const maxRecords = 64

// Endorser is somebody who stands behind a badge by an endorsement that
// verifies (Open Badges 3.0, EndorsementCredential).
type Endorser struct {
	ID      string `json:"id"` // DID
	Name    string `json:"name,omitempty"`
	Of      string `json:"of"` // badge, achievement, issuer, creator or source
	Comment string `json:"comment,omitempty"`
	By      string `json:"endorsement,omitempty"` // id of the endorsement
}

// part is a credential that belongs to another: within it, or brought along.
type part struct {
	raw     []byte
	pointer string
	of      string // what it is about, "" for a record
	about   []about
}

// about is an id by which an endorsement is about something, and what that is.
type about struct{ id, of string }

// names returns what an endorsement of a subject is about.
func (p part) names(subject string) (of string, ok bool) {
	for _, a := range p.about {
		if a.id == subject && subject != "" {
			return a.of, true
		}
	}
	return "", false
}

// partsOf returns the endorsements of a credential, its achievement and its
// issuer, and the credentials of a comprehensive learner record.
func partsOf(doc jsondoc.Value) (endorsements, records []part) {
	subject := doc.Get("credentialSubject").First()
	achievement := subject.Get("achievement").First()
	for _, at := range []struct {
		of string
		v  jsondoc.Value
	}{{"badge", doc}, {"achievement", achievement}, {"issuer", doc.Get("issuer")}, {"creator", achievement.Get("creator")}, {"source", subject.Get("source")}} {
		for _, name := range []string{"endorsement", "endorsementJwt"} {
			for e := range at.v.Get(name).Elements() {
				p := part{partBytes(e), e.Pointer(), at.of, []about{{at.v.ID(), at.of}}}
				if at.of == "achievement" {
					p.about = append(p.about, about{countsAs(at.v), at.of})
				}
				endorsements = append(endorsements, p)
			}
		}
	}
	if has(doc.Get("type"), "ClrCredential") {
		for e := range subject.Get("verifiableCredential").Elements() {
			records = append(records, part{raw: partBytes(e), pointer: e.Pointer()})
		}
	}
	return endorsements, records
}

// partBytes returns a credential within another as it was signed.
func partBytes(e jsondoc.Value) []byte {
	if jwt, ok := e.Text(); ok {
		return []byte(jwt)
	}
	if jwt, ok := strings.CutPrefix(text(e.Get("id")), envelope); ok && has(e.Get("type"), "EnvelopedVerifiableCredential") {
		return []byte(jwt)
	}
	return e.Raw()
}

// endorsements verifies the credentials within a badge, and the endorsements
// that came along with it, by the same steps. A broken one within refuses the
// badge, since somebody altered it; one that lapsed, that is about something
// else, or that came along and is broken is for the reader.
func (j *judgement) endorsements(ctx context.Context) {
	all, records := partsOf(j.c.doc)
	within := len(all)
	for _, raw := range j.o.Endorsements {
		all = append(all, part{raw: raw, of: "badge", about: []about{{j.c.ID(), "badge"}, {j.c.AchievementID(), "achievement"}, {j.c.CountsAs(), "achievement"}, {j.c.IssuerID(), "issuer"}}})
	}
	if len(all)+len(records) == 0 {
		if !j.required() {
			j.add(nothing(CheckEndorsements, "it holds no endorsements"))
		}
		return
	}
	if len(all) > maxEndorsements || len(records) > maxRecords || j.depth > 1 {
		j.add(Check{Name: CheckEndorsements, Answer: No, Code: CodeLimit, Message: fmt.Sprintf("more than %d endorsements or %d records, or endorsed more than twice over", maxEndorsements, maxRecords)})
		return
	}
	result, others := Check{Name: CheckEndorsements, Answer: Yes, Code: CodeOK}, -1
	for i, e := range slices.Concat(all, records) {
		d := j.endorsement(ctx, e, len(records) > 0)
		if d.Code == CodeOK {
			continue
		}
		others++
		d.Advisory = d.Advisory || i >= within && i < len(all)
		if result.Code == CodeOK || result.Advisory && !d.Advisory {
			result = d
		}
	}
	switch n, who := Endorsing(j.r.Endorsers); {
	case result.Code == CodeOK && n == 0:
		result.Message = fmt.Sprintf("%d verified", len(all)+len(records))
	case result.Code == CodeOK:
		result.Message = fmt.Sprintf("endorsed by %d, all verified: %s", n, who)
	case n > 0: // one that lapsed does not hide the others
		result.Message = fmt.Sprintf("endorsed by %d: %s; not counted: %s", n, who, result.Message)
	}
	if others > 0 {
		result.Message += fmt.Sprintf(", and %d more", others)
	}
	if !j.required() || !result.Advisory && result.Answer == No {
		j.add(result)
	}
}

// Endorsing says how many endorse and who: each DID counts once, whatever it
// calls itself, since nobody but itself vouches for a name.
func Endorsing(all []Endorser) (n int, who string) {
	var ids []string
	names, of := map[string][]string{}, map[string][]string{}
	add := func(to map[string][]string, id, s string) {
		if !slices.Contains(to[id], s) {
			to[id] = append(to[id], s)
		}
	}
	for _, e := range all {
		if !slices.Contains(ids, e.ID) {
			ids = append(ids, e.ID)
		}
		add(of, e.ID, e.Of)
		if e.Name != "" {
			add(names, e.ID, strconv.Quote(e.Name))
		}
	}
	told := make([]string, len(ids))
	for i, id := range ids {
		if told[i] = id; names[id] != nil {
			told[i] = strings.Join(names[id], " or ") + " " + id
		}
		told[i] += " (" + strings.Join(of[id], ", ") + ")"
	}
	return len(ids), strings.Join(told, "; ")
}

// endorsement verifies one part. Its code is [CodeOK] when it holds.
func (j *judgement) endorsement(ctx context.Context, e part, ofRecord bool) Check {
	what := "an endorsement: "
	if ofRecord {
		what = "a credential within it: "
	}
	told := func(d Check, advisory bool) Check {
		got := Check{Name: CheckEndorsements, Answer: d.Answer, Code: d.Code, Message: what + d.Message, Pointer: e.pointer, URL: d.URL}
		if advisory {
			got.Code, got.Advisory = CodeEndorsement, true
		}
		return got
	}
	c, form, err := ParseAny(e.raw)
	if err != nil {
		return told(explainParse(err).check(CheckShape), false)
	}
	if e.of != "" && c.IssuerID() != "" {
		_, who := Endorsing([]Endorser{{ID: c.IssuerID(), Name: c.IssuerName(), Of: e.of}})
		what = "the endorsement by " + who + ": "
	}
	o := ReportOptions{At: j.o.At, Offline: j.o.Offline}
	if badgeClass(c.doc) == nil && ofRecord {
		o.Kind = AnyCredential // a record may be of any kind
	}
	r := j.v.judgeAt(ctx, c, form, o, j.depth+1)
	if r.Verdict != Valid {
		d := r.decisive()
		if _, ours := e.names(c.SubjectID()); r.Verdict == Undecided && ours {
			j.unjudged = append(j.unjudged, c.IssuerID())
		}
		return told(d, d.Answer == Unknown || d.Name != CheckShape && d.Name != CheckProof && d.Name != CheckIssuer)
	}
	if e.of == "" {
		return Check{Code: CodeOK}
	}
	subject := c.SubjectID()
	of, ours := e.names(subject)
	if !ours {
		return told(Check{Answer: No, Message: fmt.Sprintf("it is about %s, and not about this %s", cmp.Or(subject, "nothing"), e.of)}, true)
	}
	found := Endorser{ID: c.IssuerID(), Name: c.IssuerName(), Of: of, By: c.ID()}
	found.Comment = c.subject().Get("endorsementComment").Words()
	if !slices.Contains(j.r.Endorsers, found) {
		j.r.Endorsers = append(j.r.Endorsers, found)
	}
	return Check{Code: CodeOK}
}

// required adds the answer about endorsements that the verifier asks for and
// that are not there; false: there are none such.
func (j *judgement) required() bool {
	var unsure []string
	for _, want := range j.o.EndorsedBy {
		switch {
		case slices.ContainsFunc(j.r.Endorsers, func(e Endorser) bool { return e.ID == want }):
		case slices.Contains(j.unjudged, want):
			unsure = append(unsure, want)
		default:
			j.add(Check{Name: CheckEndorsements, Answer: No, Code: CodeEndorsementMissing, Message: "no endorsement by " + want + ", which you ask for, is in force: neither of the badge nor of its achievement or issuer"})
			return true
		}
	}
	if len(unsure) > 0 {
		j.add(Check{Name: CheckEndorsements, Answer: Unknown, Code: CodeEndorsementUnknown, Message: "whether the endorsement by " + unsure[0] + ", which you ask for, is in force could not be told"})
	}
	return len(unsure) > 0
}
