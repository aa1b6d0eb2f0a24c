package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/store"
)

// counting is an answer about a badge, to be counted.
type counting struct {
	id  string // of the badge; empty where it has none
	raw []byte // the badge
	recognition.Recognition
}

// countRecognition notes in the journal which partner's badges were recognised
// here or not: agreements are reviewed by that. However often a badge is looked
// at, what it counts as is noted once, and so is each reason for which it does
// not count.
func (n *Node) countRecognition(ctx context.Context, all []counting) error {
	return n.db.Update(ctx, func(tx *store.Tx) error {
		for _, a := range all {
			if a.Statement == "" || a.Answer != credentials.Yes && a.Answer != credentials.No {
				continue
			}
			key := n.recognisedKey(a)
			if _, err := tx.Get(key); err == nil {
				continue // counted before
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err := tx.Put(key, nil); err != nil {
				return err
			}
			if err := n.note(tx, "recognition."+string(a.Answer), map[string]any{"achievement": a.As, "statement": a.Statement, "partner": a.Issuer, "credits": a.Credits}); err != nil {
				return err
			}
		}
		return nil
	})
}

// recognisedKey is where it is kept that an answer was counted. Others' badges
// are not this node's to list, so what is kept is a digest under a key of this
// node: who has a badge and the key can tell that it was looked at, nobody can
// tell whose badges were. A badge is the same in all its versions.
func (n *Node) recognisedKey(a counting) []byte {
	badge := a.id
	if badge == "" {
		sum := sha256.Sum256(a.raw)
		badge = string(sum[:])
	}
	reason := ""
	if a.Answer == credentials.No {
		reason = a.Why
	}
	mac := hmac.New(sha256.New, n.secret.Derive("recognised badges"))
	mac.Write([]byte(strings.Join([]string{a.Issuer, badge, string(a.Answer), a.As, reason}, "\x00")))
	return append([]byte("recognised/"), mac.Sum(nil)...)
}
