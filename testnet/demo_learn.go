package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/wallet"
)

// The learning side of the story: Cleo walks the path "From curious to issuer"
// at Alder, one step by prior learning and one earned at Birch, renews her last
// badge, and proves the role to an employer.

// toRenewal is how long after its award Badge Issuer, valid for two years, is
// due for renewal.
const toRenewal = 650 * 24 * time.Hour

// do runs a command of several words in a directory, which has to exit with 0;
// its JSON goes into v unless that is nil.
func (s *story) do(ctx context.Context, v any, dir, words string, args ...string) error {
	all := append(strings.Fields(words), "--dir", dir)
	if v != nil {
		all = append(all, "--json")
	}
	all = append(all, args...)
	r := s.net.Run(ctx, all...)
	if err := r.want(0, all); err != nil || v == nil {
		return err
	}
	return r.JSON(v)
}

// connection finds the connection of a node by its label.
func (s *story) connection(ctx context.Context, at, label string) (string, error) {
	var cs []exchange.Connection
	if err := s.net.Node(at).Must(ctx, &cs, "connections"); err != nil {
		return "", err
	}
	for _, c := range cs {
		if strings.EqualFold(c.Label, label) {
			return c.ID, nil
		}
	}
	return "", fmt.Errorf("%s has no connection to %s", at, label)
}

func (s *story) join(ctx context.Context, at string, who ...string) error {
	for _, name := range who {
		var l node.InviteLink
		if err := s.net.Node(at).Must(ctx, &l, "invite", "--label", name); err != nil {
			return err
		}
		if err := s.net.Wallet(name).Must(ctx, nil, "connect", l.Link); err != nil {
			return err
		}
	}
	return nil
}

// learn tells it.
func (s *story) learn(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.agree, s.begin, s.priorLearning, s.atBirch, s.reachTheGoal, s.renewed, s.employed} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// agree: partners trust each other by signed statements, without a registry.
func (s *story) agree(ctx context.Context) error {
	alder, birch, guild := s.net.Node("alder"), s.net.Node("birch"), s.net.Node("guild")
	err := s.step("Guild, a professional body, endorses Alder's Badge Issuer; Alder will embed that in each", func() error {
		var e node.SignedEndorsement
		if err := guild.Must(ctx, &e, "endorse", "--comment", "Meets our standard.", alder.Base+"/openbadges/a/issuer"); err != nil {
			return err
		}
		return s.do(ctx, nil, alder.Dir, "node endorsement take", e.Address)
	})
	if err != nil {
		return err
	}
	return s.step("Alder drafts an agreement from Birch's catalogue and signs it; Birch countersigns, and it is in force", func() error {
		file := filepath.Join(s.net.Dir(), "birch.yaml")
		if err := s.do(ctx, nil, alder.Dir, "node agreement draft", "--with", birch.Base+"/openbadges", "-o", file); err != nil {
			return err
		}
		var a node.SignedAgreement
		if err := s.do(ctx, &a, alder.Dir, "node agreement sign", file); err != nil {
			return err
		}
		if err := s.do(ctx, nil, birch.Dir, "node agreement countersign", a.Address); err != nil {
			return err
		}
		var in []node.SignedAgreement
		if err := s.do(ctx, &in, alder.Dir, "node agreement refresh"); err != nil {
			return err
		}
		if len(in) != 1 || in[0].State != node.InForce {
			return fmt.Errorf("the agreement is not in force: %+v", in)
		}
		return nil
	})
}

// begin: the first steps of the path, each by another rule.
func (s *story) begin(ctx context.Context) error {
	alder, cleo := s.net.Node("alder"), s.net.Wallet("cleo")
	err := s.step("Cleo, two reviewers and an operator join Alder; Cleo keeps Alder's signed catalogue", func() error {
		if err := s.join(ctx, "alder", "cleo", "rita", "rob", "otto"); err != nil {
			return err
		}
		for who, role := range map[string]string{"rita": "reviewer", "rob": "reviewer", "otto": "operator"} {
			c, err := s.connection(ctx, "alder", who)
			if err != nil {
				return err
			}
			if err := s.do(ctx, nil, alder.Dir, "node role add", role, c); err != nil {
				return err
			}
		}
		return s.do(ctx, nil, cleo.Dir, "wallet catalogue add", alder.Base+"/openbadges")
	})
	if err != nil {
		return err
	}
	return s.step("she begins the path: a claim code, a quiz that she passed, and a badge for showing a badge; out of order she is told what is missing", func() error {
		args := []string{"wallet", "apply", "--dir", cleo.Dir, "--evidence", "text:soon", "--evidence", "text:really", "openbadges/issuer"}
		if r := s.net.Run(ctx, args...); r.Code != 1 || !strings.Contains(r.Err, "missing: earner, designer@2") {
			return fmt.Errorf("the order of the path does not hold: %d %s%s", r.Code, r.Out, r.Err)
		}
		var l node.InviteLink
		if err := alder.Must(ctx, &l, "claim-code", "explorer"); err != nil {
			return err
		}
		if err := cleo.Must(ctx, nil, "claim", l.Code); err != nil {
			return err
		}
		c, err := s.connection(ctx, "alder", "cleo")
		if err != nil {
			return err
		}
		if err := s.do(ctx, nil, alder.Dir, "node event record", "--verb", "http://adlnet.gov/expapi/verbs/passed", "--object", "https://lms.example/ob-basics", "--scaled", "0.95", "--who", c); err != nil {
			return err
		}
		if err := cleo.Must(ctx, nil, "sync"); err != nil {
			return err
		}
		if err := cleo.Must(ctx, nil, "apply", "openbadges/earner"); err != nil {
			return err
		}
		return s.satisfied(ctx, "explorer", "basics", "earner")
	})
}

// satisfied wants steps of the path to be satisfied, as the wallet tells it.
func (s *story) satisfied(ctx context.Context, steps ...string) error {
	cleo := s.net.Wallet("cleo")
	var open []string
	for range 20 { // what is awarded by itself comes a moment later
		if err := cleo.Must(ctx, nil, "sync"); err != nil {
			return err
		}
		var paths []wallet.PathProgress
		if err := cleo.Must(ctx, &paths, "path", "become-issuer"); err != nil {
			return err
		}
		open = nil
		for _, st := range paths[0].Progress.Steps {
			if slices.Contains(steps, st.Badge) && st.State != "satisfied" {
				open = append(open, st.Badge+": "+string(st.State)+" "+st.Why)
			}
		}
		if len(open) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("steps of the path are not satisfied: %s", strings.Join(open, ", "))
}

// review decides about Cleo's open application and signs it. Who reviews does
// not sign.
func (s *story) review(ctx context.Context, id string, reviewers ...string) error {
	for _, who := range reviewers {
		if err := s.do(ctx, nil, s.net.Wallet(who).Dir, "wallet review take", id); err != nil {
			return err
		}
		if err := s.do(ctx, nil, s.net.Wallet(who).Dir, "wallet review decide", "--yes", "all", id); err != nil {
			return err
		}
	}
	return s.do(ctx, nil, s.net.Wallet("otto").Dir, "wallet review sign", id)
}

// evidence writes a file to hand in.
func (s *story) evidence(name, text string) (string, error) {
	file := filepath.Join(s.net.Dir(), name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

func (s *story) priorLearning(ctx context.Context) error {
	return s.step("what she learned elsewhere is validated as prior learning, with a file as evidence: one person reviews, another signs", func() error {
		file, err := s.evidence("logbook.txt", "Three years of workshops, with dates and roles.\n")
		if err != nil {
			return err
		}
		var a wallet.Application
		if err := s.net.Wallet("cleo").Must(ctx, &a, "apply", "--route", "prior-learning", "--evidence", file, "--evidence", "text:I kept it myself, week by week.", "openbadges/evidence"); err != nil {
			return err
		}
		if err := s.review(ctx, a.ID, "rita"); err != nil {
			return err
		}
		return s.satisfied(ctx, "evidence")
	})
}

func (s *story) atBirch(ctx context.Context) error {
	return s.step("she earns Badge Designer at Birch, and through the agreement it satisfies Alder's step", func() error {
		if err := s.join(ctx, "birch", "cleo"); err != nil {
			return err
		}
		if err := s.issue(ctx, "birch", "cleo", "designer", "cleo-designer", "--level", "2"); err != nil {
			return err
		}
		if err := s.satisfied(ctx, "designer"); err != nil {
			return err
		}
		file := filepath.Join(s.net.Dir(), "shown", "designer-of-birch.json")
		if err := s.export(ctx, file, "Badge Designer"); err != nil {
			return err
		}
		var r node.Recognised
		if err := s.net.Node("alder").Must(ctx, &r, "recognise", file); err != nil {
			return err
		}
		if !strings.HasPrefix(r.Told, "recognised by Alder through the agreement of ") || !strings.HasSuffix(r.Told, " as Badge Designer, EQF 4, 0.5 points") {
			return fmt.Errorf("alder says: %s", r.Told)
		}
		return nil
	})
}

func (s *story) export(ctx context.Context, file, badge string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return s.net.Wallet("cleo").Must(ctx, nil, "export", "--force", "-o", file, badge)
}

func (s *story) reachTheGoal(ctx context.Context) error {
	return s.step("two reviewers and the operator decide about Badge Issuer, and the path is done; the badge holds Guild's endorsement", func() error {
		file, err := s.evidence("issued.txt", "Three badges issued, one revoked, three verified.\n")
		if err != nil {
			return err
		}
		var a wallet.Application
		if err := s.net.Wallet("cleo").Must(ctx, &a, "apply", "--at", "Alder", "--level", "2", "--evidence", file, "--evidence", "https://cleo.example/policy", "openbadges/issuer"); err != nil {
			return err
		}
		if err := s.review(ctx, a.ID, "rita", "rob"); err != nil {
			return err
		}
		if err := s.satisfied(ctx, "issuer"); err != nil {
			return err
		}
		var paths []wallet.PathProgress
		if err := s.net.Wallet("cleo").Must(ctx, &paths, "path", "become-issuer"); err != nil {
			return err
		}
		if p := paths[0].Progress; p.Done != p.Of || !p.Goal.OK() {
			return fmt.Errorf("%d of %d steps, and the goal is %s", p.Done, p.Of, p.Goal.Answer)
		}
		badge := filepath.Join(s.net.Dir(), "shown", "issuer.json")
		if err := s.export(ctx, badge, "Badge Issuer"); err != nil {
			return err
		}
		r, err := s.check(ctx, badge, 0)
		if err != nil || !strings.Contains(r.Out, `endorsed by 1, all verified: "Guild" `) || !strings.Contains(r.Out, "(achievement)") {
			return errors.Join(err, fmt.Errorf("no endorsement by Guild: %s", r.Out))
		}
		return nil
	})
}

func (s *story) renewed(ctx context.Context) error {
	return s.step("nearly two years later the badge is due; fresh evidence renews it: same id, newer dates, the older copy is on the expiry list", func() error {
		if err := s.net.Clock.Move(toRenewal); err != nil {
			return err
		}
		var due []wallet.Reminder
		if err := s.net.Wallet("cleo").Must(ctx, &due, "renewals"); err != nil {
			return err
		}
		if len(due) != 1 || due[0].Name != "Badge Issuer" {
			return fmt.Errorf("due: %+v", due)
		}
		file, err := s.evidence("lately.txt", "Forty badges issued since.\n")
		if err != nil {
			return err
		}
		var r wallet.Renewed
		if err := s.net.Wallet("cleo").Must(ctx, &r, "renew", "--at", "Alder", "--level", "2", "--evidence", file, "Badge Issuer"); err != nil {
			return err
		}
		if r.Application == nil {
			return errors.New("no application was handed in")
		}
		if err := s.review(ctx, r.Application.ID, "rita", "rob"); err != nil {
			return err
		}
		if err := s.net.Wallet("cleo").Must(ctx, nil, "sync"); err != nil {
			return err
		}
		older, newer := filepath.Join(s.net.Dir(), "shown", "issuer.json"), filepath.Join(s.net.Dir(), "shown", "issuer-renewed.json")
		if err := s.export(ctx, newer, "Badge Issuer"); err != nil {
			return err
		}
		return sameAnew(older, newer)
	})
}

// sameAnew wants two files to be versions of one badge.
func sameAnew(older, newer string) error {
	var a, b struct {
		ID, AwardedDate, ValidFrom string
	}
	for file, into := range map[string]any{older: &a, newer: &b} {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return err
		}
	}
	if a.ID == "" || a.ID != b.ID || a.AwardedDate != b.AwardedDate || a.ValidFrom >= b.ValidFrom {
		return fmt.Errorf("%+v was renewed as %+v", a, b)
	}
	return nil
}

func (s *story) employed(ctx context.Context) error {
	return s.step("an employer, who knows nobody, asks for the role Open Badge issuer of Alder's catalogue; the fewest badges prove it, one of them Birch's", func() error {
		if err := s.issue(ctx, "alder", "cleo", "contributor", "cleo-contributor"); err != nil {
			return err
		}
		cleo, employer := s.net.Wallet("cleo"), s.net.Node("employer")
		if err := cleo.Must(ctx, nil, "sync"); err != nil {
			return err
		}
		var a node.Asked
		if err := employer.Must(ctx, &a, "ask", "--role", "open-badge-issuer", "--of", s.net.Node("alder").Base+"/openbadges"); err != nil {
			return err
		}
		if err := cleo.Must(ctx, nil, "present", "--refresh", a.Link.Link); err != nil {
			return err
		}
		var st node.AskStatus
		if err := employer.Must(ctx, &st, "asked", a.ID); err != nil {
			return err
		}
		if len(st.Badges) != 3 || !slices.Contains(st.Badges, "Badge Designer") || len(st.Endorsers) != 1 || st.Endorsers[0].Name != "Guild" {
			return fmt.Errorf("the employer saw %q, endorsed by %+v", st.Badges, st.Endorsers)
		}
		return nil
	})
}
