package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/wallet"
)

// DemoConfig sets up the demonstration.
type DemoConfig struct {
	// Dir keeps everything; it must be new or empty.
	Dir    string
	Binary string
	// Out is told the story.
	Out io.Writer
}

// Demo is what the demonstration found.
type Demo struct {
	Steps   int      `json:"steps"`
	Badges  []Badge  `json:"badges"`
	Figures []Figure `json:"figures"`
	Dir     string   `json:"dir"`
	// At is the net's own time at the end.
	At time.Time `json:"at"`
}

// Badge is one badge of the demonstration and what a verifier says of it at
// the end.
type Badge struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
}

// Figure is something measured on the way.
type Figure struct {
	What  string `json:"what"`
	Value string `json:"value"`
}

// story holds what the steps share.
type story struct {
	net    *Net
	out    io.Writer
	demo   Demo
	badges map[string]node.Award // by name in D/badges
	pack   string
	sealer string
}

// The clock moves three times, and ends at the machine's own time, so that what is
// left can be judged by verifiers that know no other clock.
const (
	due   = 20 * time.Minute         // status lists that verifiers kept are due
	aYear = 13 * 30 * 24 * time.Hour // a year's validity is over
)

// RunDemo tells the main job as a story, each step checked; an error names the
// step that did not hold. Everything is kept under the directory.
func RunDemo(ctx context.Context, cfg DemoConfig) (Demo, error) {
	s := &story{out: cfg.Out, badges: map[string]node.Award{}, demo: Demo{Dir: cfg.Dir}}
	begin := time.Now()
	err := s.step("four partners, learners and reviewers start, each a process with a directory of its own", func() (err error) {
		s.net, err = Start(ctx, Config{Dir: cfg.Dir, Binary: cfg.Binary, Nodes: []string{"alder", "birch", "guild", "employer"}, Wallets: []string{"ana", "ben", "cleo", "rita", "rob", "otto"}, Offset: -due - aYear - toRenewal})
		return err
	})
	if err != nil {
		return s.demo, err
	}
	s.demo.Dir = s.net.Dir()
	for _, part := range []func(context.Context) error{s.learn, s.receive, s.away, s.claim, s.present, s.verify, s.withoutNodes, s.revoke, s.expire, s.forge, s.collect} {
		if err := part(ctx); err != nil {
			return s.demo, errors.Join(err, s.net.Stop())
		}
	}
	if err := s.net.Stop(); err != nil {
		return s.demo, err
	}
	s.demo.At = s.net.Clock.Now()
	s.figure("the whole story", time.Since(begin).Round(10*time.Millisecond).String())
	return s.demo, nil
}

func (s *story) step(what string, f func() error) error {
	s.demo.Steps++
	start := time.Now()
	if err := f(); err != nil {
		fmt.Fprintf(s.out, "  NO %2d. %s\n", s.demo.Steps, what)
		return fmt.Errorf("step %d, %s: %w", s.demo.Steps, what, err)
	}
	fmt.Fprintf(s.out, "  ok %2d. %s (%s)\n", s.demo.Steps, what, time.Since(start).Round(time.Millisecond))
	return nil
}

func (s *story) figure(what, value string) {
	s.demo.Figures = append(s.demo.Figures, Figure{what, value})
}

// receive: an invitation, and two badges over an open connection.
func (s *story) receive(ctx context.Context) error {
	alder, ana := s.net.Node("alder"), s.net.Wallet("ana")
	err := s.step("Ana accepts Alder's invitation", func() error {
		var l node.InviteLink
		if err := alder.Must(ctx, &l, "invite", "--label", "Ana"); err != nil {
			return err
		}
		if err := ana.Must(ctx, nil, "connect", l.Link); err != nil {
			return err
		}
		args := []string{"wallet", "connect", "--dir", s.net.Wallet("ben").Dir, l.Link}
		return s.net.Run(ctx, args...).want(1, args) // an invitation serves once
	})
	if err != nil {
		return err
	}
	return s.step("Alder issues two badges to Ana; they arrive while she watches", func() error {
		if err := ana.Watch(ctx); err != nil {
			return err
		}
		for badge, name := range map[string]string{"explorer": "Open Badges Explorer", "basics": "Open Badges Basics"} {
			start := time.Now()
			if err := s.issue(ctx, "alder", "ana", badge, "ana-"+badge); err != nil {
				return err
			}
			if err := ana.Sees(ctx, "received "+name); err != nil {
				return err
			}
			if badge == "basics" {
				s.figure("from `issue` to held by the wallet", time.Since(start).Round(time.Millisecond).String())
			}
		}
		if m, err := alder.RSS(); err == nil {
			s.figure("memory of a node with one wallet connected", fmt.Sprintf("%d MB", m>>20))
		}
		if m, err := ana.WatchRSS(); err == nil {
			s.figure("memory of a watching wallet", fmt.Sprintf("%d MB", m>>20))
		}
		return nil
	})
}

// issue awards a badge to the only connection of a node, and remembers it.
func (s *story) issue(ctx context.Context, from, to, badge, name string, more ...string) error {
	n := s.net.Node(from)
	var cs []exchange.Connection
	if err := n.Must(ctx, &cs, "connections"); err != nil {
		return err
	}
	for _, c := range cs {
		if strings.EqualFold(c.Label, to) {
			var g node.Granted
			err := n.Must(ctx, &g, "issue", append(more, "--to", c.ID, badge)...)
			s.badges[name] = g.Award
			return err
		}
	}
	return fmt.Errorf("%s has no connection to %s", from, to)
}

// away: the connection is lost, a badge is issued meanwhile, and arrives later.
func (s *story) away(ctx context.Context) error {
	alder, ana := s.net.Node("alder"), s.net.Wallet("ana")
	err := s.step("Ana's connection is cut, her wallet crashes, and Alder offers a third badge, in French", func() error {
		alder.Cut()
		if err := ana.Unwatch(syscall.SIGKILL); err != nil {
			return err
		}
		if err := s.issue(ctx, "alder", "ana", "earner", "ana-earner", "--language", "fr"); err != nil {
			return err
		}
		args := []string{"wallet", "sync", "--dir", ana.Dir}
		return s.net.Run(ctx, args...).want(2, args) // could not tell: nobody answers
	})
	if err != nil {
		return err
	}
	return s.step("back again, she gets it, once; it counts as the third of five, and the milestone comes by itself, in French", func() error {
		alder.Heal()
		if err := ana.Must(ctx, nil, "sync"); err != nil {
			return err
		}
		if err := ana.Must(ctx, nil, "sync"); err != nil { // nothing more
			return err
		}
		return s.milestone(ctx)
	})
}

// milestone waits for the badge that Alder's rule gives for three of five.
func (s *story) milestone(ctx context.Context) error {
	ana := s.net.Wallet("ana")
	var held []wallet.Held
	for range 50 {
		if err := errors.Join(ana.Must(ctx, nil, "sync"), ana.Must(ctx, &held, "list")); err != nil || len(held) > 3 {
			break
		}
	}
	count := map[string]int{}
	for _, h := range held {
		count[h.Name]++
	}
	if len(held) != 4 || count["Titulaire de badges"] != 1 || count["À mi-chemin du badge Émetteur"] != 1 {
		return fmt.Errorf("ana holds %d badges instead of 4: %v", len(held), count)
	}
	return nil
}

// claim: a recipient of whom only an e-mail address is known.
func (s *story) claim(ctx context.Context) error {
	return s.step("Guild awards a badge to Ben's e-mail address; his wallet claims it by code and it is bound to his key", func() error {
		guild, ben := s.net.Node("guild"), s.net.Wallet("ben")
		var g node.Granted
		if err := guild.Must(ctx, &g, "issue", "--to", "ben@example.org", "contributor"); err != nil {
			return err
		}
		s.badges["ben-by-email"] = g.Award
		if err := ben.Must(ctx, nil, "connect", g.Claim.Link); err != nil {
			return err
		}
		var held []wallet.Held
		if err := ben.Must(ctx, &held, "list"); err != nil {
			return err
		}
		if len(held) != 1 || held[0].Subject != ben.DID {
			return fmt.Errorf("ben holds %+v", held)
		}
		s.badges["ben-contributor"] = node.Award{ID: held[0].Credential}
		return nil
	})
}

// present: to a partner who never met the issuer.
func (s *story) present(ctx context.Context) error {
	return s.step("Ana shows Open Badges Basics to Birch, who has never met Alder; a second answer to the same request is refused", func() error {
		birch, ana := s.net.Node("birch"), s.net.Wallet("ana")
		for _, badge := range []string{"basics", "explorer"} {
			var a node.Asked
			if err := birch.Must(ctx, &a, "ask", "--reason", "to enter the course", s.net.Node("alder").Base+"/openbadges/a/"+badge); err != nil {
				return err
			}
			var shown wallet.Shown
			if err := ana.Must(ctx, &shown, "present", a.Link.Link); err != nil {
				return err
			}
			var st node.AskStatus
			if err := birch.Must(ctx, &st, "asked", a.ID); err != nil {
				return err
			}
			s.badges["asked-"+badge] = node.Award{ID: a.ID}
			args := []string{"wallet", "present", "--dir", s.net.Wallet("ben").Dir, a.Link.Link}
			if r := s.net.Run(ctx, args...); r.Code == 0 {
				return fmt.Errorf("a used request was answered again:\n%s", r.Out)
			}
		}
		return nil
	})
}

func (s *story) verifierArgs(args ...string) []string {
	return append(args, "--dir", filepath.Join(s.net.Dir(), "verifier"))
}

// check runs the verifier over a file and expects an exit code.
func (s *story) check(ctx context.Context, file string, code int, more ...string) (Result, error) {
	args := append(s.verifierArgs("verify"), append(more, file)...)
	r := s.net.Run(ctx, args...)
	return r, r.want(code, args)
}

// verify: a stranger checks exported files.
func (s *story) verify(ctx context.Context) error {
	return s.step("a verifier checks Ana's badge as JSON, PNG and SVG, and seals a pack for a machine without a network", func() error {
		ana := s.net.Wallet("ana")
		dir := filepath.Join(s.net.Dir(), "shown")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		for _, ext := range []string{"json", "png", "svg"} {
			file := filepath.Join(dir, "basics."+ext)
			if err := ana.Must(ctx, nil, "export", "-o", file, "Open Badges Basics"); err != nil {
				return err
			}
			r, err := s.check(ctx, file, 0)
			if err != nil {
				return err
			}
			if ext == "json" {
				s.figure("`trustme verify`, whole process, issuer never seen", r.Took.Round(time.Millisecond).String())
			}
			if st, err := os.Stat(file); err == nil {
				s.figure("size of a badge as "+ext, fmt.Sprintf("%.1f KB", float64(st.Size())/1000))
			}
		}
		s.pack = filepath.Join(dir, "basics.pack")
		args := append(s.verifierArgs("pack"), "-o", s.pack, filepath.Join(dir, "basics.json"))
		r := s.net.Run(ctx, args...)
		if i := strings.Index(r.Out, "did:key:"); i >= 0 {
			s.sealer = strings.TrimSpace(r.Out[i:])
		}
		return r.want(0, args)
	})
}

// withoutNodes: everything is stopped, and the badge still verifies.
func (s *story) withoutNodes(ctx context.Context) error {
	return s.step("with every node stopped the badge still verifies, and so does the pack on a machine that never saw it", func() error {
		for _, n := range []string{"alder", "birch", "guild"} {
			if err := s.net.Node(n).Stop(); err != nil {
				return err
			}
		}
		r, err := s.check(ctx, filepath.Join(s.net.Dir(), "shown", "basics.json"), 0)
		if err != nil {
			return err
		}
		s.figure("`trustme verify`, whole process, issuer known", r.Took.Round(time.Millisecond).String())
		other := filepath.Join(s.net.Dir(), "offline-verifier")
		args := []string{"verify", "--dir", other, "--offline", "--trust-sealer", s.sealer, s.pack}
		if err := s.net.Run(ctx, args...).want(0, args); err != nil {
			return err
		}
		args = []string{"verify", "--dir", other, "--offline", filepath.Join(s.net.Dir(), "shown", "basics.json")}
		if err := s.net.Run(ctx, args...).want(2, args); err != nil { // without the pack: could not tell
			return err
		}
		for _, n := range []string{"alder", "birch", "guild"} {
			if err := s.net.Node(n).Start(ctx); err != nil {
				return err
			}
		}
		s.figure("a node is ready after", s.net.Node("alder").Ready.Round(time.Millisecond).String())
		return nil
	})
}
