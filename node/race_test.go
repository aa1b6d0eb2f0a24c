package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

// opened is a node that does not serve, by a time of the test's own.
func opened(t testing.TB, dir string, now func() time.Time) *Node {
	t.Helper()
	if !Exists(dir) {
		if err := Init(InitRequest{Dir: dir, Settings: Settings{Name: "Alder", Reserve: 1}, Seal: seal.Options{}}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := Open(t.Context(), Config{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

const ana = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"

// connectedTo makes a connection as if a wallet had come.
func connectedTo(t *testing.T, n *Node) exchange.Connection {
	t.Helper()
	p, err := did.Parse(ana)
	if err != nil {
		t.Fatal(err)
	}
	c := exchange.NewConnection(didcomm.Pair{Own: n.contact, Peer: p}, "", "Ana", n.now())
	if err := n.db.Update(t.Context(), func(tx *store.Tx) error { return exchange.Connections.Put(tx, c) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARevocationWhileABadgeIsSignedIsKept(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	g, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{Connection: connectedTo(t, n).ID}})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := did.Parse(ana)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := n.issueFor(t.Context(), g.Award.ID, subject)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.SetStanding(t.Context(), StandingRequest{ID: g.Award.ID, To: "revoked", Reason: "a mistake"}); err != nil {
		t.Fatal(err)
	}
	var p *didcomm.Problem
	if err := n.db.Update(t.Context(), signed.Record); !errors.As(err, &p) || p.Code != exchange.CodeState || !strings.Contains(p.Comment, "a mistake") {
		t.Errorf("handing out a revoked badge: %v", err)
	}
	a, raw, err := n.Award(t.Context(), g.Award.ID)
	if err != nil || a.Standing != Revoked || a.Reason != "a mistake" || raw != nil {
		t.Errorf("%+v, %d bytes, %v", a, len(raw), err)
	}
}

func TestARevocationWhileBadgesLapseIsKept(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	n := opened(t, t.TempDir(), func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	})
	var ids []string
	for i := range 60 {
		g, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", Key: time.Duration(i).String(), To: Recipient{DID: ana}, ValidUntil: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, g.Award.ID)
	}
	mu.Lock()
	now = now.Add(2 * time.Hour)
	mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.expire(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for _, id := range ids {
		wg.Go(func() {
			if _, err := n.SetStanding(t.Context(), StandingRequest{ID: id, To: "revoked", Reason: "a mistake"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		a, _, err := n.Award(t.Context(), id)
		if err != nil || a.Standing != Revoked || a.Reason != "a mistake" || !a.Lapsed {
			t.Fatalf("%+v, %v", a, err)
		}
		for _, p := range []string{a.Purpose, status.Refresh} {
			if !n.lists.has(a.List, p, a.Index) {
				t.Errorf("%s: the bit of %s is not set", id, p)
			}
		}
	}
}

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	const times = 5
	keys := make(chan string, times)
	for range times {
		go func() {
			k, err := n.Rotate(t.Context(), RotateRequest{})
			if err != nil {
				t.Error(err)
			}
			keys <- k.Key
		}()
	}
	told := map[string]bool{}
	for range times {
		told[<-keys] = true
	}
	if len(told) != times {
		t.Errorf("%d rotations told %d keys", times, len(told))
	}
	id, err := n.readIdentity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.document(id)
	if err != nil || len(d.For(did.AssertionMethod)) != times+1 || id.Fragment != times+1 {
		t.Errorf("%d keys are listed, %d is the last, %v", len(d.For(did.AssertionMethod)), id.Fragment, err)
	}
	seen := map[string]bool{}
	for i, r := range id.Retired {
		if r.Fragment != i+1 || r.Until.IsZero() || seen[r.Key] || r.Key == id.Signing {
			t.Errorf("retired %d: %+v", i, r)
		}
		seen[r.Key] = true
	}
	// The key that is told to sign is one that is held.
	g, err := n.Grant(t.Context(), GrantRequest{Achievement: "basics", To: Recipient{DID: ana}})
	if err != nil || g.Award.State != AwardIssued {
		t.Errorf("%+v, %v", g.Award, err)
	}
}

// A stolen key is shown with the moment of its revocation and listed for
// nothing, whether it signs now or was retired long ago.
func TestAStolenKeyIsRevokedFromAMoment(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	n := opened(t, t.TempDir(), func() time.Time { return now })
	for range 2 { // key-3 signs
		if _, err := n.Rotate(t.Context(), RotateRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	document := func() (revoked, listed []string) {
		raw, err := n.DIDDocument(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d, err := did.ParseDocument(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range d.Methods {
			if !m.Revoked.IsZero() {
				revoked = append(revoked, m.ID[strings.Index(m.ID, "#")+1:]+" "+m.Revoked.Format(time.TimeOnly))
			}
			if _, err := d.Method(did.AssertionMethod, m.ID); err == nil {
				listed = append(listed, m.ID[strings.Index(m.ID, "#")+1:])
			}
		}
		return revoked, listed
	}
	check := func(wantRevoked, wantListed string) {
		t.Helper()
		revoked, listed := document()
		if strings.Join(revoked, ",") != wantRevoked || strings.Join(listed, ",") != wantListed {
			t.Errorf("revoked %v, listed %v; want %s and %s", revoked, listed, wantRevoked, wantListed)
		}
	}
	check("", "key-3,key-1,key-2")
	rotate := func(r RotateRequest, signs string) {
		t.Helper()
		k, err := n.Rotate(t.Context(), r)
		if err != nil || k.Key != n.id.String()+"#"+signs {
			t.Errorf("%+v, %v; want %s", k, err, signs)
		}
	}
	now = now.Add(time.Hour)
	rotate(RotateRequest{Compromised: true, Key: "key-1"}, "key-3")
	check("key-1 13:00:00", "key-3,key-2")
	now = now.Add(time.Hour)
	rotate(RotateRequest{Compromised: true, Key: n.id.String() + "#key-1"}, "key-3") // said before
	check("key-1 13:00:00", "key-3,key-2")
	rotate(RotateRequest{Compromised: true, Key: "key-3"}, "key-4")
	check("key-1 13:00:00,key-3 14:00:00", "key-4,key-2")
	rotate(RotateRequest{Compromised: true}, "key-5")
	check("key-1 13:00:00,key-3 14:00:00,key-4 14:00:00", "key-5,key-2")
	for _, r := range []RotateRequest{{Compromised: true, Key: "key-9"}, {Compromised: true, Key: "agreement"}, {Key: "key-2"}} {
		if _, err := n.Rotate(t.Context(), r); !errors.Is(err, ErrInput) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	check("key-1 13:00:00,key-3 14:00:00,key-4 14:00:00", "key-5,key-2")
}

func TestACopyOfACSVFileDoesNotOutliveACrash(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	name, err := n.spool(strings.NewReader("badge,email\nbasics,ana@example.org\n"))
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(name); err != nil || st.Mode() != 0o600 || filepath.Dir(name) != dir {
		t.Errorf("%v, %v", st, err)
	}
	mine := filepath.Join(dir, "csv-2026.csv")
	if err := os.WriteFile(mine, []byte("badge,email\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil { // the copy is left, as by a crash
		t.Fatal(err)
	}
	opened(t, dir, nil)
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("the operator's own file is gone: %v", err)
	}
}
