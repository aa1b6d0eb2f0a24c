package didcomm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/store"
)

// Pair is one of our DIDs and a peer's: the two ends of a connection. Every
// thread and every queue belongs to one pair.
type Pair struct{ Own, Peer did.DID }

// id shortens a pair to a key; a DID alone may be longer than a key.
func (p Pair) id() string {
	h := sha256.Sum256([]byte(p.Own.String() + "\n" + p.Peer.String()))
	return hex.EncodeToString(h[:16])
}

// Entry is a message waiting in an outbox until the peer acknowledges it.
type Entry struct {
	Seq     uint64
	Message Message
}

// Outbox and inbox keys. A message leaves the outbox when it is acknowledged,
// never when it is sent. The inbox holds only the ids of what was acted on.
//
//	mail/out/<pair>/<seq>   its id, in the order of sending
//	mail/body/<pair>/<seq>  the message
//	mail/id/<pair>/<id>     its seq
//	mail/seq/<pair>         the last seq given
//	mail/in/<pair>/<id>     when it was acted on
func seqKey(kind, pair string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("mail/"+kind+"/"+pair+"/"), seq)
}

func idKey(kind, pair, id string) []byte {
	h := sha256.Sum256([]byte(id)) // a peer chooses its ids
	return []byte("mail/" + kind + "/" + pair + "/" + hex.EncodeToString(h[:16]))
}

// Send puts m into the outbox of the pair, in the transaction that changes the
// state it tells of. A second message of the same id is the same message.
func Send(tx *store.Tx, p Pair, m Message) error {
	pair := p.id()
	if m.ID == "" {
		return errors.New("a message without id cannot be queued")
	}
	if _, err := tx.Get(idKey("id", pair, m.ID)); err == nil {
		return nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	m.PleaseAck = []string{""} // this message (DIDComm Messaging v2 §ACKs)
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("queueing a message: %w", err)
	}
	seq, err := nextSeq(tx, pair)
	if err != nil {
		return err
	}
	if err := tx.Put(idKey("id", pair, m.ID), binary.BigEndian.AppendUint64(nil, seq)); err != nil {
		return err
	}
	if err := tx.Put(seqKey("out", pair, seq), []byte(m.ID)); err != nil {
		return err
	}
	return store.PutLarge(tx, seqKey("body", pair, seq), raw)
}

func nextSeq(tx *store.Tx, pair string) (uint64, error) {
	key := []byte("mail/seq/" + pair)
	b, err := tx.Get(key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		b = make([]byte, 8)
	case err != nil:
		return 0, err
	case len(b) != 8:
		return 0, fmt.Errorf("%w: %s", store.ErrCorrupt, key)
	}
	seq := binary.BigEndian.Uint64(b) + 1
	return seq, tx.Put(key, binary.BigEndian.AppendUint64(nil, seq))
}

// Acknowledge removes messages from the outbox of the pair. Ids that are not
// there are no error: an acknowledgement may come twice.
func Acknowledge(tx *store.Tx, p Pair, ids ...string) error {
	pair := p.id()
	for _, id := range ids {
		b, err := tx.Get(idKey("id", pair, id))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if len(b) == 8 { // empty once acknowledged: the id stays, so that it is not queued again
			seq := binary.BigEndian.Uint64(b)
			if err := tx.Delete(seqKey("out", pair, seq)); err != nil {
				return err
			}
			if err := store.DeleteLarge(tx, seqKey("body", pair, seq)); err != nil {
				return err
			}
		}
		if err := tx.Put(idKey("id", pair, id), []byte{0}); err != nil {
			return err
		}
	}
	return nil
}

// Pending returns up to limit waiting messages with a seq above after, oldest
// first.
func Pending(tx *store.Tx, p Pair, after uint64, limit int) ([]Entry, error) {
	var out []Entry
	pair := p.id()
	prefix := []byte("mail/out/" + pair + "/")
	for r, err := range tx.Scan(store.Range{Prefix: prefix, From: seqKey("out", pair, after+1), Limit: limit, KeysOnly: true}) {
		if err != nil {
			return nil, err
		}
		e := Entry{Seq: binary.BigEndian.Uint64(r.Key[len(prefix):])}
		raw, err := store.GetLarge(tx, seqKey("body", pair, e.Seq))
		if err != nil {
			return nil, fmt.Errorf("reading a queued message: %w", err)
		}
		if err := json.Unmarshal(raw, &e.Message); err != nil {
			return nil, fmt.Errorf("%w: queued message: %v", store.ErrCorrupt, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// Waiting counts the messages in the outbox of the pair, up to limit.
func Waiting(tx *store.Tx, p Pair, limit int) (int, error) {
	n := 0
	for _, err := range tx.Scan(store.Range{Prefix: []byte("mail/out/" + p.id() + "/"), Limit: limit, KeysOnly: true}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// seen reports whether a message of this id was acted on already.
func seen(tx *store.Tx, p Pair, id string) (bool, error) {
	_, err := tx.Get(idKey("in", p.id(), id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func markSeen(tx *store.Tx, p Pair, id string, now time.Time) error {
	return tx.Put(idKey("in", p.id(), id), []byte(now.UTC().Format(time.RFC3339)))
}
