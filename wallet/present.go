package wallet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
)

func errorf(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{kind}, args...)...)
}

// ShownState is what became of a presentation.
type ShownState string

// The states of a presentation.
const (
	ShownSent     ShownState = "sent"
	ShownAccepted ShownState = "accepted"
	ShownRefused  ShownState = "refused"
)

// Shown is the wallet's record of a presentation: to whom, which badges, and
// the answer.
type Shown struct {
	ID     string     `json:"id"`
	To     string     `json:"to"`
	Badges []string   `json:"badges"`
	State  ShownState `json:"state"`
	Answer string     `json:"answer,omitempty"`
	At     time.Time  `json:"at"`
}

var shown = store.NewCollection("shown", func(s Shown) string { return s.ID })

// Present shows badges to whoever made the invitation: a presentation by the
// subject's key over the verifier's challenge and domain, nothing more. which
// names badges; without any, the one that was asked for is chosen. It returns
// the verifier's answer. What was sent and not yet answered is taken up again;
// a request that was answered is refused, and its record stays.
func (w *Wallet) Present(ctx context.Context, link string, which []string) (Shown, error) {
	inv, err := w.Invitation(ctx, link)
	if err != nil {
		return Shown{}, err
	}
	if inv.Request == nil {
		return Shown{}, errorf(ErrInput, "this invitation asks for no badge; accept it with: trustme wallet connect LINK")
	}
	ask, err := exchange.ReadAsk(*inv.Request)
	if err != nil {
		return Shown{}, errorf(ErrInput, "%v", err)
	}
	before, err := w.shownBefore(ctx, ask.ID)
	if err != nil {
		return before, err
	}
	if len(which) == 0 {
		which = before.Badges
	}
	vp, badges, err := w.presentation(ctx, ask, which)
	if err != nil {
		return Shown{}, err
	}
	if before.ID != "" && !slices.Equal(badges, before.Badges) {
		return before, errorf(ErrInput, "%s was shown already on this request, and no answer came yet; present it again without naming a badge, or ask for a new request", strings.Join(before.Badges, ", "))
	}
	record := Shown{ID: ask.ID, To: inv.Label, Badges: badges, State: ShownSent, At: w.cfg.Now().UTC()}
	c, err := w.open(ctx, inv, exchange.Presentation(ask, inv.ID, vp), func(tx *store.Tx) error {
		if old, err := shown.Get(tx, ask.ID); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(err, old.answered())
		}
		return shown.Put(tx, record)
	})
	if err != nil {
		return Shown{}, err
	}
	_, syncErr := w.syncOne(ctx, c)
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		record, err = shown.Get(tx, ask.ID)
		return err
	})
	if err == nil {
		record, err = w.refusedAtTheDoor(ctx, record, ask)
	}
	if err == nil && record.State == ShownSent {
		err = syncErr
	}
	return record, err
}

// shownBefore returns the record of a request, zero when it was never shown
// to. The error wraps [ErrInput] when it was answered.
func (w *Wallet) shownBefore(ctx context.Context, id string) (s Shown, err error) {
	err = w.db.View(ctx, func(tx *store.Tx) (err error) {
		s, err = shown.Get(tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Shown{}, nil
	}
	return s, errors.Join(err, s.answered())
}

// answered is the refusal to show to a request twice: its challenge serves
// once.
func (s Shown) answered() error {
	if s.State != ShownAccepted && s.State != ShownRefused {
		return nil
	}
	return errorf(ErrInput, "shown already and %s on %s; ask for a new request", s.State, s.At.Format(time.DateOnly))
}

// refusedAtTheDoor finds a refusal that came before the presentation was
// looked at, such as of a used invitation.
func (w *Wallet) refusedAtTheDoor(ctx context.Context, s Shown, ask exchange.Ask) (Shown, error) {
	if s.State != ShownSent {
		return s, nil
	}
	return s, w.db.Update(ctx, func(tx *store.Tx) error {
		p, err := problems.Get(tx, ask.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			s.State, s.Answer = ShownRefused, p.Comment
			err = shown.Put(tx, s)
		}
		return err
	})
}

// presentation builds what answers an ask.
func (w *Wallet) presentation(ctx context.Context, ask exchange.Ask, which []string) ([]byte, []string, error) {
	chosen, err := w.choose(ctx, ask, which)
	if err != nil {
		return nil, nil, err
	}
	return w.sign(ctx, chosen, ask.Challenge, ask.Domain)
}

// choose returns the ids of the badges to show.
func (w *Wallet) choose(ctx context.Context, ask exchange.Ask, which []string) ([]string, error) {
	if len(which) > 0 {
		return which, nil
	}
	if ask.Wants != nil {
		return w.smallest(ctx, ask.Wants)
	}
	all, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range slices.Backward(all) { // the newest that fits
		if (ask.Achievement == "" || h.Awards(ask.Achievement)) && h.Verdict != string(credentials.Invalid) {
			return []string{h.ID}, nil
		}
	}
	return nil, errorf(ErrNotHeld, "no badge here is what was asked for: %s; get it first, or name the badge to show", orAny(ask.Achievement))
}

// smallest returns the fewest badges that meet what is asked for.
func (w *Wallet) smallest(ctx context.Context, wants []byte) ([]string, error) {
	v, err := jsondoc.Parse(wants)
	if err != nil {
		return nil, errorf(ErrInput, "the request cannot be read: %v", err)
	}
	q, err := requirement.ReadRequest(v)
	if err != nil {
		return nil, errorf(ErrInput, "the request cannot be read: %v", err)
	}
	h, err := w.Holdings(ctx)
	if err != nil {
		return nil, err
	}
	few, ok := q.Requirement.Smallest(h, q.Names(), w.cfg.Now())
	if !ok {
		o := q.Requirement.Evaluate(h, q.Names(), w.cfg.Now())
		kind := ErrInput
		if o.Answer == credentials.Unknown {
			kind = ErrUndecided
		}
		return nil, errorf(kind, "%s: missing: %s; see: trustme wallet role", q.Name, strings.Join(o.Missing, ", "))
	}
	all, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, b := range few {
		for _, x := range all {
			if x.Credential == b.Credential && x.Issuer == b.Issuer {
				ids = append(ids, x.ID)
			}
		}
	}
	return ids, nil
}

func orAny(s string) string {
	if s == "" {
		return "any badge"
	}
	return s
}

// sign makes a presentation of badges that are all bound to one key of ours.
func (w *Wallet) sign(ctx context.Context, which []string, challenge, domain string) ([]byte, []string, error) {
	var raws [][]byte
	var names []string
	holder := ""
	for _, what := range which {
		h, raw, err := w.Get(ctx, what)
		if err != nil {
			return nil, nil, err
		}
		if holder != "" && h.Subject != holder {
			return nil, nil, errorf(ErrInput, "%s and %s are bound to different keys; show them one by one", names[0], h.Name)
		}
		if h.Form != string(credentials.FormJSON) {
			return nil, nil, errorf(ErrInput, "%s came as a JWT, which is shown by its file: trustme wallet export", h.Name)
		}
		holder = h.Subject
		raws, names = append(raws, raw), append(names, h.Name)
	}
	own, err := w.readIdentity(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(own.DIDs, holder) {
		return nil, nil, errorf(ErrInput, "%s is bound to a key that is not in this wallet; show it from the one that it was given to, or restore that one's backup here", strings.Join(names, ", "))
	}
	for _, what := range which {
		if !w.cfg.Endorsed {
			break
		}
		h, _, err := w.Get(ctx, what)
		if err != nil {
			return nil, nil, err
		}
		more, err := w.EndorsementBytes(ctx, h)
		if err != nil {
			return nil, nil, err
		}
		raws = append(raws, more...)
	}
	d, err := did.Parse(holder)
	if err != nil {
		return nil, nil, err
	}
	s, err := w.signer(d)
	if err != nil {
		return nil, nil, err
	}
	vp, err := credentials.BuildPresentation(ctx, credentials.PresentationOptions{Credentials: raws, Holder: holder, Challenge: challenge, Domain: domain, Now: w.cfg.Now()}, s)
	return vp, names, err
}

// PresentFile returns a presentation to be handed over by other means, over a
// challenge and domain that the verifier gave.
func (w *Wallet) PresentFile(ctx context.Context, which []string, challenge, domain string) ([]byte, error) {
	if len(which) == 0 || challenge == "" || domain == "" {
		return nil, errorf(ErrInput, "name the badges, and the challenge and domain that the verifier gave")
	}
	vp, _, err := w.sign(ctx, which, challenge, domain)
	return vp, err
}

// onShown takes a verifier's confirmation.
func (w *Wallet) onShown(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		return w.closeShown(tx, in.Message.Thread(), ShownAccepted, "accepted")
	}}, nil
}

func (w *Wallet) closeShown(tx *store.Tx, id string, state ShownState, why string) error {
	s, err := shown.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || s.State != ShownSent {
		return err
	}
	s.State, s.Answer = state, why
	return shown.Put(tx, s)
}

// onAsked keeps a request that a partner sends over an open connection; the
// learner answers it with the link on the partner's page, or not at all.
func (w *Wallet) onAsked(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	ask, err := exchange.ReadAsk(in.Message)
	if err != nil {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeMessage, Comment: err.Error()}
	}
	ask.Connection, ask.Updated = in.Connection.ID, w.cfg.Now().UTC()
	return didcomm.Outcome{Apply: func(tx *store.Tx) error { return exchange.Asks.Put(tx, ask) }}, nil
}
