package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// maxAward bounds an award's record: it fits the store also when the longest
// DID is added to it, which a wallet proves later.
const maxAward = store.MaxValue - did.MaxLength - 2<<10

// check refuses what could never become a badge, before anything is kept: what
// is reserved must be possible to sign.
func (n *Node) check(ctx context.Context, a Award) error {
	if err := n.checkRecipient(ctx, a.Recipient); err != nil {
		return err
	}
	for _, e := range a.Evidence {
		if err := checkEvidence(e); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("%w: a date lies beyond the year 9999: %v", ErrInput, err)
	}
	if len(raw) > maxAward {
		return fmt.Errorf("%w: the award has %d bytes, at most %d fit; shorten narrative or evidence, or put the text on a page and name that as evidence", ErrInput, len(raw), maxAward)
	}
	if a.Recipient.Connection != "" {
		a.Recipient.DID = n.id.String() // stands for the wallet's, which is not known yet
	}
	defer countProof(ctx, time.Now())
	unsigned, err := n.unsigned(ctx, a)
	if err != nil {
		return err
	}
	if p := credentials.Lint(unsigned); len(p) > 0 {
		return fmt.Errorf("%w: the badge %s: %w", ErrInput, a.Name, &credentials.LintError{Problems: p})
	}
	if len(a.Evidence) == 0 && a.Recipient.Connection == "" {
		return nil // nothing but text was added to the catalogue's own, and it is signed at once
	}
	doc, err := jsondoc.Parse(unsigned)
	if err == nil {
		err = jsonld.Check(doc) // what has no meaning cannot be signed
	}
	if err != nil {
		return fmt.Errorf("%w: the badge %s: %v", ErrInput, a.Name, err)
	}
	return nil
}

func (n *Node) checkRecipient(ctx context.Context, r Recipient) error {
	switch {
	case r.DID != "":
		return n.checkDID(ctx, r.DID)
	case r.Connection != "":
		return n.db.View(ctx, func(tx *store.Tx) error {
			_, err := connection(tx, r.Connection)
			return err
		})
	}
	return nil
}

// checkDID wants a DID that verifiers here can resolve. A did:web is not
// fetched: its host may be down today, and the badge is for later as well.
func (n *Node) checkDID(ctx context.Context, text string) error {
	d, err := did.Parse(text)
	if err == nil && d.Method() != "web" {
		_, err = n.party.Resolver.Resolve(ctx, d)
	}
	switch {
	case errors.Is(err, did.ErrUnsupported):
		return fmt.Errorf("%w: recipient %s: DIDs of this method are not read here; use did:key, did:jwk, did:peer or did:web", ErrInput, jsondoc.Clip(text))
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%w: recipient: %v; copy the whole DID", ErrInput, err)
	}
	return err
}

// connection finds a connection by its id. The error wraps [ErrInput] when
// there is none.
func connection(tx *store.Tx, id string) (exchange.Connection, error) {
	c, err := exchange.Connections.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, fmt.Errorf("%w: no connection %q; `trustme node connections` lists them", ErrInput, id)
	}
	return c, err
}

// checkEvidence wants a link that can be followed. What else no URL may have
// is found in the badge.
func checkEvidence(s string) error {
	u, err := url.Parse(s)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http")
	if err != nil || !u.IsAbs() || web && u.Hostname() == "" || strings.Count(s, "#") > 1 {
		return fmt.Errorf("%w: evidence %q is no address; write one such as https://example.org/work.pdf", ErrInput, jsondoc.Clip(s))
	}
	return nil
}

func (r Recipient) check() error {
	set := 0
	for _, s := range []string{r.Connection, r.DID, r.Email} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%w: name one recipient: a connection, a DID or an e-mail address", ErrInput)
	}
	if r.Email != "" {
		if a, err := mail.ParseAddress(r.Email); err != nil || a.Address != strings.TrimSpace(r.Email) {
			return fmt.Errorf("%w: %q is no e-mail address", ErrInput, jsondoc.Clip(r.Email))
		}
	}
	return nil
}

// definite are refusals: asking again changes nothing.
var definite = []error{
	ErrInput, ErrConfig, catalogue.ErrInvalid, store.ErrTooLarge, store.ErrNewerVersion,
	credentials.ErrAward, credentials.ErrMalformed, jsonld.ErrInvalid, jsonld.ErrUndefinedTerm, jsonld.ErrLimit,
}

// refusal reports whether err is a definite no rather than a fault or a doubt.
func refusal(err error) bool {
	for _, d := range definite {
		if errors.Is(err, d) {
			return true
		}
	}
	var unfit *credentials.LintError
	var rejected *credentials.RejectedError
	return errors.As(err, &unfit) || errors.As(err, &rejected)
}
