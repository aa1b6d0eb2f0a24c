package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials/jose"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// errListIssuer says that a list is not the badge issuer's, nor trusted.
var errListIssuer = errors.New("status list issued by somebody else")

// errStale says that a list is not in its time.
var errStale = errors.New("status list not in its time")

// status looks up every status entry, and the expiry list beside the first.
func (j *judgement) status(ctx context.Context) {
	v := j.c.doc.Get("credentialStatus")
	if !v.Exists() {
		j.add(nothing(CheckStatus, "the issuer set no status: it cannot be revoked"))
		j.add(nothing(CheckRefresh, "no expiry list"))
		return
	}
	entries, err := status.ParseEntries(v)
	if err != nil {
		code, answer := CodeStatusInvalid, No
		if errors.Is(err, status.ErrUnsupported) {
			answer = Unknown
		}
		j.add(Check{Name: CheckStatus, Answer: answer, Code: code, Message: err.Error(), Pointer: v.Pointer()})
		return
	}
	worst := Check{}
	for _, e := range entries {
		if c := j.entry(ctx, e); worst.Name == "" || rank(c) > rank(worst) {
			worst = c
		}
	}
	j.add(worst)
	j.add(j.refresh(ctx, entries[0]))
}

// rank orders answers: a refusal outweighs a doubt, which outweighs a yes.
func rank(c Check) int {
	switch c.Answer {
	case No:
		return 2
	case Unknown:
		return 1
	}
	return 0
}

// entry answers for one status entry.
func (j *judgement) entry(ctx context.Context, e status.Entry) Check {
	c := Check{Name: CheckStatus, Answer: Yes, Code: CodeOK, URL: e.List}
	l, err := j.list(ctx, e)
	if !l.at.IsZero() {
		c.Fetched, c.Age = l.at, age(j.v.cfg.Now(), l.at)
	}
	if err != nil {
		f := explainStatus(err)
		c.Answer, c.Code, c.Message = f.answer, f.code, f.message
		return c
	}
	if e.Kind == status.OneEdTech {
		if reason, revoked := l.Revoked(j.c.ID()); revoked {
			c.Answer, c.Code, c.Message = No, CodeRevoked, "revoked"+because(reason)
			return c
		}
		c.Message = "not in the issuer's revocation list"
		return c
	}
	value, err := l.Value(e)
	if err != nil {
		c.Answer, c.Code, c.Message = No, CodeStatusInvalid, err.Error()
		return c
	}
	c.Message = e.Purpose + " not set"
	if value.Set {
		c.Answer, c.Code, c.Message = setMeans(e.Purpose, value)
	}
	// A revocation is final, so it stands even in an old list.
	if stale := j.stale(l); stale != "" && !(value.Set && e.Purpose == status.Revocation) {
		c.Answer, c.Code, c.Message = Unknown, CodeStatusStale, stale
	}
	return c
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func setMeans(purpose string, v status.Value) (Answer, string, string) {
	switch purpose {
	case status.Revocation:
		return No, CodeRevoked, "revoked"
	case status.Suspension:
		return No, CodeSuspended, "suspended"
	case status.Refresh:
		return Yes, CodeLapsedOrRenewed, "a newer version exists"
	case status.Message:
		return Yes, CodeStatusSet, "the issuer says: " + v.Message
	}
	return Unknown, CodeStatusSet, fmt.Sprintf("the status %q is set, and what it means is not known here", purpose)
}

// stale says why a list kept from earlier is too old, "" when it is not.
func (j *judgement) stale(l fetchedList) string {
	old := age(j.v.cfg.Now(), l.at)
	if !l.cached || l.TTL == 0 || old <= l.TTL || j.o.Offline {
		return ""
	}
	return fmt.Sprintf("the list at hand is %s old, and its issuer lets it be kept for %s", old.Round(time.Second), l.TTL)
}

// refresh looks at the expiry list that belongs to the badge's own list. It
// informs: the badge's dates decide.
func (j *judgement) refresh(ctx context.Context, e status.Entry) Check {
	sibling, ok := status.Sibling(e.List)
	if !ok {
		return nothing(CheckRefresh, "no expiry list")
	}
	e.List, e.Purpose = sibling, status.Refresh
	c := Check{Name: CheckRefresh, Answer: Yes, Code: CodeOK, Message: "neither lapsed nor renewed", URL: sibling, Advisory: true}
	l, err := j.list(ctx, e)
	if errors.Is(err, status.ErrNoList) {
		return nothing(CheckRefresh, "the issuer publishes no expiry list")
	}
	if !l.at.IsZero() {
		c.Fetched, c.Age = l.at, age(j.v.cfg.Now(), l.at)
	}
	var value status.Value
	if err == nil {
		value, err = l.Value(e)
	}
	switch {
	case err != nil:
		f := explainStatus(err)
		c.Answer, c.Code, c.Message = Unknown, f.code, "expiry list: "+f.message
	case value.Set:
		c.Answer, c.Code, c.Message = No, CodeLapsedOrRenewed, "lapsed, or a newer version exists"
	case j.stale(l) != "":
		c.Answer, c.Code, c.Message = Unknown, CodeStatusStale, j.stale(l)
	}
	return c
}

// fetchedList is a list whose signature was verified, and where it came from.
type fetchedList struct {
	status.List
	at     time.Time
	cached bool
}

// list fetches and verifies the list of an entry. An older list than one seen
// before is asked for once more: another check may have met a publication in
// between, and only a list that stays old was put back.
func (j *judgement) list(ctx context.Context, e status.Entry) (fetchedList, error) {
	out, err := j.listOnce(ctx, e)
	if errors.Is(err, errRollback) {
		return j.listOnce(ctx, e)
	}
	return out, err
}

func (j *judgement) listOnce(ctx context.Context, e status.Entry) (fetchedList, error) {
	var out fetchedList
	if !isWeb(e.List) {
		return out, fmt.Errorf("%w: %q is no web address", status.ErrBlocked, e.List)
	}
	if j.v.cfg.Status == nil {
		return out, fmt.Errorf("%w: no source of status lists was given", status.ErrUnreachable)
	}
	f, err := j.v.cfg.Status.StatusList(ctx, e.List)
	if err != nil {
		return out, err
	}
	out.at, out.cached = f.At, f.Cached
	if out.List, err = j.verifyList(ctx, e, f.Body); err != nil {
		return out, err
	}
	if e.Kind == status.OneEdTech {
		return out, nil
	}
	if err := j.inTime(out.List); err != nil {
		return out, err
	}
	newest, err := j.v.cfg.Seen.Mark(ctx, e.List, out.ValidFrom)
	if err != nil {
		return out, fmt.Errorf("remembering the list: %w", err)
	}
	if newest.After(out.ValidFrom) {
		return out, fmt.Errorf("%w: a list of %s was seen, this one is of %s", errRollback, newest.Format(time.RFC3339), out.ValidFrom.Format(time.RFC3339))
	}
	return out, nil
}

func isWeb(address string) bool {
	if host, ok := strings.CutPrefix(address, "https://"); ok && plainAddress(host) {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// plainAddress reports whether s is a host and a path of letters, digits and
// the signs that mean nothing else there: no parser refuses it.
func plainAddress(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || i > 0 && (c == '.' || c == '/' || c == '-' || c == '_')) {
			return false
		}
	}
	return s != ""
}

// errRollback says that an older list is served than one seen before.
var errRollback = errors.New("status list older than one seen before")

func (j *judgement) inTime(l status.List) error {
	switch {
	case j.now.Before(l.ValidFrom):
		return fmt.Errorf("%w: it is valid only from %s", errStale, l.ValidFrom.Format(time.RFC3339))
	case !l.ValidUntil.IsZero() && j.now.After(l.ValidUntil):
		return fmt.Errorf("%w: it was valid until %s", errStale, l.ValidUntil.Format(time.RFC3339))
	}
	return nil
}

// verifyList checks form, issuer and signature of a list credential. Bytes
// that were verified before are not verified again.
func (j *judgement) verifyList(ctx context.Context, e status.Entry, body []byte) (status.List, error) {
	if e.Kind == status.OneEdTech {
		doc, err := jsondoc.ParseLimits(body, maxList)
		if err != nil {
			return status.List{}, fmt.Errorf("%w: %w", status.ErrMalformed, err)
		}
		return status.ParseRevocations(doc)
	}
	key := listKey{e.List, j.v.lists.sum(e.List, body)}
	if l, ok := j.v.lists.get(key, j.now); ok && j.stillVerified(ctx, l) {
		return l.List, nil
	}
	c, err := readList(body)
	if err != nil {
		return status.List{}, fmt.Errorf("%w: %w", status.ErrMalformed, err)
	}
	l, err := status.ParseList(c.doc)
	if err != nil {
		return l, err
	}
	if l.ID != e.List {
		return l, fmt.Errorf("%w: it names itself %q", status.ErrMalformed, l.ID)
	}
	issuer, err := did.Parse(l.Issuer)
	if err != nil {
		return l, fmt.Errorf("%w: its issuer: %v", status.ErrMalformed, err)
	}
	if !j.mayList(issuer) {
		return l, fmt.Errorf("%w: by %s", errListIssuer, l.Issuer)
	}
	b := &bound{inner: j.v.cfg.Resolver, want: issuer}
	if c.token != nil {
		_, err = verifyJWT(ctx, c, b, j.now)
	} else {
		_, err = verifyEmbedded(ctx, c.doc, b, j.now)
	}
	if err != nil {
		return l, fmt.Errorf("signature of the list: %w", err)
	}
	if l.ValidUntil, err = c.ends(l.ValidUntil); err != nil {
		return l, fmt.Errorf("%w: %w", status.ErrMalformed, err)
	}
	j.v.lists.put(key, keptList{l, issuer, j.v.lists.sum(issuer.String(), b.seen.Raw), j.now})
	return l, nil
}

// mayList reports whether a list of that issuer counts for the badge.
func (j *judgement) mayList(issuer did.DID) bool {
	return issuer == j.issuer || slices.Contains(j.v.cfg.ListIssuers, issuer.String())
}

// stillVerified reports whether a list that was verified before may be taken:
// its issuer's document is the same.
func (j *judgement) stillVerified(ctx context.Context, l keptList) bool {
	document := j.document
	if l.issuer != j.issuer && j.mayList(l.issuer) {
		r, err := j.v.cfg.Resolver.Resolve(ctx, l.issuer)
		if err != nil {
			return false
		}
		document = r.Raw
	}
	return j.mayList(l.issuer) && l.document == j.v.lists.sum(l.issuer.String(), document)
}

var maxList = jsondoc.Limits{Size: 8 << 20}

// readList reads a list credential as it is embedded in JSON, or as a JWT
// (VC-JOSE-COSE). Of a JWT the payload is the list itself: its own id, issuer
// and dates are judged, and where it repeats them as claims these must agree;
// its exp bounds the signature and ends the list before validUntil does.
func readList(body []byte) (Credential, error) {
	if detect(body) == FormJWT {
		t, err := jose.Parse(body)
		if err != nil {
			return Credential{}, err
		}
		doc, _, err := t.Credential()
		return Credential{raw: body, doc: doc, token: &t}, err
	}
	doc, err := jsondoc.ParseLimits(body, maxList)
	return Credential{raw: body, doc: doc}, err
}

// ends returns the earlier of validUntil and of a JWT's exp.
func (c Credential) ends(until time.Time) (time.Time, error) {
	if c.token == nil {
		return until, nil
	}
	t, err := c.token.Times()
	if err == nil && !t.Expires.IsZero() && (until.IsZero() || t.Expires.Before(until)) {
		until = t.Expires
	}
	return until, err
}

// explainStatus gives an error of a list its answer.
func explainStatus(err error) finding {
	unknown := func(code string) finding { return finding{CheckStatus, Unknown, code, err.Error()} }
	no := func(code string) finding { return finding{CheckStatus, No, code, err.Error()} }
	for _, e := range []error{status.ErrBlocked, fetch.ErrBlocked} {
		if errors.Is(err, e) {
			return no(CodeBlocked)
		}
	}
	switch {
	case errors.Is(err, errRollback):
		return no(CodeStatusRollback)
	case errors.Is(err, errListIssuer):
		return no(CodeStatusIssuer)
	case errors.Is(err, errStale):
		return unknown(CodeStatusUnavailable)
	case errors.Is(err, status.ErrLimit):
		return no(CodeLimit)
	case errors.Is(err, status.ErrMalformed), errors.Is(err, status.ErrPurpose), errors.Is(err, status.ErrLength), errors.Is(err, status.ErrRange):
		return no(CodeStatusInvalid)
	}
	if f := explain(err, CheckStatus); f.name != CheckStatus && f.answer == No {
		return no(CodeStatusInvalid) // the list's own signature, key or form
	}
	return unknown(CodeStatusUnavailable)
}
