package credentials

import (
	"context"
	"slices"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
)

// StatusSource finds status lists. The error wraps [status.ErrNoList] for a
// definite absence (HTTP 404 or 410), [status.ErrBlocked] for an address that
// is never fetched; any other error says that it could not be told.
type StatusSource interface {
	StatusList(ctx context.Context, url string) (status.Fetched, error)
}

// SeenMarks remembers how new the newest verified list of an address was, so
// that an older one served later is noticed. Mark records validFrom if it is
// newer and returns the newest.
type SeenMarks interface {
	Mark(ctx context.Context, url string, validFrom time.Time) (newest time.Time, err error)
}

// VerifierConfig sets up a verifier. Only Resolver is needed.
type VerifierConfig struct {
	// Resolver finds DID documents.
	Resolver did.Resolver
	// Status finds status lists. Without it every list is out of reach, and a
	// badge with a status is undecided.
	Status StatusSource
	// Seen remembers lists over restarts. Default: Status, if it is a
	// SeenMarks, else memory.
	Seen SeenMarks
	// Now tells the time. Default [time.Now].
	Now func() time.Time
	// TrustedIssuers are the DIDs that recognition answers yes to. Empty:
	// recognition is not judged.
	TrustedIssuers []string
	// ListIssuers are DIDs trusted to issue status lists for others.
	ListIssuers []string
	// Offline accepts a status list kept from earlier until its validUntil,
	// whatever its ttl, and shows its age.
	Offline bool
}

// Verifier verifies credentials and presentations. It is safe for concurrent
// use.
type Verifier struct {
	cfg   VerifierConfig
	lists *listCache
}

// NewVerifier returns a verifier. It panics without a resolver.
func NewVerifier(cfg VerifierConfig) *Verifier {
	if cfg.Resolver == nil {
		panic("credentials.NewVerifier: no resolver")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Seen == nil {
		if s, ok := cfg.Status.(SeenMarks); ok {
			cfg.Seen = s
		} else {
			cfg.Seen = newMemoryMarks()
		}
	}
	cfg.Resolver = newComputed(cfg.Resolver)
	cfg.TrustedIssuers, cfg.ListIssuers = slices.Clone(cfg.TrustedIssuers), slices.Clone(cfg.ListIssuers)
	return &Verifier{cfg: cfg, lists: newListCache()}
}

// ReportOptions are what a caller asks beside the credential itself.
type ReportOptions struct {
	// Email asks whether the badge was given to this address.
	Email string
	// Holder asks whether its subject is this DID, which the caller has
	// authenticated.
	Holder string
	// Challenge and Domain are held against a presentation, by
	// [Verifier.VerifyPresentation]; a credential alone answers no challenge.
	Challenge, Domain string
	// At judges times as of this moment. Default: now.
	At time.Time
	// Offline is [VerifierConfig.Offline] for this report.
	Offline bool
	// Kind is the kind of credential that is wanted. Default [Badge].
	Kind Kind
	// Endorsements came along with the credential, about it, its achievement or
	// its issuer.
	Endorsements [][]byte
	// EndorsedBy are DIDs whose endorsement the verifier asks for.
	EndorsedBy []string
	// Resources are files that belong to the credential, by the id under which
	// its relatedResource names them.
	Resources map[string][]byte
}

// Kind is the model that a credential is held to.
type Kind int

// Badge is an Open Badges 3.0 credential: a badge, an endorsement, or a CLR.
// AnyCredential is held to the VC Data Model alone.
const (
	Badge Kind = iota
	AnyCredential
)

// Verified is a credential that a [Verifier] found valid. There is no other
// way to make one.
type Verified struct {
	c Credential
	r Report
}

// Credential returns what was verified.
func (v Verified) Credential() Credential { return v.c }

// Report returns how.
func (v Verified) Report() Report { return v.r }

// Verify checks a credential. It returns a [*RejectedError] when a check
// refuses it, and an [*UndecidedError] when one could not tell.
func (v *Verifier) Verify(ctx context.Context, c Credential) (Verified, error) {
	form := FormJSON
	if c.IsJWT() {
		form = FormJWT
	}
	r := v.judge(ctx, c, form, ReportOptions{Offline: v.cfg.Offline})
	if err := r.Err(); err != nil {
		return Verified{}, err
	}
	return Verified{c, r}, nil
}

// Report verifies a credential in any form and says how each check went.
func (v *Verifier) Report(ctx context.Context, raw []byte, o ReportOptions) Report {
	c, form, err := ParseAny(raw)
	if err != nil {
		return v.unreadable(form, err, o)
	}
	o.Offline = o.Offline || v.cfg.Offline
	defer c.doc.Release() // nobody else has it
	return v.judge(ctx, c, form, o)
}

func (v *Verifier) unreadable(form Form, err error, o ReportOptions) Report {
	r := Report{At: v.at(o), Form: form, Checks: make([]Check, 0, len(order)), Recognition: notReached(CheckRecognition)}
	f := explainParse(err)
	r.Checks = append(r.Checks, f.check(CheckShape))
	r.fill()
	return r
}

// Examine is [Verifier.Report] that returns the credential too when it is
// valid; it is the zero Verified otherwise.
func (v *Verifier) Examine(ctx context.Context, raw []byte, o ReportOptions) (Report, Verified) {
	c, form, err := ParseAny(raw)
	if err != nil {
		return v.unreadable(form, err, o), Verified{}
	}
	o.Offline = o.Offline || v.cfg.Offline
	r := v.judge(ctx, c, form, o)
	if r.Verdict != Valid {
		return r, Verified{}
	}
	return r, Verified{c, r}
}

func (v *Verifier) at(o ReportOptions) time.Time {
	if !o.At.IsZero() {
		return o.At
	}
	return v.cfg.Now()
}

// order is the order of the checks in a report.
var order = []string{CheckShape, CheckProof, CheckIssuer, CheckRefresh, CheckStatus, CheckValidity, CheckRecipient, CheckEndorsements, CheckSchema, CheckEvidence, CheckHolder}

// fill adds the checks that were not reached, sorts all, and decides.
func (r *Report) fill() {
	for i, name := range order {
		at := r.at(name)
		if at < 0 {
			at = len(r.Checks)
			r.Checks = append(r.Checks, notReached(name))
		}
		if i != at {
			r.Checks[i], r.Checks[at] = r.Checks[at], r.Checks[i]
		}
	}
	r.decide()
}

// at returns where the check of that name stands, -1 when there is none.
func (r *Report) at(name string) int {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return i
		}
	}
	return -1
}

func notReached(name string) Check {
	return Check{Name: name, Answer: NotApplicable, Code: CodeNotReached, Message: "not looked at, since an earlier check failed"}
}

func nothing(name, message string) Check {
	return Check{Name: name, Answer: NotApplicable, Code: CodeNothing, Message: message}
}

func summary(c Credential) Summary {
	return Summary{ID: c.ID(), Name: c.Name(), Achievement: c.AchievementID(), Issuer: c.IssuerID(), IssuerName: c.IssuerName(), Subject: c.SubjectID(), ValidFrom: c.ValidFrom(), ValidUntil: c.ValidUntil()}
}
