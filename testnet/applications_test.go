package testnet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

// Reviewers and applicants are all at work at once, some hand in again, some
// withdraw, and the node is killed at random moments. No application is lost,
// none is decided twice, and no badge is issued twice.
func TestKilledAmidReviewsNoApplicationIsLostAndNoneDecidedTwice(t *testing.T) {
	applicants, reviewers, kills := 500, 50, 6
	if testing.Short() {
		applicants, reviewers, kills = 40, 6, 2
	}
	const signers = 3
	n := start(t, t.TempDir(), "alder", "")
	alder := n.Node("alder")
	c := newClass(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var connected, working sync.WaitGroup
	inv := invitation(t, n, applicants+reviewers+signers)
	var people []*pupil
	for range applicants + reviewers + signers {
		people = append(people, c.join(ctx, &connected, inv))
	}
	learners, judges, hands := people[:applicants], people[applicants:applicants+reviewers], people[applicants+reviewers:]
	giveRoles(t, alder, judges, hands)

	begin := time.Now()
	for i, p := range learners {
		if err := p.apply(ctx, i%5 == 0); err != nil {
			t.Fatal(err)
		}
		if i%25 == 7 {
			working.Go(func() { withdrawSometime(ctx, t, p) })
		}
	}
	for _, p := range judges {
		working.Go(func() { p.work(ctx, func(id string) error { return p.review(ctx, id, rand.IntN(10) > 0) }) })
	}
	for _, p := range hands {
		working.Go(func() { p.work(ctx, func(id string) error { return p.sign(ctx, id) }) })
	}
	for k := range kills {
		time.Sleep(time.Duration(500+rand.IntN(1500)) * time.Millisecond)
		if err := alder.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := restart(t, alder); err != nil {
			t.Fatalf("kill %d: %v", k, err)
		}
	}
	waitFor(t, "every decision", func() bool { return c.over(learners) })
	decided := time.Since(begin)
	waitFor(t, "every badge", func() bool { return allHeld(t, alder) })
	stop()
	working.Wait()
	connected.Wait()
	t.Logf("%d applications, %d reviewers, %d kills: all decided after %v, all badges held after %v", applicants, reviewers, kills, decided.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	c.holds(t, alder, learners)
}

// giveRoles makes reviewers and operators of connections.
func giveRoles(t *testing.T, alder *testnet.Node, judges, hands []*pupil) {
	t.Helper()
	cl, err := node.Connect(t.Context(), node.Config{Dir: alder.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	give := func(p *pupil, role string) {
		id := exchange.ConnectionID(didcomm.Pair{Own: p.pair.Peer, Peer: p.pair.Own})
		waitFor(t, "a connection", func() bool {
			_, err := cl.SetRole(t.Context(), node.RoleRequest{Connection: id, Role: role})
			return err == nil
		})
	}
	for _, p := range judges {
		give(p, node.RoleReviewer)
	}
	for _, p := range hands {
		give(p, node.RoleOperator)
	}
}

// withdrawSometime withdraws at a random moment; if the badge is issued by
// then, the node says so.
func withdrawSometime(ctx context.Context, t *testing.T, p *pupil) {
	select {
	case <-time.After(time.Duration(rand.IntN(4000)) * time.Millisecond):
	case <-ctx.Done():
		return
	}
	if err := p.queue(ctx, application.Message(application.TypeWithdraw, "withdraw-"+p.app, p.app, []byte("{}"))); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// work does what there is to do, one task of a list after another, in an order
// of its own; what fails is tried again with the next list.
func (p *pupil) work(ctx context.Context, do func(id string) error) {
	for ctx.Err() == nil {
		ts, err := p.tasks(ctx)
		rand.Shuffle(len(ts), func(i, j int) { ts[i], ts[j] = ts[j], ts[i] })
		done := 0
		for _, task := range ts[:min(len(ts), 30)] {
			if task.Yours || task.Taken.IsZero() {
				if do(task.ID) == nil {
					done++
				}
			}
		}
		if err != nil || done == 0 {
			select {
			case <-time.After(time.Duration(100+rand.IntN(300)) * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// over reports whether every learner was told the end of their application.
func (c *class) over(learners []*pupil) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range learners {
		if s := c.states[p.app].State; s != application.Issued && s != application.Withdrawn {
			return false
		}
	}
	return true
}

func allHeld(t *testing.T, alder *testnet.Node) bool {
	var all []node.Award
	if err := alder.Must(t.Context(), &all, "list"); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.State != node.AwardHeld {
			return false
		}
	}
	return true
}

// holds compares what the node has with what the learners were told, and
// counts decisions in the journal.
func (c *class) holds(t *testing.T, alder *testnet.Node, learners []*pupil) {
	t.Helper()
	var lines []node.ApplicationLine
	cl, err := node.Connect(t.Context(), node.Config{Dir: alder.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.Applications(t.Context(), "", func(l node.ApplicationLine) error { lines = append(lines, l); return nil }); err != nil {
		t.Fatal(err)
	}
	at, badges := map[string]node.ApplicationLine{}, map[string]string{}
	for _, l := range lines {
		at[l.ID] = l
		if l.Award == "" {
			continue
		}
		if other, twice := badges[l.Award]; twice {
			t.Errorf("the badge %s is of %s and of %s", l.Award, other, l.ID)
		}
		badges[l.Award] = l.ID
	}
	for _, p := range learners {
		l, told := at[p.app], c.states[p.app]
		if l.State != told.State {
			t.Errorf("application %s is %q at the node, and the learner was told %q", p.app, l.State, told.State)
		}
		if l.State == application.Issued && c.received[l.Award] != 1 {
			t.Errorf("the badge of application %s is held %d times", p.app, c.received[l.Award])
		}
	}
	if len(lines) != len(learners) || len(badges) != len(c.received) {
		t.Errorf("%d applications of %d learners; %d badges, %d held", len(lines), len(learners), len(badges), len(c.received))
	}
	c.decidedOnce(t, cl)
}

// decidedOnce wants of each application one review a revision, since the
// quorum is one, and one end.
func (c *class) decidedOnce(t *testing.T, cl *node.Client) {
	t.Helper()
	var facts []node.JournalLine
	if err := cl.Journal(t.Context(), 1, func(l node.JournalLine) error { facts = append(facts, l); return nil }); err != nil {
		t.Fatal(err)
	}
	type decision struct {
		kind, application string
		revision          int
	}
	count, returned := map[decision]int{}, 0
	for _, f := range facts {
		var body struct {
			Application string `json:"application"`
			Revision    int    `json:"revision"`
		}
		if err := json.Unmarshal(f.Body, &body); err != nil {
			t.Fatal(err)
		}
		switch f.Kind {
		case "review.submitted", "application.submitted", "application.returned", "application.accepted":
			count[decision{f.Kind, body.Application, body.Revision}]++
		case "application.issued", "application.withdrawn":
			count[decision{"the end", body.Application, 0}]++
		}
		if f.Kind == "application.returned" {
			returned++
		}
	}
	for d, times := range count {
		if times != 1 {
			t.Errorf("%+v happened %d times", d, times)
		}
	}
	t.Logf("%d facts, %d applications returned and handed in again", len(facts), returned)
}

// A file of fourteen pieces is on its way while wallet and node are killed, in
// turn; it goes on where it was.
func TestAnUploadGoesOnAfterWalletAndNodeAreKilled(t *testing.T) {
	n := start(t, t.TempDir(), "alder", "ana")
	alder, ana := n.Node("alder"), n.Wallet("ana")
	connect(t, n, "alder", "ana")
	whole := bytes.Repeat([]byte("what I did, and when\n"), 300_000)
	file := filepath.Join(t.TempDir(), "work.txt")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	alder.Cut()
	if r := ana.Run(t.Context(), "apply", "--evidence", file, "openbadges/contributor"); r.Code != 2 || !strings.Contains(r.Err, "it is kept, and goes out with: trustme wallet sync") {
		t.Fatalf("exit %d: %s%s", r.Code, r.Out, r.Err)
	}
	alder.Heal()
	alder.Delay(3 * time.Millisecond)
	for k := range 6 {
		if err := ana.Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+rand.IntN(80)) * time.Millisecond)
		if k%2 == 0 {
			if err := errors.Join(alder.Kill(), restart(t, alder)); err != nil {
				t.Fatal(err)
			}
		}
		if err := ana.Unwatch(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if r := ana.Run(t.Context(), "sync"); r.Code != 0 {
		t.Fatalf("exit %d: %s%s", r.Code, r.Out, r.Err)
	}
	cl, err := node.Connect(t.Context(), node.Config{Dir: alder.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var lines []node.ApplicationLine
	if err := cl.Applications(t.Context(), "submitted", func(l node.ApplicationLine) error { lines = append(lines, l); return nil }); err != nil || len(lines) != 1 {
		t.Fatalf("%+v, %v", lines, err)
	}
	var got bytes.Buffer
	if err := cl.Evidence(t.Context(), lines[0].ID, 1, &got); err != nil || !bytes.Equal(got.Bytes(), whole) {
		t.Errorf("%d bytes of %d, %v", got.Len(), len(whole), err)
	}
	if r := ana.Run(t.Context(), "apply", "--evidence", file, "openbadges/contributor"); r.Code != 1 || !strings.Contains(r.Err, "you have applied for Open Badges Contributor already") {
		t.Errorf("once more: exit %d: %s%s", r.Code, r.Out, r.Err)
	}
}
