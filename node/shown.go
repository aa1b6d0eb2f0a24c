package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/credentials/requirement"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node/catalogue"
)

// shownBy is what a presentation beside a message proved: who sent it, and the
// badges they hold. credentials are those that verified, by their SHA-256.
type shownBy struct {
	person      application.Person
	holdings    *requirement.Holdings
	credentials map[string]credentials.Credential
	terms       recognition.Terms // by which badges of others count here
	raw         []byte
}

// proven verifies the presentation that goes with a document. A badge that is
// not valid any more counts as that; one of somebody else does not count. The
// error is a [*didcomm.Problem] when the key was not proven.
func (n *Node) proven(ctx context.Context, in exchange.Inbound, doc []byte) (s shownBy, err error) {
	if s.raw, err = application.Attached(in.Message, exchange.FormatVP); err != nil {
		return s, err
	}
	r := n.party.Verifier.VerifyPresentation(ctx, s.raw, application.Challenge(in.Pair.Peer.String(), in.Message.ID, doc), in.Pair.Own.String())
	switch {
	case r.Shape.Answer == credentials.No || r.Proof.Answer == credentials.No:
		return s, &didcomm.Problem{Code: exchange.CodeHolder, Comment: "the proof of your key was refused: " + r.Why}
	case r.Proof.Answer != credentials.Yes:
		return s, fmt.Errorf("checking a presentation: %s", r.Why)
	}
	s.person = application.Person{DID: r.Holder, Connection: in.Connection.ID}
	s.holdings, s.credentials = &requirement.Holdings{}, map[string]credentials.Credential{}
	foreign := false
	for i, raw := range r.Shown {
		report := r.Credentials[i]
		c, _, err := credentials.ParseAny(raw)
		if err != nil || report.Check(credentials.CheckHolder).Answer != credentials.Yes {
			continue // the report says no already, or it is somebody else's
		}
		s.holdings.AddJudged(c, report)
		foreign = foreign || c.IssuerID() != n.id.String()
		if report.Verdict == credentials.Valid {
			sum := sha256.Sum256(raw)
			s.credentials[hex.EncodeToString(sum[:])] = c
		}
	}
	if foreign {
		s.terms, err = n.terms(ctx)
	}
	return s, err
}

// names tells what the slugs of a catalogue stand for in a requirement: badges
// of this node, and those of partners that count by agreement.
func (n *Node) names(c *catalogue.Catalogue, who shownBy) requirement.Names {
	return who.terms.Names(c.Names(n.issuer()), n.id.String())
}
