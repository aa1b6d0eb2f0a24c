package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/node/catalogue"
)

// holdFor bounds the time in which a partner's catalogues are looked at before
// an agreement is signed.
const holdFor = 20 * time.Second

// holdRules holds what is to be recognised to the partner's published
// catalogues: a source is an achievement of the partner's, and has the level
// that is asked for. What could not be looked at now is returned as notes; the
// agreement may be signed all the same. The error wraps [ErrInput].
func (n *Node) holdRules(ctx context.Context, partner string, rules []recognition.Rule) (notes []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, holdFor)
	defer cancel()
	seen, unseen := map[string]catalogue.Edition{}, map[string]bool{}
	for i, r := range rules {
		refuse := func(format string, args ...any) error {
			return fmt.Errorf("%w: rule %d: "+format, append([]any{ErrInput, i + 1}, args...)...)
		}
		address, slug, ok := strings.Cut(r.Source, "/a/")
		if !ok {
			notes = append(notes, fmt.Sprintf("rule %d: %s is no address as nodes publish them, and was not looked at", i+1, r.Source))
			continue
		}
		e, known := seen[address]
		if !known && !unseen[address] {
			var code *fetch.StatusError
			switch e, err = n.fetchCatalogue(ctx, address); {
			case errors.Is(err, catalogue.ErrInvalid), errors.As(err, &code) && code.Code == http.StatusNotFound:
				return nil, refuse("source: no catalogue is at %s: %v", address, err)
			case err != nil:
				unseen[address] = true
				notes = append(notes, fmt.Sprintf("the catalogue %s was not looked at: %v", address, err))
			default:
				seen[address], known = e, true
			}
		}
		if !known {
			continue
		}
		switch a, has := e.Catalogue.Find(slug); {
		case e.Issuer != partner:
			return nil, refuse("source: %s is an achievement of %s, and the agreement is with %s; make one with them for it", r.Source, e.Issuer, partner)
		case !has:
			return nil, refuse("source: the catalogue %s has no achievement %q; look at its page, and correct source", address, slug)
		case r.MinLevel > len(a.Levels):
			return nil, refuse("level: %d of %s, which has %d levels; ask for one of them, or leave level out", r.MinLevel, a.Name, len(a.Levels))
		}
	}
	return notes, nil
}

// holdPartner wants the address of a partner to be the one that its did:web
// names, where it has one.
func holdPartner(id, base string) error {
	if !strings.HasPrefix(id, "did:web:") || base == "" {
		return nil
	}
	at, err := web.New(base)
	if err != nil {
		return fmt.Errorf("%w: partner: %v", ErrInput, err)
	}
	if at.String() != id {
		return fmt.Errorf("%w: partner: %s is the address of %s, and the agreement is with %s; correct partner or with", ErrInput, base, at, id)
	}
	return nil
}
