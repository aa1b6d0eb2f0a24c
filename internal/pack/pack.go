// Package pack makes and opens verification packs: a badge with everything
// that was fetched to verify it, signed by who fetched it, so that it can be
// verified on a machine without a network.
//
// Status lists are signed by their issuer. A did:web document is not: its
// truth in a pack rests on whoever sealed the pack. So a pack counts only when
// the verifier trusts its sealer.
package pack

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
)

var (
	// ErrNotPack says that bytes are no pack.
	ErrNotPack = errors.New("not a verification pack")
	// ErrAltered says that a pack is not as it was sealed.
	ErrAltered = errors.New("verification pack is altered")
	// ErrSealer says that a pack was sealed by somebody not trusted.
	ErrSealer = errors.New("verification pack is sealed by somebody you have not said to trust")
)

const format = "trustme-pack"

type envelope struct {
	Format    string `json:"format"`
	Version   int    `json:"version"`
	Sealer    string `json:"sealer"`
	Payload   string `json:"payload"`
	Signature string `json:"signature"`
}

type payload struct {
	Created   time.Time  `json:"created"`
	Badge     []byte     `json:"badge"`
	Documents []document `json:"documents"`
}

type document struct {
	URL         string    `json:"url"`
	Fetched     time.Time `json:"fetched"`
	ContentType string    `json:"contentType,omitempty"`
	Body        []byte    `json:"body"`
}

// Pack is an opened pack.
type Pack struct {
	Sealer    did.DID
	Created   time.Time
	Badge     []byte
	documents []document
}

// IsPack reports whether raw looks like a pack.
func IsPack(raw []byte) bool {
	v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: 64 << 20})
	if err != nil {
		return false
	}
	s, _ := v.Get("format").Text()
	return s == format
}

// Make verifies a badge with p, asking publishers afresh, and seals it with
// what was fetched. A badge that is not valid is not packed; the report says
// why.
func Make(ctx context.Context, p *party.Party, badge []byte, now time.Time, ks *keys.Store, sealer did.PublicKey) ([]byte, credentials.Report, error) {
	pl := payload{Created: now.UTC().Truncate(time.Second), Badge: badge}
	p.Cache.Used = func(url string, r fetch.Response) {
		if !slices.ContainsFunc(pl.Documents, func(d document) bool { return d.URL == url }) {
			pl.Documents = append(pl.Documents, document{url, r.Fetched, r.ContentType, r.Body})
		}
	}
	defer func() { p.Cache.Used = nil }()
	report := p.Verifier.Report(ctx, badge, credentials.ReportOptions{})
	if report.Verdict != credentials.Valid {
		return nil, report, nil
	}
	raw, err := json.Marshal(pl)
	if err != nil {
		return nil, report, err
	}
	id, err := key.New(sealer)
	if err != nil {
		return nil, report, err
	}
	e := envelope{Format: format, Version: 1, Sealer: id.String(), Payload: base64.StdEncoding.EncodeToString(raw)}
	sig, err := ks.Sign(ctx, sealer, e.signed())
	if err != nil {
		return nil, report, err
	}
	e.Signature = base64.StdEncoding.EncodeToString(sig)
	out, err := json.Marshal(e)
	return append(out, '\n'), report, err
}

func (e envelope) signed() []byte { return []byte(format + " 1 " + e.Sealer + " " + e.Payload) }

// Open checks the seal of a pack. The error wraps [ErrNotPack] or
// [ErrAltered].
func Open(raw []byte) (Pack, error) {
	v, err := jsondoc.ParseLimits(raw, jsondoc.Limits{Size: 64 << 20})
	if err != nil {
		return Pack{}, fmt.Errorf("%w: %v", ErrNotPack, err)
	}
	var e envelope
	text := func(name string) string { s, _ := v.Get(name).Text(); return s }
	e.Format, e.Sealer, e.Payload, e.Signature = text("format"), text("sealer"), text("payload"), text("signature")
	if n, _ := v.Get("version").Int(); e.Format != format || n != 1 {
		return Pack{}, fmt.Errorf("%w of a version known here", ErrNotPack)
	}
	sealer, err := did.Parse(e.Sealer)
	if err != nil || sealer.Method() != "key" {
		return Pack{}, fmt.Errorf("%w: the sealer is no did:key", ErrAltered)
	}
	k, err := did.ParseMultikey(sealer.SpecificID())
	if err != nil {
		return Pack{}, fmt.Errorf("%w: %v", ErrAltered, err)
	}
	sig, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil || k.Verify(e.signed(), sig) != nil {
		return Pack{}, fmt.Errorf("%w: its signature does not match", ErrAltered)
	}
	body, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return Pack{}, fmt.Errorf("%w: %v", ErrAltered, err)
	}
	var pl payload
	if err := json.Unmarshal(body, &pl); err != nil {
		return Pack{}, fmt.Errorf("%w: %v", ErrAltered, err)
	}
	return Pack{sealer, pl.Created, pl.Badge, pl.Documents}, nil
}

// Verify verifies the badge of a pack without a network, if the sealer is one
// of trusted. The error wraps [ErrSealer].
func (k Pack) Verify(ctx context.Context, trusted []string, loopback bool, now func() time.Time, o credentials.ReportOptions) (credentials.Report, error) {
	if !slices.Contains(trusted, k.Sealer.String()) {
		return credentials.Report{}, fmt.Errorf("%w: %s; if you do, say --trust-sealer %s", ErrSealer, k.Sealer, k.Sealer)
	}
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		return credentials.Report{}, err
	}
	defer db.Close()
	p, err := party.New(party.Config{DB: db, Offline: true, Loopback: loopback, Now: now})
	if err != nil {
		return credentials.Report{}, err
	}
	for _, d := range k.documents {
		if err := p.Cache.Put(ctx, d.URL, fetch.Response{Body: d.Body, ContentType: d.ContentType, Fetched: d.Fetched}); err != nil {
			return credentials.Report{}, err
		}
	}
	o.Offline = true
	return p.Verifier.Report(ctx, k.Badge, o), nil
}
