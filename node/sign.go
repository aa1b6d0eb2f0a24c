package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// sign builds, lints, signs and verifies the credential of an award, and keeps
// it. An award that is signed already is returned as it is.
func (n *Node) sign(ctx context.Context, a Award) (Award, error) {
	if a.State != AwardOffered {
		return a, nil
	}
	if err := n.stillAuthorized(ctx, a); err != nil {
		return a, err
	}
	raw, err := n.issueCredential(ctx, a)
	if err != nil {
		return a, err
	}
	err = n.db.Update(ctx, func(tx *store.Tx) error {
		now, err := awards.Get(tx, a.ID)
		if err != nil || now.State != AwardOffered {
			a = now
			return err
		}
		a, err = n.recordSigned(tx, now, raw)
		return err
	})
	n.wakeWork()
	if err != nil || !a.renewsAlone() {
		return a, err
	}
	old, _, err := n.Award(ctx, a.Replaces)
	if err != nil {
		return a, err
	}
	return a, n.recall(ctx, old.List, status.Refresh, old.Index)
}

// renewsAlone reports whether an award is a renewal that nobody acknowledges:
// the operator hands it over, and it takes the place of the older version as soon
// as it is signed.
func (a Award) renewsAlone() bool {
	return a.Recipient.Connection == "" && a.Credential != "" && a.Replaces != ""
}

func (n *Node) recordSigned(tx *store.Tx, a Award, raw []byte) (Award, error) {
	a.State, a.Updated = AwardIssued, n.now().UTC()
	if err := awards.Put(tx, a); err != nil {
		return a, err
	}
	if err := store.PutLarge(tx, credentialKey(a.ID), raw); err != nil {
		return a, err
	}
	if a.Recipient.Connection == "" { // else it counts once the wallet holds it
		if err := n.look(tx, a); err != nil {
			return a, err
		}
	}
	if a.renewsAlone() {
		if _, err := n.replace(tx, a.Replaces, AwardRenewed); err != nil {
			return a, err
		}
	}
	return a, n.noteMade(tx, "award.issued", a)
}

// issueCredential returns the signed bytes. What our own verifier refuses, as
// a stranger's would, is never handed out.
func (n *Node) issueCredential(ctx context.Context, a Award) ([]byte, error) {
	unsigned, err := n.unsigned(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := n.ensureList(ctx, a.List, a.Purpose); err != nil {
		return nil, err
	}
	s, err := n.signer(ctx)
	if err != nil {
		return nil, err
	}
	// One proof a core: more at once gain nothing, and the time that is counted
	// is then a core's.
	select {
	case n.proving <- struct{}{}:
		defer func() { <-n.proving }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begin := time.Now()
	v, err := credentials.Issue(ctx, n.party.Verifier, unsigned, s, n.now())
	countProof(ctx, begin)
	if err != nil {
		return nil, fmt.Errorf("issuing the badge %s: %w", a.Name, err)
	}
	return v.Credential().Bytes(), nil
}

// unsigned builds the credential of an award.
func (n *Node) unsigned(ctx context.Context, a Award) ([]byte, error) {
	c, creator, err := n.of(ctx, a.Catalogue)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %v", ErrInput, err)
	}
	if err != nil {
		return nil, err
	}
	praised, err := n.endorsementsOf(ctx, c.ID(creator, a.Achievement)) // of the original, for which a translation counts
	if err != nil {
		return nil, err
	}
	c, err = givenIn(c, a.Achievement, a.Language)
	if err != nil {
		return nil, err
	}
	doc, err := c.Document(creator, a.Achievement, praised...)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrInput, err)
	}
	ours, err := n.endorsementsOf(ctx, n.id.String())
	if err != nil {
		return nil, err
	}
	list := n.listURL(a.List, a.Purpose)
	award := credentials.Award{
		ID: or(a.Credential, a.ID), Issuer: credentials.Profile{ID: n.id.String(), Name: n.set.Name, URL: n.set.Base, Endorsements: ours}, Achievement: doc,
		Subject:   credentials.Subject{ID: a.Recipient.DID, Email: a.Recipient.Email, Salt: a.Recipient.Salt},
		ValidFrom: a.ValidFrom, ValidUntil: a.ValidUntil, AwardedDate: a.Awarded, Narrative: a.Narrative,
		Status: &status.Entry{ID: fmt.Sprintf("%s#%d", list, a.Index), Purpose: a.Purpose, Index: a.Index, List: list},
	}
	if a.Recipient.DID != "" { // a badge bound to a key needs no address
		award.Subject.Email, award.Subject.Salt = "", ""
	}
	for _, e := range a.Evidence {
		award.Evidence = append(award.Evidence, credentials.Evidence{ID: e})
	}
	if err := addItems(&award, a.Items); err != nil {
		return nil, err
	}
	if a.Level > 0 {
		award.Results = append(award.Results, credentials.Result{ResultDescription: c.ID(creator, a.Achievement) + "#level", AchievedLevel: c.LevelID(creator, a.Achievement, a.Level)})
	}
	raw, err := credentials.Build(award)
	if err != nil {
		return nil, fmt.Errorf("building the badge %s: %w", a.Name, err)
	}
	return raw, nil
}

// ensureList publishes a list that was opened just now: a badge must never
// name a list that is not there.
func (n *Node) ensureList(ctx context.Context, list int, purpose string) error {
	if _, err := n.StatusList(ctx, list, purpose); err == nil {
		return nil
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	for _, p := range []string{purpose, status.Refresh} {
		n.lists.remember(list, p, 0, n.lists.has(list, p, 0))
	}
	return n.Publish(ctx)
}

// prove implements [exchange.Issuer.Prove]: a presentation without badges
// proves control of its holder's key.
func (n *Node) prove(ctx context.Context, presentation []byte, challenge, domain string) (did.DID, error) {
	r := n.party.Verifier.VerifyPresentation(ctx, presentation, challenge, domain)
	switch r.Verdict {
	case credentials.Valid:
		return did.Parse(r.Holder)
	case credentials.Undecided:
		return did.DID{}, fmt.Errorf("checking the holder's proof: %s", r.Why)
	}
	return did.DID{}, &didcomm.Problem{Code: exchange.CodeHolder, Comment: "the proof of your key was refused: " + r.Why}
}

// issueFor implements [exchange.Issuer.Issue].
func (n *Node) issueFor(ctx context.Context, id string, subject did.DID) (exchange.Signed, error) {
	var a Award
	var held []byte
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		if a, err = awards.Get(tx, id); err != nil {
			return err
		}
		held, err = store.GetLarge(tx, credentialKey(id))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return exchange.Signed{}, err
	}
	if a.Recipient.DID != "" && a.Recipient.DID != subject.String() {
		return exchange.Signed{}, &didcomm.Problem{Code: exchange.CodeHolder, Comment: "this badge is for another DID"}
	}
	if a.Standing == Revoked {
		return exchange.Signed{}, withdrawn(a)
	}
	if held != nil {
		return exchange.Signed{ID: id, Bytes: held, Record: func(*store.Tx) error { return nil }}, nil
	}
	a.Recipient.DID = subject.String()
	if err := n.mayBeSigned(ctx, a); err != nil {
		return exchange.Signed{}, err
	}
	if err := n.newerThanReplaced(ctx, a); err != nil {
		return exchange.Signed{}, err
	}
	now := n.now().UTC().Truncate(time.Second)
	if a.ValidUntil.IsZero() || now.Before(a.ValidUntil) {
		a.ValidFrom = now
	}
	raw, err := n.issueCredential(ctx, a)
	if err != nil {
		return exchange.Signed{}, n.overIfForeign(a, err)
	}
	return exchange.Signed{ID: id, Bytes: raw, Record: func(tx *store.Tx) error {
		now, err := awards.Get(tx, id) // it may have changed while the badge was signed
		if err != nil {
			return err
		}
		if now.Standing == Revoked {
			return withdrawn(now)
		}
		if err := n.onlyOne(tx, a); err != nil { // signed meanwhile
			return err
		}
		now.Recipient.DID, now.ValidFrom = a.Recipient.DID, a.ValidFrom
		_, err = n.recordSigned(tx, now, raw)
		return err
	}}, nil
}

// newerThanReplaced waits until a renewal that is signed now is newer than the
// version that it replaces.
func (n *Node) newerThanReplaced(ctx context.Context, a Award) error {
	if a.Credential == "" || a.Replaces == "" {
		return nil
	}
	var old Award
	err := n.db.View(ctx, func(tx *store.Tx) (err error) {
		old, err = awards.Get(tx, a.Replaces)
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	return n.newerThan(ctx, old.ValidFrom)
}

func withdrawn(a Award) error {
	return &didcomm.Problem{Code: exchange.CodeState, Comment: "this award was withdrawn: " + a.Reason}
}

// closedOffer implements [exchange.Issuer.Closed].
func (n *Node) closedOffer(tx *store.Tx, o exchange.Offer) error {
	a, err := awards.Get(tx, o.Award)
	if err != nil {
		return err
	}
	a.Updated = n.now().UTC()
	switch o.State {
	case exchange.Accepted:
		a.State = AwardHeld
		if err := n.look(tx, a); err != nil {
			return err
		}
		if a.Replaces != "" {
			to := AwardRebound
			if a.Credential != "" {
				to = AwardRenewed
			}
			if err := n.supersede(tx, a.Replaces, to); err != nil {
				return err
			}
		}
	case exchange.Declined, exchange.Refused, exchange.Ended:
		a.State, a.Reason = AwardDeclined, o.Reason
	}
	if err := awards.Put(tx, a); err != nil {
		return err
	}
	if o.State == exchange.Ended { // by this node, so nobody declined it
		return n.note(tx, "award.refused", map[string]any{"credential": a.ID})
	}
	fact := map[string]any{"credential": a.ID, "achievement": a.Catalogue + "/" + a.Achievement}
	if a.State == AwardHeld {
		fact["seconds"] = int64(n.now().Sub(a.Made).Seconds())
	}
	return n.note(tx, "award."+string(a.State), fact)
}

// supersede marks the badge that a newer one replaces on the expiry list.
func (n *Node) supersede(tx *store.Tx, id string, to AwardState) error {
	old, err := n.replace(tx, id, to)
	if err == nil {
		n.lists.remember(old.List, status.Refresh, old.Index, true) // true in any case: the newer badge is held
	}
	return err
}

// replace is [Node.supersede] up to what is published.
func (n *Node) replace(tx *store.Tx, id string, to AwardState) (Award, error) {
	old, err := awards.Get(tx, id)
	if err != nil || old.State == to {
		return old, err
	}
	old.State, old.Lapsed, old.Updated = to, true, n.now().UTC()
	if err := awards.Put(tx, old); err != nil {
		return old, err
	}
	if err := n.note(tx, "award."+string(to), map[string]any{"credential": or(old.Credential, old.ID), "achievement": old.Catalogue + "/" + old.Achievement}); err != nil {
		return old, err
	}
	return old, n.setBit(tx, old.List, status.Refresh, old.Index, true)
}

func (n *Node) onProblem(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	code, comment := exchange.ReadProblem(in.Message)
	out, ok, err := n.issuing.OnProblem(ctx, in, code, comment)
	if !ok && err == nil {
		n.log.Info("problem reported by a peer", "peer", in.Pair.Peer.String(), "code", code)
	}
	return out, err
}
