package catalogue

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SelfAsserted is an achievement that a learner says of themself, in the terms
// in which catalogues are compiled, so that readers find it the same way.
type SelfAsserted struct {
	ID, Learner, LearnerName string
	Name, Description        string
	Kind                     string // one of the kinds, or empty
	Setting                  string // formal, non-formal or informal
	Outcomes                 []string
	Align                    []string // URI, then its name
}

// Document compiles it into an Open Badges 3.0 Achievement. Formal and
// non-formal learning have a URI in the European Learning Model and are told
// as an alignment; informal learning has none, and is told by a tag alone.
func (s SelfAsserted) Document() (json.RawMessage, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	d := document{
		ID: s.ID, Type: []string{"Achievement"}, Name: s.Name, Description: cmp.Or(s.Description, s.Name), AchievementType: "Achievement",
		Criteria: criteria{s.ID + "#criteria", "Asserted by the learner; nobody judged it."}, Creator: profile{s.Learner, []string{"Profile"}, s.LearnerName},
		Tag: []string{"self-asserted", "setting:" + s.Setting},
	}
	if s.Kind != "" {
		d.AchievementType, d.Tag = kinds[s.Kind], append(d.Tag, "kind:"+s.Kind)
	}
	for i, text := range s.Outcomes {
		d.Alignment = append(d.Alignment, alignment{[]string{"Alignment"}, text, fmt.Sprintf("%s#outcome-%d", s.ID, i+1), "", "", "ext:LearningOutcome"})
	}
	for _, a := range s.Align {
		uri, name, _ := strings.Cut(a, " ")
		framework, typ := "", ""
		if strings.HasPrefix(uri, "http://data.europa.eu/esco/") {
			framework, typ = "ESCO", "ext:ESCOSkill"
		}
		d.Alignment = append(d.Alignment, alignment{[]string{"Alignment"}, cmp.Or(name, uri), uri, "", framework, typ})
	}
	if u := settingURI[s.Setting]; u != "" {
		d.Alignment = append(d.Alignment, alignment{[]string{"Alignment"}, s.Setting + " learning", u, "", "European Learning Model", "ext:LearningSetting"})
	}
	return json.Marshal(d)
}

func (s SelfAsserted) check() error {
	switch {
	case strings.TrimSpace(s.Name) == "" || len(s.Name) > 200:
		return errors.New("name: say what you learned or did, in at most 200 bytes")
	case s.Setting == "" || !slices.Contains(settings, s.Setting):
		return fmt.Errorf("setting %q: it is formal, non-formal or informal", s.Setting)
	case s.Kind != "" && kinds[s.Kind] == "":
		return fmt.Errorf("kind %q: it is knowledge, skill, competence, participation, contribution, engagement or progress", s.Kind)
	}
	for _, a := range s.Align {
		if uri, _, _ := strings.Cut(a, " "); !strings.Contains(uri, ":") {
			return fmt.Errorf("align %q: write a URI and its name, such as \"http://data.europa.eu/esco/skill/5fd5c985 develop digital content\"", a)
		}
	}
	return nil
}
