package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// Whichever way a badge is given, by hand, by a file, a claim link, a code, an
// event, a presentation, an application or a rule, one person has it once for as
// long as it stands. Its renewal is the same badge; a higher level is another,
// given beside the lower one, and so is an award under a key of its own. A person
// is known by their connection, DID or e-mail address; where the DID comes with
// the proof of the key, it is looked again before the badge is signed, and in the
// transaction that keeps it.

// given finds the award that a second one of the same achievement to the same
// person would repeat, at its level or above: of several that of the highest.
func (n *Node) given(tx *store.Tx, a Award) (old Award, found bool, err error) {
	return n.repeated(tx, a, func(Award) bool { return true })
}

func (n *Node) repeated(tx *store.Tx, a Award, counts func(Award) bool) (old Award, found bool, err error) {
	if a.Apart || a.Credential != "" { // told apart by its key; a renewal
		return Award{}, false, nil
	}
	same := person{dids: only(a.Recipient.DID), connections: only(a.Recipient.Connection), email: a.Recipient.Email}
	for b, err := range same.awards(tx) {
		if err != nil {
			return b, false, err
		}
		if b.ID == a.ID || b.ID == a.Replaces || b.Catalogue != a.Catalogue || b.Achievement != a.Achievement || b.Level < a.Level || !counts(b) {
			continue
		}
		if b.State != AwardOffered && b.State != AwardIssued && b.State != AwardHeld {
			continue // what took its place counts
		}
		over, err := n.over(tx, b)
		if err != nil {
			return b, false, err
		}
		if !over && (!found || b.Level > old.Level) {
			old, found = b, true
		}
	}
	return old, found, nil
}

// atLevel names the level of an award after its name, where it has one.
func (a Award) atLevel() string {
	if a.Level == 0 {
		return ""
	}
	return fmt.Sprintf(" at level %d", a.Level)
}

// notGiven refuses a badge that the person has already.
func (n *Node) notGiven(tx *store.Tx, a Award) error {
	old, found, err := n.given(tx, a)
	if err != nil || !found {
		return err
	}
	where := "look at it with: trustme wallet list"
	if old.State == AwardOffered {
		where = "fetch it with: trustme wallet sync"
	}
	return &didcomm.Problem{Code: exchange.CodeInvitation, Comment: fmt.Sprintf("you were given %s already%s, on %s; %s", old.Name, old.atLevel(), old.Made.Format("2006-01-02"), where)}
}

// onlyOne ends the offer of a badge that the person whose key it is to be bound
// to has already. Another offer that is open does not count: the first to be
// signed does.
func (n *Node) onlyOne(tx *store.Tx, a Award) error {
	old, found, err := n.repeated(tx, a, func(b Award) bool { return b.State != AwardOffered || b.Recipient.Connection == "" })
	if err != nil || !found {
		return err
	}
	return &exchange.Over{Why: fmt.Sprintf("you were given %s already%s, on %s; look at it with: trustme wallet list", old.Name, old.atLevel(), old.Made.Format("2006-01-02"))}
}

// mayBeSigned looks, when the learner has proven their key, whether what was
// offered is still to be given.
func (n *Node) mayBeSigned(ctx context.Context, a Award) error {
	if err := n.db.View(ctx, func(tx *store.Tx) error { return n.onlyOne(tx, a) }); err != nil {
		return err
	}
	return n.overIfForeign(a, n.stillAuthorized(ctx, a))
}

// overIfForeign ends the offer of what another created where they do not let
// this node issue it any more, or their catalogue does not hold it any more. What
// is wrong with a badge of this node's own, its operator can mend.
func (n *Node) overIfForeign(a Award, err error) error {
	if strings.Contains(a.Catalogue, "://") && refusal(err) {
		return &exchange.Over{Why: a.Name + " is not given here any more: " + sentence(err)}
	}
	return err
}

// stillAuthorized refuses to sign what another created once they do not let
// this node issue it any more: an offer may be older than that.
func (n *Node) stillAuthorized(ctx context.Context, a Award) error {
	if !strings.Contains(a.Catalogue, "://") {
		return nil
	}
	unit := a.Catalogue + "/a/" + a.Achievement
	creators, err := n.authorized(ctx, unit)
	if err != nil {
		return err
	}
	if _, is, err := n.of(ctx, a.Catalogue); err != nil || slices.Contains(creators, is.ID) {
		return err
	}
	return fmt.Errorf("%w: %s: who created it did not authorise this node to issue it", ErrInput, unit)
}
