package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// A partner may authorise this node, by an agreement, to issue achievements
// that the partner created. Their catalogue is fetched, verified and kept: badges
// of it can be signed while the partner is away. Awards of it have the
// catalogue's address as their catalogue.

func partnerTranslations(address string) []byte {
	return []byte("partner-catalogue-translations/" + address)
}

// partners are the kept catalogues, parsed.
type partners struct {
	mu sync.Mutex
	by map[string]partnerParsed
}

type partnerParsed struct {
	c  *catalogue.Catalogue
	is catalogue.Issuer
}

// of finds the catalogue of an award, and who created its achievements.
func (n *Node) of(ctx context.Context, name string) (*catalogue.Catalogue, catalogue.Issuer, error) {
	if c := n.catalogue(name); c != nil {
		return c, n.issuer(), nil
	}
	if !strings.Contains(name, "://") {
		return nil, catalogue.Issuer{}, fmt.Errorf("%w: the catalogue %q of this award is no longer loaded; name its file under catalogues", ErrInput, name)
	}
	p := &n.partners
	p.mu.Lock()
	defer p.mu.Unlock()
	if x, ok := p.by[name]; ok {
		return x.c, x.is, nil
	}
	var k PartnerCatalogue
	var raw, packed []byte
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		if k, err = partnerCatalogues.Get(tx, name); err != nil {
			return err
		}
		if raw, err = store.GetLarge(tx, partnerFile(name)); err != nil {
			return err
		}
		packed, err = store.GetLarge(tx, partnerTranslations(name))
		return ignoreMissing(err)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, catalogue.Issuer{}, fmt.Errorf("%w: the catalogue %s is not kept here", ErrNotFound, name)
	}
	if err != nil {
		return nil, catalogue.Issuer{}, err
	}
	c, err := catalogue.Unpack(raw, packed)
	if err != nil {
		return nil, catalogue.Issuer{}, err
	}
	if p.by == nil {
		p.by = map[string]partnerParsed{}
	}
	p.by[name] = partnerParsed{c, catalogue.Issuer{ID: k.Issuer, Name: k.Name, Base: k.Base}}
	return c, p.by[name].is, nil
}

// foreign finds a partner's achievement by its address, which this node may
// issue. It returns the catalogue's address and the achievement's slug.
func (n *Node) foreign(ctx context.Context, achievement string) (address, slug string, err error) {
	address, slug, ok := strings.Cut(achievement, "/a/")
	if !ok || strings.Contains(slug, "/") {
		return "", "", fmt.Errorf("%w: %q is no address of an achievement, such as https://alder.example/openbadges/a/basics", ErrInput, achievement)
	}
	creators, err := n.authorized(ctx, achievement)
	if err != nil {
		return "", "", err
	}
	none := fmt.Errorf("%w: %s: who created it did not authorise this node to issue it", ErrInput, achievement)
	if _, is, err := n.of(ctx, address); err == nil && !slices.Contains(creators, is.ID) {
		return "", "", none
	} else if err == nil || !errors.Is(err, ErrNotFound) {
		return address, slug, err
	}
	e, err := n.fetchCatalogue(ctx, address)
	if err != nil {
		return "", "", err
	}
	if !slices.Contains(creators, e.Issuer) {
		return "", "", none
	}
	return address, slug, n.keepPartners(ctx, address, e)
}

// authorized wants an agreement in force that authorises this node to issue an
// achievement. It returns who does; that it is theirs is for the caller to see.
func (n *Node) authorized(ctx context.Context, achievement string) (by []string, err error) {
	theirs, err := n.publicBundles(ctx, func(a Agreement) bool { return !a.Ours && a.State == InForce })
	if err != nil {
		return nil, err
	}
	why, unsure := "no agreement in force authorises this node to issue it", error(nil)
	for _, b := range theirs {
		s, err := recognition.Open(ctx, n.party.Verifier, b, n.now())
		if recognition.IsUndecided(err) {
			unsure = err
			continue
		}
		if err != nil || s.Of != n.id.String() || !slices.Contains(s.Authorizes, achievement) {
			continue
		}
		switch {
		case s.Standing == requirement.Current && !n.now().Before(s.From) && (s.Until.IsZero() || n.now().Before(s.Until)):
			by = append(by, s.By)
		case s.Standing == requirement.Uncertain:
			unsure = fmt.Errorf("whether the agreement %s is in force could not be told: %s", s.ID, s.Why)
		default:
			why = fmt.Sprintf("the agreement of %s is not in force now (%s)", s.From.Format("2006-01-02"), or(s.Why, "its time is over"))
		}
	}
	switch {
	case len(by) > 0:
		return by, nil
	case unsure != nil:
		return nil, unsure
	}
	return nil, fmt.Errorf("%w: %s: %s", ErrInput, achievement, why)
}
