package requirement

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// Request asks somebody to show badges that meet a requirement. It says itself
// what the names in it stand for, so that who is asked needs no catalogue.
type Request struct {
	Name        string            `json:"name"` // such as of the role
	Requirement Requirement       `json:"requirement"`
	Badges      map[string]Wanted `json:"badges"`
}

// NewRequest makes a request of a requirement and what its names stand for.
// The error wraps [ErrInvalid].
func NewRequest(name string, r Requirement, names Names) (Request, error) {
	out := Request{Name: name, Requirement: r, Badges: map[string]Wanted{}}
	if err := r.Check(); err != nil {
		return out, err
	}
	for _, b := range r.Badges() {
		w, ok := names(b)
		if !ok {
			return out, fmt.Errorf("%w: nothing tells what %q stands for", ErrInvalid, b)
		}
		out.Badges[b] = w
	}
	return out, nil
}

// Names tells what the names of the request stand for.
func (r Request) Names() Names {
	return func(badge string) (Wanted, bool) { w, ok := r.Badges[badge]; return w, ok }
}

// ReadRequest reads a stranger's request. The error wraps [ErrInvalid].
func ReadRequest(v jsondoc.Value) (Request, error) {
	r, err := FromJSON(v.Get("requirement"))
	if err != nil {
		return Request{}, err
	}
	out := Request{Requirement: r, Badges: map[string]Wanted{}}
	out.Name, _ = v.Get("name").Text()
	for _, b := range r.Badges() {
		w := v.Get("badges").Get(b)
		if !w.Exists() {
			return out, fmt.Errorf("%w: nothing tells what %q stands for", ErrInvalid, b)
		}
		var got Wanted
		if err := json.Unmarshal(w.Raw(), &got); err != nil || got.Achievement == "" || slices.Contains(got.Issuers, "") {
			return out, fmt.Errorf("%w: %s names no achievement and issuers (%v)", ErrInvalid, w.Pointer(), err)
		}
		out.Badges[b] = got
	}
	return out, nil
}
