package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// GrantRequest awards an achievement to one recipient. The same key grants once
// for good, and another key tells another award of the same achievement apart.
// Without one, the same achievement to the same person is granted once for as
// long as that award stands, whichever way it was given: after a revocation, its
// end or a declined offer a new one is made. So it is at a higher level, beside
// the lower one, which stays what it is; at a lower level what stands is returned.
type GrantRequest struct {
	Achievement string    `json:"achievement"`        // slug, or catalogue/slug
	Language    string    `json:"language,omitempty"` // default: the catalogue's
	To          Recipient `json:"to"`
	Level       int       `json:"level,omitempty"`
	Narrative   string    `json:"narrative,omitempty"`
	Evidence    []string  `json:"evidence,omitempty"`
	Awarded     time.Time `json:"awarded,omitzero"` // default: now; its validity counts from then
	ValidUntil  time.Time `json:"validUntil,omitzero"`
	Key         string    `json:"key,omitempty"`

	route string // grant unless it is set
	by    Actor  // the operator unless it is set

	row  bool // of a CSV file: grants once for good also without a key
	ours bool // the key is of the node's own making, and tells no award apart
}

// Granted is the outcome: the award, whether it is new, and for an e-mail
// recipient the link that claims it.
type Granted struct {
	Award Award       `json:"award"`
	New   bool        `json:"new"`
	Claim *InviteLink `json:"claim,omitempty"`
}

// Holds says of an award that was made before, and stands, at which level its
// recipient has it; "" of any other.
func (g Granted) Holds() string {
	a := g.Award
	if g.New || a.Level == 0 || a.Standing == Revoked || a.State == AwardDeclined || a.Lapsed && a.State != AwardRebound && a.State != AwardRenewed {
		return ""
	}
	if a.State == AwardOffered {
		return fmt.Sprintf("%s was offered %s at level %d already", a.Recipient.Display(), a.Name, a.Level)
	}
	return fmt.Sprintf("%s holds %s at level %d already", a.Recipient.Display(), a.Name, a.Level)
}

// Grant awards an achievement. To a connection it is offered and signed when
// the wallet has proven its key; to a DID or an e-mail address it is signed at
// once. Once Grant returns, what it tells is durable. A refusal keeps nothing,
// so that a corrected request under the same key is free to be granted.
func (n *Node) Grant(ctx context.Context, r GrantRequest) (Granted, error) {
	a, err := n.newAward(ctx, r)
	if err != nil {
		return Granted{}, err
	}
	once := r.Key != "" || r.row
	g, err := n.grant(ctx, a, once)
	if refusal(err) && !g.New { // an older reservation that could not be signed: it is gone now
		g, err = n.grant(ctx, a, once)
	}
	if err != nil {
		return Granted{}, err
	}
	return g, n.addClaim(ctx, &g)
}

// grant reserves an award, or finds the one of its key, and signs it where
// that is due.
func (n *Node) grant(ctx context.Context, a Award, once bool) (Granted, error) {
	g, err := n.reserve(ctx, a, once)
	if err != nil {
		return Granted{}, err
	}
	if c := g.Award.Recipient.Connection; c != "" {
		n.wake(ctx, c)
		return g, nil
	}
	g.Award, err = n.sign(ctx, g.Award)
	if refusal(err) {
		err = errors.Join(err, n.drop(ctx, g.Award.ID))
	}
	return g, err
}

// drop removes the reservation of a badge that was never signed: nobody has
// it, and its key is free again. The journal keeps that it was made.
func (n *Node) drop(ctx context.Context, id string) error {
	return n.db.Update(ctx, func(tx *store.Tx) error {
		a, err := awards.Get(tx, id)
		if err != nil || a.State != AwardOffered || a.Standing != Active {
			return ignoreMissing(err)
		}
		if err := awards.Delete(tx, id); err != nil {
			return err
		}
		return n.note(tx, "award.refused", map[string]any{"credential": id})
	})
}

// newAward checks a request and turns it into a record.
func (n *Node) newAward(ctx context.Context, r GrantRequest) (Award, error) {
	var award Award
	var err error
	if strings.Contains(r.Achievement, "://") && !strings.HasPrefix(r.Achievement, n.set.Base+"/") {
		award, err = n.foreignAward(ctx, r)
	} else {
		award, err = n.awardOf(r)
	}
	if err != nil {
		return Award{}, err
	}
	return award, n.check(ctx, award)
}

// foreignAward is [Node.awardOf] of an achievement that a partner created and
// authorised this node to issue.
func (n *Node) foreignAward(ctx context.Context, r GrantRequest) (Award, error) {
	address, slug, err := n.foreign(ctx, r.Achievement)
	if err != nil {
		return Award{}, err
	}
	c, _, err := n.of(ctx, address)
	if err != nil {
		return Award{}, err
	}
	if _, ok := c.Find(slug); !ok {
		return Award{}, fmt.Errorf("%w: the catalogue %s has no achievement %q", ErrInput, address, slug)
	}
	return n.awardFrom(r, address, slug, c)
}

// awardOf turns a request into a record; whether it can be signed is for
// [Node.check].
func (n *Node) awardOf(r GrantRequest) (Award, error) {
	c, slug, _, err := n.achievement(strings.TrimPrefix(strings.Replace(r.Achievement, "/a/", "/", 1), n.set.Base+"/"))
	if err != nil {
		return Award{}, err
	}
	return n.awardFrom(r, c.Slug, slug, c)
}

// awardFrom is [Node.awardOf] of an achievement that was found in a catalogue.
func (n *Node) awardFrom(r GrantRequest, from, slug string, c *catalogue.Catalogue) (Award, error) {
	if err := r.To.check(); err != nil {
		return Award{}, err
	}
	c, err := givenIn(c, slug, r.Language)
	if err != nil {
		return Award{}, err
	}
	a, _ := c.Find(slug)
	if a.Retired {
		return Award{}, fmt.Errorf("%w: %s is retired, and given no more%s", ErrInput, slug, instead(a))
	}
	if r.Level < 0 || r.Level > len(a.Levels) {
		return Award{}, fmt.Errorf("%w: level %d; %s has %d levels", ErrInput, r.Level, slug, len(a.Levels))
	}
	now := n.now().UTC().Truncate(time.Second)
	awarded := or(r.Awarded.UTC().Truncate(time.Second), now)
	if r.Awarded.IsZero() {
		awarded = now
	}
	if awarded.After(now) {
		return Award{}, fmt.Errorf("%w: the date %s lies in the future", ErrInput, awarded.Format(time.DateOnly))
	}
	until := r.ValidUntil
	if until.IsZero() {
		if until, err = after(awarded, a.Valid); err != nil {
			return Award{}, err
		}
		if a.Valid != "" && !until.After(now) {
			return Award{}, fmt.Errorf("%w: awarded on %s, %s is over: it is valid for %s, and ended on %s; give another end (until), or a later date", ErrInput, awarded.Format(time.DateOnly), slug, a.Valid, until.Format(time.DateOnly))
		}
	} else if !until.After(now) {
		return Award{}, fmt.Errorf("%w: the end %s is past", ErrInput, until.Format(time.RFC3339))
	}
	key := r.Key
	if key == "" {
		key = fmt.Sprintf("%s/%s to %s", from, slug, r.To.identity())
	}
	award := Award{ID: n.newURN(), Key: hashed(key), Catalogue: from, Achievement: slug, Language: c.Translated(), Name: a.Name, Level: r.Level,
		Narrative: r.Narrative, Evidence: r.Evidence, Recipient: r.To.normal(), State: AwardOffered, Standing: Active,
		Apart: r.Key != "" && !r.ours, Route: or(r.route, routeGrant), By: or(r.by, operator), Purpose: purposeOf(a), Awarded: awarded, ValidFrom: now, ValidUntil: until.UTC(), Made: now, Updated: now}
	return award, nil
}

func instead(a catalogue.Achievement) string {
	if a.ReplacedBy == "" {
		return ""
	}
	return "; " + a.ReplacedBy + " took its place"
}

// hashed is how keys are kept: they may name a person.
func hashed(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:])
}

func purposeOf(a catalogue.Achievement) string {
	if a.CanSuspend() {
		return status.Suspension
	}
	return status.Revocation
}

// newURN returns a random urn:uuid (RFC 9562 §5.4).
func (n *Node) newURN() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return urn(b)
}

func urn(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// achievement finds a badge by slug, or by catalogue and slug.
func (n *Node) achievement(name string) (*catalogue.Catalogue, string, catalogue.Achievement, error) {
	want, slug, qualified := strings.Cut(name, "/")
	if !qualified {
		want, slug = "", name
	}
	var known []string
	for _, c := range n.catalogues() {
		if a, ok := c.Find(slug); ok && (want == "" || want == c.Slug) {
			return c, slug, a, nil
		}
		for s := range c.Achievements.All() {
			known = append(known, s)
		}
	}
	return nil, "", catalogue.Achievement{}, fmt.Errorf("%w: no achievement %q; there are: %s", ErrInput, name, strings.Join(known, ", "))
}

func (r Recipient) identity() string {
	return r.Connection + r.DID + strings.ToLower(strings.TrimSpace(r.Email))
}

// normal returns the form that is kept; an e-mail address gets its salt.
func (r Recipient) normal() Recipient {
	if r.Email == "" {
		return Recipient{Connection: r.Connection, DID: r.DID}
	}
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return Recipient{Email: strings.ToLower(strings.TrimSpace(r.Email)), Salt: hex.EncodeToString(b[:])}
}

// reserve writes the award, with its status index, and its offer where it goes
// to a connection. An award of the same key is returned instead, that of the
// highest level; one that is over only when the key grants once.
func (n *Node) reserve(ctx context.Context, a Award, once bool) (g Granted, err error) {
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		g = Granted{Award: a, New: true}
		stands := false
		for old, err := range awards.By(tx, "key", a.Key) {
			if err != nil {
				return err
			}
			over, err := n.over(tx, old)
			if err != nil {
				return err
			}
			switch {
			case a.Apart && old.Level != a.Level:
				return fmt.Errorf("%w: under this key %s was awarded at level %d; another award has a key of its own", ErrInput, old.Name, old.Level)
			case old.Level < a.Level: // a higher level is another award, beside the lower
			case !over && (!stands || old.Level > g.Award.Level):
				g, stands = Granted{Award: old}, true
			case !over || stands:
			case once && (g.New || old.Updated.After(g.Award.Updated)):
				g = Granted{Award: old}
			}
		}
		if !g.New {
			return nil
		}
		if old, found, err := n.given(tx, a); err != nil || found {
			g = Granted{Award: old}
			return err
		}
		return n.reserveIn(tx, &g.Award)
	})
	return g, err
}

// over reports whether an award stands no more: withdrawn, declined or past its
// end. One that was claimed stands as long as a badge that took its place does.
func (n *Node) over(tx *store.Tx, a Award) (bool, error) {
	switch {
	case a.Standing == Revoked || a.State == AwardDeclined:
		return true, nil
	case a.State == AwardRebound || a.State == AwardRenewed:
		key := claimKey(a.ID)
		if a.State == AwardRenewed {
			key = hashed(renewKey(a.ID))
		}
		for b, err := range awards.By(tx, "key", key) {
			if err != nil {
				return false, err
			}
			if over, err := n.over(tx, b); err != nil || !over {
				return false, err
			}
		}
		return true, nil
	}
	return a.Lapsed || !a.ValidUntil.IsZero() && !n.now().Before(a.ValidUntil), nil
}

func (n *Node) reserveIn(tx *store.Tx, a *Award) (err error) {
	if a.List, a.Index, err = n.allocate(tx, a.Purpose); err != nil {
		return err
	}
	if err := awards.Insert(tx, *a); err != nil {
		return err
	}
	if err := n.noteMade(tx, "award.made", *a); err != nil {
		return err
	}
	if a.Recipient.Connection == "" {
		return nil
	}
	c, err := connection(tx, a.Recipient.Connection)
	if err != nil {
		return err
	}
	return n.offer(tx, c, *a)
}

func (n *Node) offer(tx *store.Tx, c exchange.Connection, a Award) error {
	id := namedID(n, a)
	_, err := n.issuing.Offer(tx, c, "offer-"+strings.TrimPrefix(a.ID, "urn:uuid:"), a.ID, exchange.Preview{
		Name: a.Name, Achievement: id, Issuer: n.id.String(), IssuerName: n.set.Name, Challenge: didcomm.NewID(), Domain: n.id.String()})
	return err
}

// namedID is the achievement that the badge of an award names: that of its
// language.
func namedID(n *Node, a Award) string {
	id := catalogueID(n, a)
	if id != "" && a.Language != "" {
		id += "/" + a.Language
	}
	return id
}

// catalogueID is the achievement that the badge of an award counts as.
func catalogueID(n *Node, a Award) string {
	if c := n.catalogue(a.Catalogue); c != nil {
		return c.ID(n.issuer(), a.Achievement)
	}
	if strings.Contains(a.Catalogue, "://") { // a partner's, by its address
		return a.Catalogue + "/a/" + a.Achievement
	}
	return ""
}

// wake sends what waits for a connection, when it is open.
func (n *Node) wake(ctx context.Context, connection string) {
	var c exchange.Connection
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		c, err = exchange.Connections.Get(tx, connection)
		return err
	})
	if err != nil {
		return // it is sent at the next connection
	}
	if p, err := c.Pair(); err == nil {
		n.agent.Wake(p)
	}
}
