package recognition

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/multiformats/go-multibase"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/requirement"
)

// Bundle is an agreement with what belongs to it: the signed bytes of the
// agreement, of the partner's countersignature, and, of one that was ended, of
// its last version, which says until when it held.
type Bundle struct {
	Agreement         []byte   `json:"agreement"`
	Countersignatures [][]byte `json:"countersignatures,omitempty"`
	Ended             []byte   `json:"ended,omitempty"`
}

// maxCountersignatures bounds the work that a bundle can ask for: two sign a
// learning agreement, and each may have done so anew.
const maxCountersignatures = 8

// ErrWithdrawn says that a countersignature was taken back.
var ErrWithdrawn = errors.New("the countersignature is no longer in force")

// ParseBundle reads a bundle, or a signed statement alone. Unknown members are
// refused. The error wraps [ErrStatement].
func ParseBundle(raw []byte) (Bundle, error) {
	var b Bundle
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err == nil && len(b.Agreement) > 0 {
		return b, nil
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		return Bundle{}, fmt.Errorf("%w: %v", ErrStatement, err)
	}
	if _, err := Read(c); err != nil {
		return Bundle{}, err
	}
	return Bundle{Agreement: raw}, nil
}

// Open reads and verifies a bundle at a time. What is not authentic is an
// error, which wraps [ErrStatement] or a [*credentials.UndecidedError]; with the
// latter comes what it says, uncertain. What is authentic and cannot be relied
// on now says so by its standing.
func Open(ctx context.Context, v *credentials.Verifier, b Bundle, at time.Time) (Statement, error) {
	if len(b.Countersignatures) > maxCountersignatures {
		return Statement{}, fmt.Errorf("%w: %d countersignatures; there are at most %d", ErrStatement, len(b.Countersignatures), maxCountersignatures)
	}
	s, r, err := examine(ctx, v, b.Agreement, credentials.ReportOptions{At: at})
	if IsUndecided(err) {
		s.Standing, s.Why, s.Unjudged = requirement.Uncertain, err.Error(), err.Error()
		return s, err
	}
	if err != nil {
		return Statement{}, err
	}
	s.Judge(r)
	for _, raw := range b.Countersignatures {
		by, err := Countersigned(ctx, v, b.Agreement, raw, at)
		switch {
		case errors.Is(err, ErrWithdrawn):
			continue
		case IsUndecided(err):
			s.Unjudged = err.Error() // it matters only if its signer is wanted
		case err != nil:
			return Statement{}, err
		case !slices.Contains(s.Signers, by):
			s.Signers = append(s.Signers, by)
		}
	}
	if b.Ended == nil {
		return s, nil
	}
	last, r, err := examine(ctx, v, b.Ended, credentials.ReportOptions{At: at})
	if IsUndecided(err) {
		s.Standing, s.Why = requirement.Uncertain, err.Error()
		return s, err
	}
	if err != nil {
		return Statement{}, err
	}
	if last.ID != s.ID || last.By != s.By || last.Of != s.Of || !last.From.Equal(s.From) || last.Until.IsZero() || !s.Until.IsZero() && last.Until.After(s.Until) {
		return Statement{}, fmt.Errorf("%w: what is given as its last version is not one of this agreement", ErrStatement)
	}
	last.Judge(r)
	s.Until, s.Ended, s.Standing, s.Why = last.Until, true, last.Standing, last.Why
	return s, nil
}

// OpenRaw is [ParseBundle] and [Open] of what it gives.
func OpenRaw(ctx context.Context, v *credentials.Verifier, raw []byte, at time.Time) (Bundle, Statement, error) {
	b, err := ParseBundle(raw)
	if err != nil {
		return Bundle{}, Statement{}, err
	}
	s, err := Open(ctx, v, b, at)
	return b, s, err
}

// Merge adds the countersignatures of another copy of the same signed text.
// It reports whether there was a new one; false for another text.
func (b *Bundle) Merge(other Bundle) (added bool) {
	if !bytes.Equal(b.Agreement, other.Agreement) {
		return false
	}
	for _, c := range other.Countersignatures {
		if len(b.Countersignatures) < maxCountersignatures && !slices.ContainsFunc(b.Countersignatures, func(have []byte) bool { return bytes.Equal(have, c) }) {
			b.Countersignatures, added = append(b.Countersignatures, c), true
		}
	}
	return added
}

// examine reads a statement and holds it to its signature.
func examine(ctx context.Context, v *credentials.Verifier, raw []byte, o credentials.ReportOptions) (Statement, credentials.Report, error) {
	c, err := credentials.Parse(raw)
	if err != nil {
		return Statement{}, credentials.Report{}, fmt.Errorf("%w: %v", ErrStatement, err)
	}
	s, err := Read(c)
	if err != nil {
		return s, credentials.Report{}, err
	}
	r := v.Report(ctx, raw, o)
	for _, name := range []string{credentials.CheckShape, credentials.CheckProof, credentials.CheckIssuer} {
		switch k := r.Check(name); k.Answer {
		case credentials.No:
			return s, r, fmt.Errorf("%w: %s", ErrStatement, k.Message)
		case credentials.Unknown:
			return s, r, &credentials.UndecidedError{Report: r, Check: k.Name, Code: k.Code, Message: k.Message}
		}
	}
	return s, r, nil
}

// Countersigned returns who countersigned the signed bytes of a statement: an
// endorsement of its id by somebody, with the digest of exactly these bytes
// (VC Data Model 2.0 §5.3). The error wraps [ErrStatement], [ErrWithdrawn] for
// one that its signer took back, or a [*credentials.UndecidedError].
func Countersigned(ctx context.Context, v *credentials.Verifier, statement, countersignature []byte, at time.Time) (by string, err error) {
	about, err := credentials.Parse(statement)
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrStatement, err)
	}
	s, r, err := examine(ctx, v, countersignature, credentials.ReportOptions{At: at, Resources: map[string][]byte{about.ID(): statement}})
	if err != nil {
		return "", fmt.Errorf("the countersignature: %w", err)
	}
	s.Judge(r)
	switch k := r.Check(credentials.CheckEvidence); {
	case s.Of != about.ID():
		return "", fmt.Errorf("%w: the countersignature is about %s, not about %s", ErrStatement, s.Of, about.ID())
	case k.Answer != credentials.Yes:
		return "", fmt.Errorf("%w: the countersignature is not about this text: %s", ErrStatement, k.Message)
	case s.Standing == requirement.Lapsed:
		return "", fmt.Errorf("%w: %s", ErrWithdrawn, s.Why)
	case s.Standing != requirement.Current:
		return "", &credentials.UndecidedError{Report: r, Check: credentials.CheckStatus, Code: r.Code(), Message: s.Why}
	}
	return s.By, nil
}

// Digest returns the digest of bytes as relatedResource names it: a SHA-256
// multihash in base58-btc.
func Digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	text, err := multibase.Encode(multibase.Base58BTC, append([]byte{0x12, sha256.Size}, sum[:]...))
	if err != nil {
		panic(err) // base58btc encodes any bytes
	}
	return text
}

// IsUndecided reports whether an error says that something could not be told.
func IsUndecided(err error) bool {
	var u *credentials.UndecidedError
	return errors.As(err, &u)
}
