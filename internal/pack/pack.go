// Package pack makes and opens verification packs: a badge with everything
// that was fetched to verify it, signed by who fetched it, so that it can be
// verified on a machine without a network.
//
// Status lists are signed by their issuer. A did:web document is not: its
// truth in a pack rests on whoever sealed the pack. So a pack counts only when
// the verifier trusts its sealer.
package pack

import (
	"bytes"
	"cmp"
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

// limits bound a pack: a badge with its status lists, twice in base64.
var limits = jsondoc.Limits{Size: 64 << 20}

// head is how every pack begins that Make wrote.
var head = []byte(`{"format":"` + format + `"`)

// IsPack reports whether raw is a pack, or the beginning of one.
func IsPack(raw []byte) bool {
	if bytes.HasPrefix(raw, head) {
		return true
	}
	if !bytes.Contains(raw, []byte(format)) {
		return false // spares a badge of being read twice
	}
	v, err := jsondoc.ParseLimits(raw, limits)
	if err != nil {
		return false
	}
	s, _ := v.Get("format").Text()
	return s == format
}

// Make verifies a badge with p, asking publishers afresh, and seals it with
// what was fetched. Where a publisher is out of reach, or p is offline, the
// copies at hand serve with their age. A badge that is not valid is not
// packed; the report says why. Nobody else may use p meanwhile.
func Make(ctx context.Context, p *party.Party, badge []byte, now time.Time, ks *keys.Store, sealer did.PublicKey) ([]byte, credentials.Report, error) {
	pl := payload{Created: now.UTC().Truncate(time.Second), Badge: badge, Documents: []document{}}
	p.Cache.Used = func(url string, r fetch.Response) { // the last answer is the one that was judged
		pl.Documents = slices.DeleteFunc(pl.Documents, func(d document) bool { return d.URL == url })
		pl.Documents = append(pl.Documents, document{url, r.Fetched, r.ContentType, r.Body})
	}
	refresh := p.Cache.Refresh
	p.Cache.Refresh = true
	defer func() { p.Cache.Used, p.Cache.Refresh = nil, refresh }()
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
	v, err := jsondoc.ParseLimits(raw, limits)
	switch {
	case err != nil && bytes.HasPrefix(raw, head):
		return Pack{}, altered("it is cut or altered: %v", err)
	case err != nil:
		return Pack{}, fmt.Errorf("%w: %v", ErrNotPack, err)
	}
	var e envelope
	text := func(name string) string { s, _ := v.Get(name).Text(); return s }
	e.Format, e.Sealer, e.Payload, e.Signature = text("format"), text("sealer"), text("payload"), text("signature")
	switch n, _ := v.Get("version").Int(); {
	case e.Format != format:
		return Pack{}, ErrNotPack
	case n > 1:
		return Pack{}, fmt.Errorf("%w of a version known here: it was written by a newer version of this program (format %d); use the newer program", ErrNotPack, n)
	case n < 1:
		return Pack{}, altered("it has no format version")
	}
	if err := only(v, "format", "version", "sealer", "payload", "signature"); err != nil {
		return Pack{}, err
	}
	sealer, err := did.Parse(e.Sealer)
	if err != nil || sealer.Method() != "key" {
		return Pack{}, altered("the sealer is no did:key")
	}
	k, err := did.ParseMultikey(sealer.SpecificID())
	if err != nil {
		return Pack{}, altered("the sealer's key: %v", err)
	}
	sig, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil || k.Verify(e.signed(), sig) != nil {
		return Pack{}, altered("its signature does not match")
	}
	body, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return Pack{}, altered("its content: %v", err)
	}
	return read(sealer, body)
}

func altered(format string, args ...any) error {
	return fmt.Errorf("%w: %s; ask its sealer for a new one", ErrAltered, fmt.Sprintf(format, args...))
}

// only refuses members that this version does not know: outside of the payload
// nothing seals them, and within it they could matter.
func only(v jsondoc.Value, names ...string) error {
	for name := range v.Members() {
		if !slices.Contains(names, name) {
			return altered("%s/%s is not part of a pack", v.Pointer(), name)
		}
	}
	return nil
}

// read reads the payload; whoever sealed it is not trusted yet.
func read(sealer did.DID, body []byte) (Pack, error) {
	v, err := jsondoc.ParseLimits(body, limits)
	if err != nil {
		return Pack{}, altered("its content: %v", err)
	}
	r := reader{}
	r.only(v, "created", "badge", "documents")
	k := Pack{Sealer: sealer, Created: r.time(v.Get("created")), Badge: r.bytes(v.Get("badge"))}
	for d := range v.Get("documents").Elements() {
		if d.Kind() == jsondoc.Null { // no document at all
			continue
		}
		r.only(d, "url", "fetched", "contentType", "body")
		contentType, _ := d.Get("contentType").Text()
		k.documents = append(k.documents, document{r.text(d.Get("url")), r.time(d.Get("fetched")), contentType, r.bytes(d.Get("body"))})
	}
	if r.err != nil {
		return Pack{}, r.err
	}
	return k, nil
}

// reader reads members and keeps the first error.
type reader struct{ err error }

func (r *reader) fail(v jsondoc.Value, what string) {
	if r.err == nil {
		r.err = altered("%s is no %s", cmp.Or(v.Pointer(), "a member that is missing"), what)
	}
}

func (r *reader) only(v jsondoc.Value, names ...string) { r.err = cmp.Or(r.err, only(v, names...)) }

func (r *reader) text(v jsondoc.Value) string {
	s, ok := v.Text()
	if !ok {
		r.fail(v, "text")
	}
	return s
}

func (r *reader) time(v jsondoc.Value) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(v))
	if err != nil {
		r.fail(v, "time")
	}
	return t
}

func (r *reader) bytes(v jsondoc.Value) []byte {
	b, err := base64.StdEncoding.DecodeString(r.text(v))
	if err != nil {
		r.fail(v, "base64")
	}
	return b
}

// Terms are what a verifier says of a pack.
type Terms struct {
	Sealers  []string // the DIDs whose packs are believed
	Issuers  []string // see [party.Config.Trusted]
	Loopback bool
	Now      func() time.Time
}

// Verify verifies the badge of a pack without a network, if its sealer is one
// of t.Sealers. The error wraps [ErrSealer].
func (k Pack) Verify(ctx context.Context, t Terms, o credentials.ReportOptions) (credentials.Report, error) {
	if !slices.Contains(t.Sealers, k.Sealer.String()) {
		return credentials.Report{}, fmt.Errorf("%w: %s; if you do, say --trust-sealer %s", ErrSealer, k.Sealer, k.Sealer)
	}
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		return credentials.Report{}, err
	}
	defer db.Close()
	p, err := party.New(party.Config{DB: db, Offline: true, Loopback: t.Loopback, Trusted: t.Issuers, Now: t.Now})
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
