package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Standing is what an issuer tells the holder of a badge when it revokes,
// suspends or reinstates it. It is the issuer's word, and no proof: what a
// badge is worth, its status list tells.
type Standing struct {
	Credential string    `json:"credential"`
	Standing   string    `json:"standing"` // revoked, suspended or active
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"` // of two about one credential, the later counts
}

// MaxReason bounds the reason that is told, in bytes.
const MaxReason = 2 << 10

// Tell queues what became of a badge, in the transaction that makes it true.
func (s Standing) Tell(tx *store.Tx, c Connection) error {
	pair, err := c.Pair()
	if err != nil {
		return err
	}
	s.At = s.At.UTC()
	id := fmt.Sprintf("standing-%s-%d", strings.TrimPrefix(s.Credential, "urn:uuid:"), s.At.UnixMicro())
	return didcomm.Send(tx, pair, didcomm.Message{ID: id, Type: TypeStanding, Thid: id, ReturnRoute: "all", Body: didcomm.Object(s)})
}

// ReadStanding returns what a message tells of a badge.
func ReadStanding(m didcomm.Message) (s Standing, err error) {
	if err := json.Unmarshal(m.Body, &s); err != nil {
		return s, malformed("standing of a badge", err)
	}
	switch {
	case s.Credential == "" || len(s.Credential) > 2048:
		return s, malformed("standing of a badge", errors.New("credential is the id of the badge"))
	case !slices.Contains([]string{"active", "suspended", "revoked"}, s.Standing):
		return s, malformed("standing of a badge", errors.New("standing is active, suspended or revoked"))
	case len(s.Reason) > MaxReason:
		return s, malformed("standing of a badge", fmt.Errorf("the reason has more than %d bytes", MaxReason))
	case s.At.IsZero():
		return s, malformed("standing of a badge", errors.New("at is when it became so"))
	}
	return s, nil
}
