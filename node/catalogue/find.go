package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/fetch"
)

// Getter gets what is at an address.
type Getter func(ctx context.Context, address string) ([]byte, error)

// maxListed bounds the catalogues of one publisher that are told apart.
const maxListed = 200

// Locate returns the address of a catalogue: that of the catalogue itself, or,
// given the address or the did:web of a publisher, that of the only one that
// it publishes. The error wraps [ErrInvalid] and names the catalogues where
// there are several.
func Locate(ctx context.Context, get Getter, named string) (string, error) {
	named = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(named), "/"), "/catalogue.json")
	base := named
	if strings.HasPrefix(named, "did:") {
		d, err := did.Parse(named)
		if err == nil {
			base, err = web.Resolver{Loopback: true}.URL(d) // whether it may be asked is for get to say
		}
		if err != nil {
			return "", refusef("%s: %v; give the address of the catalogue, such as https://birch.example/design", named, err)
		}
		base = strings.TrimSuffix(strings.TrimSuffix(base, "/did.json"), "/.well-known")
	} else if _, err := get(ctx, named+"/catalogue.json"); !isMissing(err) {
		return named, nil // there, or out of reach: the next step tells
	}
	raw, err := get(ctx, base+"/catalogues")
	if isMissing(err) {
		return "", refusef("no catalogue is at %s, and nothing there says which there are; give its address, such as https://birch.example/design", base)
	}
	if err != nil {
		return "", err
	}
	var all []string
	if err := json.Unmarshal(raw, &all); err != nil || len(all) > maxListed {
		return "", refusef("%s/catalogues lists no catalogues", base)
	}
	for _, a := range all {
		if !strings.HasPrefix(a, base+"/") {
			return "", refusef("%s/catalogues names %.200q, which is not there", base, a)
		}
	}
	switch len(all) {
	case 0:
		return "", refusef("%s publishes no catalogue", base)
	case 1:
		return all[0], nil
	}
	return "", refusef("%s publishes %d catalogues; name one of %s", base, len(all), strings.Join(all, ", "))
}

func isMissing(err error) bool {
	var code *fetch.StatusError
	return errors.As(err, &code) && code.Code == http.StatusNotFound
}

// Listed is what a publisher of catalogues answers.
func Listed(base string, all []*Catalogue) []string {
	out := []string{}
	for _, c := range all {
		out = append(out, fmt.Sprintf("%s/%s", strings.TrimRight(base, "/"), c.Slug))
	}
	return out
}
