// Package requirement holds the one expression of the learning side: a badge
// (at a level, within a time), all, any, or n of several. Prerequisites of a
// path, its goal, roles, milestones and what a presentation must show are such
// expressions. They are evaluated over verified credentials and a time alone,
// the same way by a node and, offline, by a wallet.
package requirement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// ErrInvalid says that a requirement is not of the form described at
// [Requirement].
var ErrInvalid = errors.New("no requirement")

// Requirement is a badge, or exactly one of All, Any, and N with Of. Badge is
// a name that [Names] knows; Level is the least level that counts, 0 for any;
// Within is an ISO 8601 duration: awarded that long ago at most.
type Requirement struct {
	Badge  string
	Level  int
	Within string
	All    []Requirement
	Any    []Requirement
	N      int
	Of     []Requirement
}

// Bounds on a stranger's requirement.
const (
	maxDepth = 16
	maxParts = 1000
)

// Check reports what is wrong with a requirement. The error wraps
// [ErrInvalid].
func (r Requirement) Check() error {
	parts := 0
	return r.check(0, &parts)
}

func (r Requirement) check(depth int, parts *int) error {
	if *parts++; depth > maxDepth || *parts > maxParts {
		return fmt.Errorf("%w: it has more than %d parts, or is nested deeper than %d", ErrInvalid, maxParts, maxDepth)
	}
	forms := 0
	for _, has := range []bool{r.Badge != "", r.All != nil, r.Any != nil, r.Of != nil} {
		if has {
			forms++
		}
	}
	switch {
	case forms != 1:
		return fmt.Errorf("%w: a requirement is a badge, or exactly one of badge, all, any, and n with of", ErrInvalid)
	case r.Badge == "" && (r.Level != 0 || r.Within != ""):
		return fmt.Errorf("%w: level and within belong to a badge", ErrInvalid)
	case r.Level < 0:
		return fmt.Errorf("%w: level %d: the first is 1", ErrInvalid, r.Level)
	case r.Of == nil && r.N != 0:
		return fmt.Errorf("%w: n belongs to of", ErrInvalid)
	case r.Of != nil && (r.N < 1 || r.N > len(r.Of)):
		return fmt.Errorf("%w: n must be 1 to %d, the length of of", ErrInvalid, len(r.Of))
	case r.All != nil && len(r.All) == 0 || r.Any != nil && len(r.Any) == 0:
		return fmt.Errorf("%w: all and any name at least one part", ErrInvalid)
	}
	if r.Within != "" {
		if _, err := ParsePeriod(r.Within); err != nil {
			return fmt.Errorf("%w: within: %v", ErrInvalid, err)
		}
	}
	for _, p := range r.parts() {
		if err := p.check(depth+1, parts); err != nil {
			return err
		}
	}
	return nil
}

func (r Requirement) parts() []Requirement {
	switch {
	case r.All != nil:
		return r.All
	case r.Any != nil:
		return r.Any
	}
	return r.Of
}

// Badges returns every badge that the requirement names, in order, a name as
// often as it stands there.
func (r Requirement) Badges() []string {
	if r.Badge != "" {
		return []string{r.Badge}
	}
	var out []string
	for _, p := range r.parts() {
		out = append(out, p.Badges()...)
	}
	return out
}

// String writes the requirement as people read it: designer@2, 1 of (earner |
// evidence).
func (r Requirement) String() string {
	join := func(sep string) string {
		var texts []string
		for _, p := range r.parts() {
			texts = append(texts, p.String())
		}
		return strings.Join(texts, sep)
	}
	switch {
	case r.Badge != "":
		text := r.Badge
		if r.Level > 0 {
			text += fmt.Sprintf("@%d", r.Level)
		}
		if r.Within != "" {
			text += " within " + r.Within
		}
		return text
	case r.All != nil:
		return "(" + join(" and ") + ")"
	case r.Any != nil:
		return "1 of (" + join(" | ") + ")"
	case r.Of != nil:
		return fmt.Sprintf("%d of (%s)", r.N, join(" | "))
	}
	return "nothing"
}

// MarshalJSON writes a badge without level and time as its name alone.
func (r Requirement) MarshalJSON() ([]byte, error) {
	if r.Badge != "" && r.Level == 0 && r.Within == "" {
		return jsondoc.Marshal(r.Badge)
	}
	return jsondoc.Marshal(struct {
		Badge  string        `json:"badge,omitempty"`
		Level  int           `json:"level,omitempty"`
		Within string        `json:"within,omitempty"`
		All    []Requirement `json:"all,omitempty"`
		Any    []Requirement `json:"any,omitempty"`
		N      int           `json:"n,omitempty"`
		Of     []Requirement `json:"of,omitempty"`
	}{r.Badge, r.Level, r.Within, r.All, r.Any, r.N, r.Of})
}

// UnmarshalJSON reads what MarshalJSON writes, exactly: an unknown member is
// an error.
func (r *Requirement) UnmarshalJSON(raw []byte) error {
	v, err := jsondoc.Parse(bytes.Clone(raw))
	if err != nil {
		return err
	}
	got, err := FromJSON(v)
	if err == nil {
		*r = got
	}
	return err
}

var _ json.Unmarshaler = (*Requirement)(nil)

// FromJSON reads and checks a requirement. The error wraps [ErrInvalid] and
// names the place.
func FromJSON(v jsondoc.Value) (Requirement, error) {
	r, err := fromJSON(v)
	if err == nil {
		err = r.Check()
	}
	return r, err
}

func fromJSON(v jsondoc.Value) (r Requirement, err error) {
	if s, ok := v.Text(); ok {
		return Requirement{Badge: s}, nil
	}
	if v.Kind() != jsondoc.Object {
		return r, fmt.Errorf("%w: %s is neither a name nor an object", ErrInvalid, place(v))
	}
	for name, m := range v.Members() {
		ok := true
		switch name {
		case "badge":
			r.Badge, ok = m.Text()
		case "within":
			r.Within, ok = m.Text()
		case "level", "n":
			var n int64
			if n, ok = m.Int(); n < 0 || n > maxParts {
				ok = false
			}
			if name == "level" {
				r.Level = int(n)
			} else {
				r.N = int(n)
			}
		case "all":
			r.All, err = list(m)
		case "any":
			r.Any, err = list(m)
		case "of":
			r.Of, err = list(m)
		default:
			return r, fmt.Errorf("%w: %s is no member of one", ErrInvalid, m.Pointer())
		}
		if err != nil {
			return r, err
		}
		if !ok {
			return r, fmt.Errorf("%w: %s has the wrong type", ErrInvalid, m.Pointer())
		}
	}
	return r, nil
}

func list(v jsondoc.Value) ([]Requirement, error) {
	if v.Kind() != jsondoc.Array {
		return nil, fmt.Errorf("%w: %s is no list", ErrInvalid, place(v))
	}
	out := make([]Requirement, 0, v.Len())
	for e := range v.Elements() {
		r, err := fromJSON(e)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func place(v jsondoc.Value) string {
	if p := v.Pointer(); p != "" {
		return p
	}
	return "it"
}
