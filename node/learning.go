package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// LearningRecord is a learning agreement: what one learner will earn at a
// partner, the host, and what that counts for at home. Home signs it; host and
// learner countersign. It travels by the learner's wallet, and is nobody else's
// business.
type LearningRecord struct {
	ID         string    `json:"id"`
	AtHome     bool      `json:"atHome"`     // this node is home; else it is the host
	Connection string    `json:"connection"` // of the learner
	Learner    string    `json:"learner"`    // DID
	Name       string    `json:"name"`
	Home       string    `json:"home"`
	Under      string    `json:"under"` // the partner agreement
	From       time.Time `json:"from"`
	Until      time.Time `json:"until,omitzero"`
	Signers    []string  `json:"signers"`
	Withdrawn  string    `json:"withdrawn,omitempty"` // why home took it back
	Updated    time.Time `json:"updated"`
	// Notes say what could not be looked at before it was signed; of that answer
	// alone.
	Notes []string `json:"notes,omitempty"`
}

var learnings = store.NewCollection("learning", func(l LearningRecord) string { return l.ID },
	store.Index[LearningRecord]{Name: "learner", Values: func(l LearningRecord) []string { return []string{l.Learner} }},
	store.Index[LearningRecord]{Name: "connection", Values: func(l LearningRecord) []string { return only(l.Connection) }})

// learningFile is a learning agreement as people write it.
type learningFile struct {
	Name       string     `yaml:"learning_agreement"`
	Learner    string     `yaml:"learner"` // connection
	DID        string     `yaml:"did"`     // of the learner, where no badge tells it yet
	Under      string     `yaml:"under"`   // id of the partner agreement
	From       string     `yaml:"from"`
	Until      string     `yaml:"until"`
	Text       string     `yaml:"text"`
	Recognizes []ruleFile `yaml:"recognizes"`
}

// SignLearningRequest holds the file of a learning agreement.
type SignLearningRequest struct {
	File []byte `json:"file"`
}

// SignLearning signs a learning agreement as home and sends it to the learner's
// wallet.
func (n *Node) SignLearning(ctx context.Context, r SignLearningRequest) (LearningRecord, error) {
	var f learningFile
	dec := yaml.NewDecoder(bytes.NewReader(r.File))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return LearningRecord{}, fmt.Errorf("%w: the learning agreement: %s", ErrInput, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "type node.learningFile", "it; correct its spelling or remove it"))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return LearningRecord{}, fmt.Errorf("%w: the learning agreement: a second document begins; keep one agreement a file", ErrInput)
	}
	if f.DID != "" {
		if _, err := did.Parse(f.DID); err != nil {
			return LearningRecord{}, fmt.Errorf("%w: did: %v; `trustme wallet did` prints the learner's", ErrInput, err)
		}
	}
	if f.Name == "" || f.Learner == "" || f.Under == "" || len(f.Recognizes) == 0 {
		return LearningRecord{}, fmt.Errorf("%w: a learning agreement needs the keys learning_agreement, learner, under and recognizes", ErrInput)
	}
	mou, err := n.Agreement(ctx, f.Under)
	if err != nil {
		return LearningRecord{}, err
	}
	if !mou.Ours || mou.State != InForce {
		return LearningRecord{}, fmt.Errorf("%w: under: the agreement %s is %s and %s; a learning agreement is under one of ours that is in force", ErrInput, mou.ID, whoseAgreement(mou), mou.State)
	}
	s, err := n.statement(agreementFile{Agreement: f.Name, With: mou.Partner, From: f.From, Until: f.Until, Text: f.Text, Recognizes: f.Recognizes})
	if err != nil {
		return LearningRecord{}, err
	}
	c, learner, err := n.learner(ctx, f)
	if err != nil {
		return LearningRecord{}, err
	}
	notes, err := n.holdRules(ctx, mou.Partner, s.Recognizes)
	if err != nil {
		return LearningRecord{}, err
	}
	s.Kind, s.Of, s.Agreement = recognition.Learning, learner, mou.ID
	l := LearningRecord{ID: s.ID, AtHome: true, Connection: c.ID, Learner: learner, Name: s.Name, Home: n.id.String(), Under: mou.ID, From: s.From, Until: s.Until, Signers: []string{}, Updated: n.now().UTC()}
	_, _, err = n.issueStatement(ctx, "learning agreement", recognition.Draft{Statement: s}, func(tx *store.Tx, _ Document, signed []byte) error {
		return n.keepLearning(tx, l, recognition.Bundle{Agreement: signed}, "learning.proposed", c)
	})
	if errors.Is(err, recognition.ErrStatement) {
		err = fmt.Errorf("%w: %v", ErrInput, err)
	}
	if err == nil {
		n.wake(ctx, c.ID)
	}
	l.Notes = notes
	return l, err
}

func whoseAgreement(a Agreement) string {
	if a.Ours {
		return "ours"
	}
	return "theirs"
}

// learner finds the connection and the DID to which a learner's badges are
// bound: the one that the file names, or that of a badge over the connection.
func (n *Node) learner(ctx context.Context, f learningFile) (c exchange.Connection, id string, err error) {
	id = f.DID
	err = n.db.View(ctx, func(tx *store.Tx) error {
		if c, err = connection(tx, f.Learner); err != nil || id != "" {
			return err
		}
		for a, err := range awards.By(tx, "recipient", c.ID) {
			if err != nil {
				return err
			}
			if a.Recipient.DID != "" {
				id = a.Recipient.DID
			}
		}
		return nil
	})
	if err == nil && id == "" {
		err = fmt.Errorf("%w: no badge tells the DID of this learner yet; name it with the key did (`trustme wallet did` prints it)", ErrInput)
	}
	return c, id, err
}

// keepLearning writes a learning agreement and sends it to the learner.
func (n *Node) keepLearning(tx *store.Tx, l LearningRecord, b recognition.Bundle, fact string, to exchange.Connection) error {
	if err := learnings.Put(tx, l); err != nil {
		return err
	}
	if err := putBundle(tx, l.ID, b); err != nil {
		return err
	}
	if err := n.note(tx, fact, map[string]any{"agreement": l.ID, "under": l.Under}); err != nil {
		return err
	}
	if to.ID == "" {
		return nil
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	pair, err := to.Pair()
	if err != nil {
		return err
	}
	return didcomm.Send(tx, pair, exchange.LearningAgreement(l.ID, raw))
}

// onLearning takes a learning agreement that a wallet brings: one of ours with
// more signatures, or one in which this node is the host.
func (n *Node) onLearning(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	raw, err := exchange.ReadLearningAgreement(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	refuse := func(why string) (didcomm.Outcome, error) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeState, Comment: "the learning agreement: " + why}
	}
	b, s, err := recognition.OpenRaw(ctx, n.party.Verifier, raw, n.now())
	switch {
	case errors.Is(err, recognition.ErrStatement):
		return refuse(err.Error())
	case err != nil:
		return didcomm.Outcome{}, err
	case s.Kind != recognition.Learning:
		return refuse("it is an " + string(s.Kind))
	}
	mou, err := n.agreementOf(ctx, s)
	if errors.Is(err, ErrNotFound) {
		return refuse("it is under an agreement that is none of this node's")
	}
	if err != nil {
		return didcomm.Outcome{}, err
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error {
		l, err := learnings.Get(tx, s.ID)
		switch {
		case errors.Is(err, store.ErrNotFound) && s.By == n.id.String():
			return nil // it was signed before a restored backup: nothing to add to
		case errors.Is(err, store.ErrNotFound):
			if why, err := n.unfit(tx, s, mou, in.Connection.ID); err != nil {
				return err
			} else if why != "" {
				return &didcomm.Problem{Code: exchange.CodeState, Comment: "the learning agreement: " + why}
			}
			l = LearningRecord{ID: s.ID, Connection: in.Connection.ID, Learner: s.Of, Name: s.Name, Home: s.By, Under: s.Agreement, From: s.From, Until: s.Until, Signers: s.Signers, Updated: n.now().UTC()}
			return n.keepLearning(tx, l, b, "learning.received", exchange.Connection{})
		case err != nil:
			return err
		}
		have, err := getBundle(tx, l.ID)
		if err != nil {
			return err
		}
		if !have.Merge(b) {
			return nil
		}
		l.Signers = s.Union(l.Signers)
		l.Updated = n.now().UTC()
		return n.keepLearning(tx, l, have, "learning.countersigned", exchange.Connection{})
	}}, nil
}

// agreementOf finds the partner agreement that a learning agreement is under:
// one of ours for our own, else one that its signer has with this node.
func (n *Node) agreementOf(ctx context.Context, s recognition.Statement) (mou Agreement, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		mou, err = agreements.Get(tx, s.Agreement)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && s.By != n.id.String() && (mou.Ours || mou.Partner != s.By) {
		err = fmt.Errorf("%w: no agreement %.80q with %s", ErrNotFound, s.Agreement, s.By)
	}
	return mou, err
}

// maxLearnings bounds the learning agreements that one connection may bring.
const maxLearnings = 20

// unfit says why a learning agreement that a wallet brings is not kept, "" for
// one that is.
func (n *Node) unfit(tx *store.Tx, s recognition.Statement, mou Agreement, connection string) (why string, err error) {
	if mou.State != InForce {
		return "it is under an agreement that is " + string(mou.State), nil
	}
	if err := n.unused(tx, s.ID); errors.Is(err, ErrInput) {
		return sentence(err), nil
	} else if err != nil {
		return "", err
	}
	count := 0
	for l, err := range learnings.List(tx, store.Range{}) {
		if err != nil {
			return "", err
		}
		if l.Connection == connection && !l.AtHome {
			count++
		}
	}
	if count >= maxLearnings {
		return fmt.Sprintf("there are %d by this wallet already", count), nil
	}
	return "", nil
}

// CountersignLearningRequest names a learning agreement.
type CountersignLearningRequest struct {
	ID string `json:"id"`
}

// CountersignLearning agrees as host to a learning agreement that a learner
// brought, and sends it back to the learner's wallet, which takes it home.
func (n *Node) CountersignLearning(ctx context.Context, r CountersignLearningRequest) (LearningRecord, error) {
	l, b, err := n.learningBundle(ctx, r.ID)
	if err != nil {
		return l, err
	}
	switch {
	case l.AtHome:
		return l, fmt.Errorf("%w: this node signed it itself; the host and the learner countersign", ErrInput)
	case slices.Contains(l.Signers, n.id.String()):
		return l, nil
	case !l.Until.IsZero() && !n.now().Before(l.Until):
		return l, fmt.Errorf("%w: it ended on %s", ErrInput, l.Until.Format(time.DateOnly))
	}
	d := recognition.Draft{
		Statement: recognition.Statement{Kind: recognition.Endorsement, ID: n.newURN(), Name: "Countersignature: " + l.Name, Of: l.ID, From: n.second(), Until: l.Until, Comment: "We agree as host."},
		Resources: []credentials.Resource{{ID: l.ID, MediaType: "application/vc", DigestMultibase: recognition.Digest(b.Agreement)}},
	}
	_, _, err = n.issueStatement(ctx, "countersignature", d, func(tx *store.Tx, _ Document, signed []byte) error {
		now, err := learnings.Get(tx, l.ID) // the learner may have signed meanwhile
		if err != nil {
			return err
		}
		if l = now; slices.Contains(now.Signers, n.id.String()) {
			return errUsed // by another call: what was signed here is dropped
		}
		have, err := getBundle(tx, now.ID)
		if err != nil {
			return err
		}
		have.Merge(recognition.Bundle{Agreement: have.Agreement, Countersignatures: [][]byte{signed}})
		l.Signers, l.Updated = append(slices.Clone(now.Signers), n.id.String()), n.now().UTC()
		c, err := connection(tx, l.Connection)
		if err != nil {
			return err
		}
		return n.keepLearning(tx, l, have, "learning.countersigned", c)
	})
	if errors.Is(err, errUsed) {
		return l, nil
	}
	if err == nil {
		n.wake(ctx, l.Connection)
	}
	return l, err
}

// learningBundle finds a learning agreement by the beginning of its id.
func (n *Node) learningBundle(ctx context.Context, id string) (l LearningRecord, b recognition.Bundle, err error) {
	all, err := n.Learnings(ctx)
	if err != nil {
		return l, b, err
	}
	short := strings.TrimPrefix(id, "urn:uuid:")
	all = slices.DeleteFunc(all, func(l LearningRecord) bool {
		return short == "" || !strings.HasPrefix(strings.TrimPrefix(l.ID, "urn:uuid:"), short)
	})
	if len(all) != 1 {
		return l, b, fmt.Errorf("%w: %d learning agreements begin with %q; `trustme node learning list` lists them", ErrNotFound, len(all), id)
	}
	return all[0], b, n.db.View(ctx, func(tx *store.Tx) (err error) {
		b, err = getBundle(tx, all[0].ID)
		return err
	})
}

// Learnings lists the learning agreements.
func (n *Node) Learnings(ctx context.Context) (out []LearningRecord, err error) {
	err = n.db.View(ctx, func(tx *store.Tx) error {
		for l, err := range learnings.List(tx, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, l)
		}
		return nil
	})
	return out, err
}
