// Package elm writes an Open Badge in the words of the European Learning Model
// 3, as Europass reads it: a European Digital Credential of the profile
// "converted", with the original badge in it as evidence. It is not signed;
// what Europass calls signed is an electronic seal of a body, which only the
// holder of a qualified certificate can make.
package elm

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrConvert says that a badge cannot be told in this model, or that something
// is missing for it; the message names the flag of the command line.
var ErrConvert = errors.New("no European Digital Credential")

// Legal is what the model asks for and no badge holds. Each is told to whoever
// gets the document.
type Legal struct {
	Learner    string // full legal name of the learner
	Issuer     string // legal name of the awarding body; default: as in the badge
	Identifier string // legal identifier of the awarding body, such as BE-126839
	Country    string // of the awarding body, ISO 3166-1; default: how Identifier begins
}

const (
	snb     = "http://data.europa.eu/snb/"
	country = "http://publications.europa.eu/resource/authority/country"
	spoken  = "http://publications.europa.eu/resource/authority/language"
	media   = "http://publications.europa.eu/resource/authority/file-type"
)

type object = map[string]any

// Build converts a badge; image is a PNG to show with it. The error wraps
// [ErrConvert].
func Build(c credentials.Credential, l Legal, image []byte) ([]byte, error) {
	switch {
	case c.IsSelfAsserted():
		return nil, fmt.Errorf("%w: nobody but you awarded it, and the model wants an awarding body", ErrConvert)
	case !c.Achievement().Exists() || c.Name() == "":
		return nil, fmt.Errorf("%w: it is no badge of an achievement with a name", ErrConvert)
	case strings.TrimSpace(l.Learner) == "":
		return nil, fmt.Errorf("%w: give your legal name with --legal-name; the model asks for it", ErrConvert)
	case strings.TrimSpace(l.Identifier) == "":
		return nil, fmt.Errorf("%w: give the issuer's legal identifier with --issuer-id, such as BE-126839; ask the issuer for it", ErrConvert)
	}
	l.Issuer = cmp.Or(l.Issuer, c.IssuerName())
	if l.Issuer == "" {
		return nil, fmt.Errorf("%w: the badge does not tell its issuer's name; give it with --issuer-name", ErrConvert)
	}
	before, _, parted := strings.Cut(l.Identifier, "-")
	place, ok := countryOf(cmp.Or(l.Country, before))
	if l.Country == "" { // a guess, so that it has to be one that is known
		ok = ok && parted && slices.Contains(slices.Collect(maps.Values(countries)), place)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %q is no country; give the issuer's with --country, such as BEL", ErrConvert, cmp.Or(l.Country, before))
	}
	lang := "en"
	if in, _ := c.Achievement().Get("inLanguage").Text(); languages[primary(in)] != "" {
		lang = primary(in)
	}
	b := builder{c: c, f: c.Facts(), legal: l, country: place, lang: lang}
	return jsondoc.Marshal(object{"credential": b.credential(image)})
}

func primary(tag string) string {
	p, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return p
}

type builder struct {
	c             credentials.Credential
	f             credentials.Facts
	legal         Legal
	country, lang string
	n             int
}

// id names a part of the document.
func (b *builder) id(kind string) string {
	b.n++
	return fmt.Sprintf("urn:epass:%s:%d", kind, b.n)
}

func (b *builder) text(s string) object { return object{b.lang: s} }

// concept is a term of a controlled vocabulary.
func concept(uri, scheme string) object {
	return object{"id": uri, "type": "Concept", "inScheme": object{"id": scheme, "type": "ConceptScheme"}}
}

func (b *builder) named(uri, scheme, name string) object {
	c := concept(uri, scheme)
	c["prefLabel"] = object{"en": name}
	return c
}

// list is the scheme of a vocabulary of the European Learning Model.
func list(name string) string { return snb + name + "/25831c2" }

func stamp(t time.Time) string { return jsondoc.Stamp(t) }

func (b *builder) credential(image []byte) object {
	issuer := b.issuer()
	out := object{
		"@context": []string{"https://www.w3.org/2018/credentials/v1", snb + "model/context/edc-ap"},
		"id":       cmp.Or(b.c.ID(), b.id("credential")), "type": []string{"VerifiableCredential", "EuropeanDigitalCredential"},
		"credentialProfiles": b.named(snb+"credential/e34929035b", list("credential"), "Generic"),
		"displayParameter":   b.display(image),
		"issuer":             issuer, "issuanceDate": stamp(b.c.ValidFrom()), "issued": stamp(b.c.AwardedDate()), "validFrom": stamp(b.c.ValidFrom()),
		"credentialSchema": object{"id": snb + "model/ap/edc-generic-full", "type": "ShaclValidator2017"},
		"credentialSubject": object{"id": cmp.Or(b.c.SubjectID(), b.id("person")), "type": "Person", "fullName": b.text(b.legal.Learner),
			"hasClaim": b.achievement(issuer)},
		"evidence": []object{b.evidence()},
	}
	if until := b.c.ValidUntil(); !until.IsZero() {
		out["expirationDate"] = stamp(until)
	}
	return out
}

func (b *builder) display(image []byte) object {
	code := languages[b.lang]
	in := func() object { return concept(spoken+"/"+code, spoken) }
	return object{"id": b.id("displayParameter"), "type": "DisplayParameter", "title": b.text(b.c.Name()), "description": b.text(b.description()),
		"language": in(), "primaryLanguage": in(),
		"individualDisplay": object{"id": b.id("individualDisplay"), "type": "IndividualDisplay", "language": in(),
			"displayDetail": object{"id": b.id("displayDetail"), "type": "DisplayDetail", "page": 1, "image": b.media("", "PNG", image)}}}
}

func (b *builder) description() string {
	d, _ := b.c.Achievement().Get("description").Text()
	return cmp.Or(d, b.c.Name())
}

func (b *builder) media(title, kind string, content []byte) object {
	m := object{"id": b.id("mediaObject"), "type": "MediaObject", "content": base64.StdEncoding.EncodeToString(content),
		"contentEncoding": b.named(snb+"encoding/6146cde7dd", list("encoding"), "base64"), "contentType": b.named(media+"/"+kind, media, kind)}
	if title != "" {
		m["title"] = object{"en": title}
	}
	return m
}

func (b *builder) issuer() object {
	here := func() object { return concept(country+"/"+b.country, country) }
	return object{"id": b.c.IssuerID(), "type": "Organisation", "legalName": b.text(b.legal.Issuer),
		"location":        object{"id": b.id("location"), "type": "Location", "address": object{"id": b.id("address"), "type": "Address", "countryCode": here()}},
		"eIDASIdentifier": object{"id": b.id("legalIdentifier"), "type": "LegalIdentifier", "notation": b.legal.Identifier, "spatial": here()}}
}

func (b *builder) achievement(issuer object) object {
	process := object{"id": b.id("awardingProcess"), "type": "AwardingProcess", "awardingBody": issuer, "awardingDate": stamp(b.c.AwardedDate())}
	a := object{"id": b.id("learningAchievement"), "type": "LearningAchievement", "title": b.text(b.c.Name()), "awardedBy": process, "specifiedBy": b.qualification()}
	if b.f.Assessment == "" && b.f.Level == "" {
		return a
	}
	p := object{"id": b.id("learningAssessment"), "type": "LearningAssessment", "title": b.text(b.c.Name()), "awardedBy": process,
		"grade": object{"id": b.id("note"), "type": "Note", "noteLiteral": b.text(cmp.Or(b.f.Level, "passed"))}}
	if b.f.Assessment != "" {
		p["specifiedBy"] = object{"id": b.id("learningAssessmentSpec"), "type": "LearningAssessmentSpecification", "title": b.text(b.c.Name()),
			"dcType": concept(b.f.Assessment, list("assessment"))}
	}
	a["provenBy"] = p
	return a
}

func (b *builder) qualification() object {
	q := object{"id": cmp.Or(b.c.CountsAs(), b.id("qualification")), "type": "Qualification", "title": b.text(b.c.Name()), "description": b.text(b.description()),
		"isPartialQualification": true}
	if outcomes := b.outcomes(); len(outcomes) > 0 {
		q["learningOutcome"] = outcomes
	}
	if b.f.EQF != "" {
		q["eqfLevel"] = concept(b.f.EQF, list("eqf"))
	}
	if b.f.Setting != "" {
		q["learningSetting"] = concept(b.f.Setting, list("learning-setting"))
	}
	if b.f.Workload != "" {
		q["volumeOfLearning"] = b.f.Workload
	}
	if b.f.Credits > 0 && b.f.CreditFramework != "" {
		q["creditPoint"] = object{"id": b.id("creditPoint"), "type": "CreditPoint", "framework": concept(b.f.CreditFramework, list("education-credit")),
			"point": strconv.FormatFloat(b.f.Credits, 'f', -1, 64)}
	}
	return q
}

// outcomes tells the learning outcomes; skills of ESCO belong to the first, or
// stand for themselves.
func (b *builder) outcomes() (out []object) {
	var skills []object
	for _, s := range b.f.Skills {
		skills = append(skills, b.named(s.URL, "http://data.europa.eu/esco/concept-scheme/skills", s.Name))
	}
	for _, o := range b.f.Outcomes {
		out = append(out, object{"id": o.URL, "type": "LearningOutcome", "title": b.text(o.Name)})
	}
	if len(skills) > 0 {
		if len(out) == 0 {
			out = append(out, object{"id": b.id("learningOutcome"), "type": "LearningOutcome", "title": b.text(b.c.Name())})
		}
		out[0]["relatedESCOSkill"] = skills
	}
	return out
}

// evidence holds the badge as it was signed: whoever wants proof verifies that.
func (b *builder) evidence() object {
	kind := "JSON_LD"
	if b.c.IsJWT() {
		kind = "TXT"
	}
	return object{"id": b.id("evidence"), "type": "Evidence", "dcType": concept(snb+"evidence-type/c_18016257", list("evidence-type")),
		"embeddedEvidence": []object{b.media("Open Badge 3.0 credential", kind, b.c.Bytes())}}
}
