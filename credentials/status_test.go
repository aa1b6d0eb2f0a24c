package credentials_test

import (
	"context"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
)

// shelf hands out one list as if it had been kept since at.
type shelf struct {
	body []byte
	at   time.Time
}

func (s shelf) StatusList(_ context.Context, url string) (status.Fetched, error) {
	if url != listURL {
		return status.Fetched{}, status.ErrNoList
	}
	return status.Fetched{Body: s.body, At: s.at, Cached: true}, nil
}

func (w *world) with(s credentials.StatusSource) *credentials.Verifier {
	return credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: s, Now: func() time.Time { return w.now }})
}

func TestKeptListCountsForItsTTLOnlineAndUntilItsEndOffline(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	v := w.with(shelf{w.net.answers[listURL].body, w.now})
	for _, tt := range []struct {
		after   time.Duration
		offline bool
		want    credentials.Verdict
		code    string
	}{
		{10 * time.Minute, false, credentials.Valid, credentials.CodeOK},
		{16 * time.Minute, false, credentials.Undecided, credentials.CodeStatusStale},
		{16 * time.Minute, true, credentials.Valid, credentials.CodeOK},
		{25 * time.Hour, true, credentials.Undecided, credentials.CodeStatusUnavailable},
	} {
		start := w.now
		w.now = w.now.Add(tt.after)
		r := v.Report(t.Context(), raw, credentials.ReportOptions{Offline: tt.offline})
		if c := r.Check(credentials.CheckStatus); r.Verdict != tt.want || r.Code() != tt.code || c.Age != tt.after {
			t.Errorf("after %v, offline %v: %s %s, age %v", tt.after, tt.offline, r.Verdict, r.Code(), c.Age)
		}
		w.now = start
	}
}

func TestRevocationStandsEvenInAStaleList(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	w.publish(t, listURL, status.Revocation, 94567)
	v := w.with(shelf{w.net.answers[listURL].body, w.now})
	w.now = w.now.Add(time.Hour)
	if r := v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Code() != credentials.CodeRevoked {
		t.Errorf("%s %s", r.Verdict, r.Code())
	}
}

func TestOlderListThanOneSeenIsARollback(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	old := w.net.answers[listURL]
	w.now = w.now.Add(time.Hour)
	w.publish(t, listURL, status.Revocation, 94567)
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Code() != credentials.CodeRevoked {
		t.Fatalf("newer list: %s", r.Why())
	}
	w.net.answers[listURL] = old
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Invalid || r.Code() != credentials.CodeStatusRollback {
		t.Errorf("%s %s: %s", r.Verdict, r.Code(), r.Why())
	}
}

func TestListOfAnotherIssuerCountsOnlyIfTrusted(t *testing.T) {
	w := newWorld(t)
	raw := w.issue(t, w.award()).Credential().Bytes()
	other := newParty(t, "other")
	own := w.issuer
	w.issuer = other
	w.publish(t, listURL, status.Revocation)
	w.issuer = own
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Code() != credentials.CodeStatusIssuer {
		t.Errorf("%s %s", r.Verdict, r.Code())
	}
	v := credentials.NewVerifier(credentials.VerifierConfig{Resolver: w.net.resolver(), Status: w.net, Now: func() time.Time { return w.now }, ListIssuers: []string{other.id.String()}})
	if r := v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid {
		t.Errorf("trusted: %s %s", r.Verdict, r.Why())
	}
}

func TestSuspensionIsItsOwnAnswerAndCanEnd(t *testing.T) {
	w := newWorld(t)
	const url = "https://alder.example/status/2/suspension"
	w.publish(t, url, status.Suspension)
	a := w.award()
	e := status.NewEntry(url, status.Suspension, 7)
	a.Status = &e
	raw := w.issue(t, a).Credential().Bytes()
	w.now = w.now.Add(time.Minute)
	w.publish(t, url, status.Suspension, 7)
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Code() != credentials.CodeSuspended {
		t.Errorf("suspended: %s", r.Code())
	}
	w.now = w.now.Add(time.Minute)
	w.publish(t, url, status.Suspension)
	if r := w.v.Report(t.Context(), raw, credentials.ReportOptions{}); r.Verdict != credentials.Valid {
		t.Errorf("reinstated: %s", r.Why())
	}
}
