package catalogue

import (
	"cmp"
	"encoding/json"
	"strings"
)

// Sketch is what a new catalogue begins with.
type Sketch struct {
	Slug, Name, Domain, Language, Country string
	// Badge is the name of its first badge, Objective what that shows.
	Badge, Objective string
}

// Write writes the file of a new catalogue, with comments that say how to go
// on. It has no mistake, or the error says which of the answers is one; it
// wraps [ErrInvalid].
func (s Sketch) Write() ([]byte, error) {
	badge := cmp.Or(strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s.Badge), "-"), "-"), "first")
	if !slugPattern.MatchString(s.Slug) {
		return nil, refusef("%q is no short name; use lower-case letters, digits and hyphens", s.Slug)
	}
	r := strings.NewReplacer("SLUG", s.Slug, "NAME", quote(s.Name), "DOMAIN", quote(s.Domain), "LANGUAGE", quote(cmp.Or(s.Language, "en")), "COUNTRY", quote(s.Country),
		"FIRST", badge, "BADGE", quote(s.Badge), "OBJECTIVE", quote(s.Objective))
	file := []byte(r.Replace(sketch))
	_, err := Parse(file)
	return file, err
}

// quote writes text as a YAML scalar of one line: JSON is YAML.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always has a form
	}
	return string(b)
}

const sketch = `# A catalogue of badges. Check it with: trustme node catalogue lint FILE
# and publish it with: trustme node catalogue publish FILE
catalogue: SLUG            # its name in addresses; never change it
version: 0.1.0             # raise it with every change; diff tells by how much
name: NAME
domain: DOMAIN
language: LANGUAGE
country: COUNTRY           # of who awards; an element of EU micro-credentials
quality: Internal review by two people, each year   # how you keep it good
defaults:                  # for every badge that does not say otherwise
  setting: non-formal      # formal, non-formal or informal
  mode: onsite             # online, onsite, blended, work or project
  rpl: true                # may be earned by validation of prior learning
  review: {quorum: 1, foureyes: true}   # who signs has not reviewed

# What learners can do afterwards. Take objectives of a framework over with:
# trustme node catalogue import esco --into FILE skills_en.csv
objectives:
  lo-first: {kind: skill, text: OBJECTIVE}

achievements:
  FIRST:
    name: BADGE
    kind: skill            # knowledge, skill, competence, participation, contribution, engagement, progress
    description: OBJECTIVE
    outcomes: [lo-first]
    eqf: 3                 # level of the European Qualifications Framework, 1 to 8
    workload: PT5H         # ISO 8601: five hours
    criteria:              # what is asked, one by one; reviewers decide about each
      show: "Shows it in practice, and explains why it is done so."
    assessment: practical  # quiz, portfolio, practical, artefact, attendance, peer, continuous, written, oral, project
    award: {by: review, evidence: {min: 1}}   # or grant, claim-code, event, presentation, rule
    # type: MicroCredential  # one of Open Badges 3.0, in place of what follows from the kind
    # levels: {1: Assisted, 2: Independent, 3: Guides others}
    # pass: 2
    # valid: P2Y           # it expires
    # renew: {window: P90D, when: {evidence: 1}}

# A path lays badges out in an order; enforce holds applications to it.
paths:
  first-path:
    name: NAME
    order: advise          # or enforce
    steps:
      FIRST: {}
      # next: {after: FIRST}
      # other: {after: {any: [FIRST, next]}, optional: true}

# A role names what somebody holds to fill it.
# roles:
#   expert:
#     name: Expert
#     requires: {all: [FIRST]}
`
