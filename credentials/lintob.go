package credentials

import (
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/bounded"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// class is one class of the data models of Open Badges 3.0 (§B) and CLR 2.0.
// closed says that it has no members but its own, single that its type is one
// word.
type class struct {
	name    string
	closed  bool
	single  bool
	members []member
	at      map[string]int // in members, by name
	own     bool           // that each badge has of its own: credential and subject
}

// member is one property of a class. kind is text, url, date, day, number,
// bool, jwt, language, an enumeration, or the name of a class.
type member struct {
	name string
	kind string
	card string // "1", "0..1", "*", "1..*"

	// What kind means.
	scalar *scalar
	words  []string
	class  *class
}

// classes are written from the class models of the specifications.
var classes = model(`
AchievementCredential
	id url 1; name text 0..1; description text 0..1; image Image 0..1; awardedDate date 0..1; issuer ProfileRef 1
	credentialSubject AchievementSubject 1; endorsement Endorsement *; endorsementJwt jwt *; evidence Evidence *
EndorsementCredential
	id url 1; name text 1; description text 0..1; awardedDate date 0..1; issuer ProfileRef 1; credentialSubject EndorsementSubject 1
	evidence Evidence *
ClrCredential
	id url 1; name text 1; description text 0..1; image Image 0..1; partial bool 0..1; awardedDate date 0..1; issuer ProfileRef 1
	credentialSubject ClrSubject 1; endorsement Endorsement *; endorsementJwt jwt *; evidence Evidence *
ClrSubject
	id url 0..1; identifier IdentityObject *; achievement Achievement *; verifiableCredential VerifiableCredential 1..*; association Association *
Association single
	associationType associationType 1; sourceId url 1; targetId url 1
AchievementSubject
	id url 0..1; activityEndDate date 0..1; activityStartDate date 0..1; creditsEarned number 0..1; achievement Achievement 1
	identifier IdentityObject *; image Image 0..1; licenseNumber text 0..1; narrative text 0..1; result Result *; role text 0..1; source Profile 0..1; term text 0..1
EndorsementSubject
	id url 1; endorsementComment text 0..1
Achievement
	id url 1; alignment Alignment *; achievementType achievementType 0..1; creator Profile 0..1; creditsAvailable number 0..1; criteria Criteria 1
	description text 1; endorsement Endorsement *; endorsementJwt jwt *; fieldOfStudy text 0..1; humanCode text 0..1; image Image 0..1
	inLanguage language 0..1; name text 1; otherIdentifier IdentifierEntry *; related Related *; resultDescription ResultDescription *
	specialization text 0..1; tag text *; version text 0..1
Profile
	id url 1; name text 0..1; url url 0..1; phone text 0..1; description text 0..1; endorsement Endorsement *; endorsementJwt jwt *; image Image 0..1
	email text 0..1; address Address 0..1; otherIdentifier IdentifierEntry *; official text 0..1; parentOrg Profile 0..1; familyName text 0..1
	givenName text 0..1; additionalName text 0..1; patronymicName text 0..1; honorificPrefix text 0..1; honorificSuffix text 0..1; familyNamePrefix text 0..1; dateOfBirth day 0..1
Address
	addressCountry text 0..1; addressCountryCode text 0..1; addressRegion text 0..1; addressLocality text 0..1; streetAddress text 0..1; postOfficeBoxNumber text 0..1; postalCode text 0..1; geo GeoCoordinates 0..1
GeoCoordinates single
	latitude number 1; longitude number 1
Image closed
	id url 1; caption text 0..1
Criteria untyped
	id url 0..1; narrative text 0..1
Evidence
	id url 0..1; narrative text 0..1; name text 0..1; description text 0..1; genre text 0..1; audience text 0..1
Alignment
	targetCode text 0..1; targetDescription text 0..1; targetName text 1; targetFramework text 0..1; targetType targetType 0..1; targetUrl url 1
IdentityObject closed
	hashed bool 1; identityHash text 1; identityType identifierType 1; salt text 0..1
IdentifierEntry closed
	identifier text 1; identifierType identifierType 1
Related
	id url 1; inLanguage language 0..1; version text 0..1
Result
	achievedLevel url 0..1; alignment Alignment *; resultDescription url 0..1; status status 0..1; value text 0..1
ResultDescription
	id url 1; alignment Alignment *; allowedValue text *; name text 1; requiredLevel url 0..1; requiredValue text 0..1; resultType resultType 1
	rubricCriterionLevel RubricCriterionLevel *; valueMax text 0..1; valueMin text 0..1
Proof untyped
	created date 0..1; challenge text 0..1; cryptosuite text 0..1; domain text 0..1; nonce text 0..1; proofPurpose text 0..1; proofValue text 0..1; verificationMethod text 0..1
RubricCriterionLevel
	id url 1; alignment Alignment *; description text 0..1; level text 0..1; name text 1; points text 0..1
`)

// enums are the vocabularies; all but those of fixed also take "ext:…".
var enums = map[string][]string{
	"achievementType": strings.Fields("Achievement ApprenticeshipCertificate Assessment Assignment AssociateDegree Award Badge BachelorDegree Certificate CertificateOfCompletion Certification CommunityService Competency Course CoCurricular Degree Diploma DoctoralDegree Fieldwork GeneralEducationDevelopment JourneymanCertificate LearningProgram License Membership ProfessionalDoctorate QualityAssuranceCredential MasterCertificate MasterDegree MicroCredential ResearchDoctorate SecondarySchoolDiploma"),
	"identifierType":  strings.Fields("name sourcedId systemId productId userName accountId emailAddress nationalIdentityNumber isbn issn lisSourcedId oneRosterSourcedId sisSourcedId ltiContextId ltiDeploymentId ltiToolId ltiPlatformId ltiUserId identifier"),
	"targetType":      strings.Fields("ceasn:Competency ceterms:Credential CFItem CFRubric CFRubricCriterion CFRubricCriterionLevel CTDL"),
	"resultType":      strings.Fields("GradePointAverage LetterGrade Percent PerformanceLevel PredictedScore RawScore Result RubricCriterion RubricCriterionLevel RubricScore ScaledScore Status"),
	"associationType": strings.Fields("exactMatchOf isChildOf isParentOf isPartOf isPeerOf isRelatedTo precedes replacedBy"),
	"status":          strings.Fields("Completed Enrolled Failed InProgress OnHold Provisional Withdrew"),
}

// AchievementTypes are the types of achievements that Open Badges 3.0 names
// (§B.1.1, AchievementType); others begin with "ext:".
func AchievementTypes() []string { return slices.Clone(enums["achievementType"]) }

var fixed = []string{"status", "associationType"}

// model reads the table above: a class on a line of its own, its members on
// the indented ones.
func model(table string) map[string]*class {
	out := map[string]*class{}
	var c *class
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "\t") {
			for part := range strings.SplitSeq(line, ";") {
				if f := strings.Fields(part); len(f) == 3 {
					c.members = append(c.members, member{name: f[0], kind: f[1], card: f[2]})
				}
			}
			for i, m := range c.members {
				c.at[m.name] = i
			}
			out[c.name] = c
		} else if f := strings.Fields(line); len(f) > 0 {
			c = &class{name: f[0], at: map[string]int{}, closed: slices.Contains(f, "closed"), own: strings.HasSuffix(f[0], "Credential") || strings.HasSuffix(f[0], "Subject")}
			c.single = c.closed || slices.Contains(f, "single")
			if !strings.HasSuffix(f[0], "Credential") && !slices.Contains(f, "untyped") {
				c.members = append(c.members, member{name: "type", kind: "type", card: "1"})
			}
		}
	}
	for _, c := range out {
		for i := range c.members {
			m := &c.members[i]
			m.words, m.class = enums[m.kind], out[strings.TrimSuffix(m.kind, "Ref")]
			if k, ok := scalars[m.kind]; ok {
				m.scalar = &k
			}
		}
	}
	return out
}

// class holds an object to a class.
func (l *linter) class(v jsondoc.Value, c *class) {
	if v.Kind() != jsondoc.Object {
		l.bad(v, "", "is not an object", "write one "+c.name)
		return
	}
	if c.own || l.trace != nil || len(l.problems) > 0 || len(v.Raw()) < minSound {
		l.members(v, c)
		return
	}
	raw := v.Raw()
	k := soundKey{c, l.issuing, l.v1, maphash.Bytes(soundSeed, raw)}
	if s, ok := sound.Get(k); ok && s == string(raw) {
		return
	}
	if l.members(v, c); len(l.problems) == 0 && soundOnce.Again(k.sum) {
		sound.Put(k, string(raw))
	}
}

// sound are objects that came twice and keep the rules of their class, by
// their bytes: most of what a stream of badges of one achievement says.
var (
	sound     = bounded.NewMap[soundKey, string](256)
	soundOnce bounded.Twice
	soundSeed = maphash.MakeSeed()
)

// minSound is the size in bytes from which an object is kept.
const minSound = 200

type soundKey struct {
	c           *class
	issuing, v1 bool
	sum         uint64
}

// members holds the members of an object to its class.
func (l *linter) members(v jsondoc.Value, c *class) {
	var few [32]jsondoc.Value
	present := append(few[:0], make([]jsondoc.Value, len(c.members))...)
	for e := v.Child(); e.Exists(); e = e.Next() {
		if i, ok := c.at[e.Name()]; ok {
			present[i] = e
		}
	}
	for i := range c.members {
		m, got := &c.members[i], present[i]
		if m.kind == "type" {
			l.types(v, c.name)
			if c.single {
				l.typed(v)
			}
			continue
		}
		if !got.Exists() {
			if strings.HasPrefix(m.card, "1") && !(l.v1 && forgivenInV1(c.name, m.name)) {
				l.bad(v, m.name, "is missing", "every "+c.name+" needs it")
			}
			continue
		}
		if !strings.HasSuffix(m.card, "*") {
			l.member(got, m)
			continue
		}
		for e := range got.Elements() {
			l.member(e, m)
		}
	}
	if strings.HasSuffix(c.name, "Credential") {
		if !l.v1 && !v.Get("validFrom").Exists() {
			l.bad(v, "validFrom", "is missing", "say since when it is valid")
		}
		l.oneStatus(v)
	}
	for e := v.Child(); c.closed && e.Exists(); e = e.Next() {
		if _, ok := c.at[e.Name()]; !ok {
			l.bad(v, e.Name(), "is no member of "+c.name, "remove it")
		}
	}
}

// forgivenInV1 are members that early versions of Open Badges 3.0, which stood
// on the VC Data Model 1.1, did not demand.
func forgivenInV1(class, name string) bool {
	return name == "name" && class == "EndorsementCredential" || name == "id" && class == "AchievementCredential"
}

// oneStatus: the official schemas refuse a list of statuses, and one without
// id (measured); readers take both.
func (l *linter) oneStatus(v jsondoc.Value) {
	s := v.Get("credentialStatus")
	if !l.issuing || !s.Exists() {
		return
	}
	if s.Kind() != jsondoc.Object {
		l.bad(s, "", "is a list, which the official schemas refuse", "name one status list")
		return
	}
	l.url(s, "id", required)
}

var (
	jwtForm  = regexp.MustCompile(`^[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]*\.[a-zA-Z0-9_-]+$`)
	langForm = regexp.MustCompile(`^[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)
	extForm  = regexp.MustCompile(`ext:[a-z|A-Z|0-9|.|-|_]+`)
)

// scalar is a kind of value: what it must be, what is wrong otherwise, the fix.
type scalar struct {
	ok       func(v jsondoc.Value, s string) bool
	bad, fix string
}

var scalars = map[string]scalar{
	"text":     {func(v jsondoc.Value, _ string) bool { return v.Kind() == jsondoc.String }, "is no text", "write a text"},
	"url":      {func(_ jsondoc.Value, s string) bool { return isURL(s) }, "is no absolute URL", "write one URL with a scheme"},
	"date":     {func(_ jsondoc.Value, s string) bool { _, err := parseTime(s); return err == nil }, "is no date and time with zone", "write it as 2026-11-01T12:00:00Z"},
	"day":      {func(_ jsondoc.Value, s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }, "is no date", "write it as 2026-11-01"},
	"number":   {func(v jsondoc.Value, _ string) bool { return v.Kind() == jsondoc.Number }, "is no number", "write a number"},
	"bool":     {func(v jsondoc.Value, _ string) bool { return v.Kind() == jsondoc.Bool }, "is neither true nor false", "write true or false"},
	"jwt":      {func(_ jsondoc.Value, s string) bool { return jwtForm.MatchString(s) }, "is no compact JWT", "write a compact JWT"},
	"language": {func(_ jsondoc.Value, s string) bool { return langForm.MatchString(s) }, "is no language tag", "write a tag such as en or en-GB"},
}

// scalar holds one value to a kind that has no members.
func (l *linter) scalar(v jsondoc.Value, k *scalar) {
	s, isText := v.Text()
	if k.ok(v, s) {
		return
	}
	if !isText {
		s = string(v.Raw())
	}
	l.bad(v, "", k.bad+": "+jsondoc.Clip(s), k.fix)
}

// member holds one value to its kind.
func (l *linter) member(v jsondoc.Value, m *member) {
	if k := m.scalar; k != nil {
		if l.trace == nil {
			l.scalar(v, k)
			return
		}
		l.rule(v, func(l *linter, v jsondoc.Value) { l.scalar(v, k) })
		return
	}
	s, _ := v.Text()
	if m.words != nil {
		isFixed, fix := slices.Contains(fixed, m.kind), "use one of "+strings.Join(m.words, ", ")
		if !isFixed {
			fix = `use one of the vocabulary, or "ext:…"`
		}
		if !slices.Contains(m.words, s) && (isFixed || !extForm.MatchString(s)) {
			l.bad(v, "", "is none of the words for "+m.name+": "+jsondoc.Clip(string(v.Raw())), fix)
		}
		return
	}
	switch m.kind {
	case "Endorsement":
		l.within(v, "EndorsementCredential")
	case "VerifiableCredential":
		l.within(v, "VerifiableCredential")
	case "Image":
		if !l.v1 || !isURL(s) { // a bare URL is how badges on VC 1.1 have it
			l.class(v, m.class)
		}
	case "ProfileRef":
		if v.Kind() == jsondoc.Object {
			l.class(v, m.class)
		}
	default:
		l.class(v, m.class)
	}
}

// within holds a credential within another to the rules as its issuer must; a
// reader verifies it whole, by the same steps as what holds it.
func (l *linter) within(v jsondoc.Value, want string) {
	switch {
	case v.Kind() != jsondoc.Object:
		l.bad(v, "", "is no credential", "embed the signed "+want)
	case l.issuing && want == "VerifiableCredential" && has(v.Get("type"), "EnvelopedVerifiableCredential"):
		l.url(v, "id", required)
	case l.issuing:
		l.types(v, want)
		k := AnyCredential
		if want != "VerifiableCredential" || badgeClass(v) != nil {
			k = Badge
		}
		v1 := l.v1
		l.credential(v, k)
		l.v1 = v1
	}
}

var hashForm = regexp.MustCompile(`^(sha256\$[0-9a-fA-F]{64}|md5\$[0-9a-fA-F]{32})$`)

// recipient demands that the subject can be told (Open Badges 3.0,
// AchievementSubject, and CLR 2.0, ClrSubject: id or at least one identifier).
func (l *linter) recipient(doc jsondoc.Value) { l.rule(doc, (*linter).named) }

func (l *linter) named(doc jsondoc.Value) {
	s := doc.Get("credentialSubject")
	if s.Kind() != jsondoc.Object {
		return
	}
	if !s.Get("id").Exists() && !s.Get("identifier").Exists() {
		l.bad(s, "", "names nobody", "add id (a DID) or identifier")
	}
	for i := range s.Get("identifier").Elements() {
		hash := text(i.Get("identityHash"))
		hashed, _ := i.Get("hashed").Bool()
		if hashed && !hashForm.MatchString(hash) {
			l.bad(i, "identityHash", "is no hash, though hashed is true", `write sha256$ and 64 hexadecimal digits`)
		}
		if hash == "" {
			l.bad(i, "identityHash", "is empty", "write the identity or its hash")
		}
	}
}
