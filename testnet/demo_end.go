package testnet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/wallet"
)

// revoke: the issuer withdraws a badge, and both verifiers refuse it.
func (s *story) revoke(ctx context.Context) error {
	return s.step("Alder revokes Open Badges Explorer; twenty minutes later Birch and the verifier refuse it", func() error {
		explorer := filepath.Join(s.net.Dir(), "shown", "explorer.json")
		if err := s.net.Wallet("ana").Must(ctx, nil, "export", "-o", explorer, "Open Badges Explorer"); err != nil {
			return err
		}
		if _, err := s.check(ctx, explorer, 0); err != nil {
			return err
		}
		start := time.Now()
		if err := s.net.Node("alder").Must(ctx, nil, "revoke", "--reason", "issued by mistake", s.badges["ana-explorer"].ID); err != nil {
			return err
		}
		s.figure("from `revoke` to published", time.Since(start).Round(time.Millisecond).String())
		if err := s.net.Clock.Move(due); err != nil {
			return err
		}
		r := s.net.Node("birch").Run(ctx, "asked", "--again", s.badges["asked-explorer"].ID)
		if err := r.want(1, []string{"node asked --again"}); err != nil {
			return err
		}
		if !strings.Contains(r.Out, "revoked") {
			return fmt.Errorf("birch refuses it, but not as revoked: %s", r.Out)
		}
		return s.refused(ctx, explorer, credentials.CodeRevoked)
	})
}

// refused expects the verifier to refuse a file with a code.
func (s *story) refused(ctx context.Context, file, code string) error {
	r, err := s.check(ctx, file, 1, "--json")
	if err != nil {
		return err
	}
	if !strings.Contains(r.Out, `"`+code+`"`) {
		return fmt.Errorf("%s is refused, but not as %s:\n%s", filepath.Base(file), code, r.Out)
	}
	return nil
}

// expire: a badge ends, and the expiry list says so.
func (s *story) expire(ctx context.Context) error {
	err := s.step("Alder issues Badge Reviewer, which is valid for a year; the clock moves thirteen months", func() error {
		if err := s.issue(ctx, "alder", "ana", "reviewer", "ana-reviewer"); err != nil {
			return err
		}
		if err := s.net.Wallet("ana").Must(ctx, nil, "sync"); err != nil {
			return err
		}
		file := filepath.Join(s.net.Dir(), "shown", "reviewer.json")
		if err := s.net.Wallet("ana").Must(ctx, nil, "export", "-o", file, "Badge Reviewer"); err != nil {
			return err
		}
		if _, err := s.check(ctx, file, 0); err != nil {
			return err
		}
		return s.net.Clock.Move(aYear)
	})
	if err != nil {
		return err
	}
	return s.step("it is refused as expired, and Alder's expiry list says the same", func() error {
		if err := s.refused(ctx, filepath.Join(s.net.Dir(), "shown", "reviewer.json"), credentials.CodeExpired); err != nil {
			return err
		}
		return s.listed(ctx)
	})
}

// listed reads the expiry list as a stranger would.
func (s *story) listed(ctx context.Context) error {
	a, err := s.award(ctx, "alder", s.badges["ana-reviewer"].ID)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("%s/status/%d/refresh", s.net.Node("alder").Base, a.Award.List)
	for range 40 { // the next beat publishes it
		body, err := get(ctx, url)
		if err != nil {
			return err
		}
		set, err := bit(body, a.Award.Index)
		if err != nil || set {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not say that index %d has lapsed", url, a.Award.Index)
}

func bit(list []byte, index int) (bool, error) {
	v, err := jsondoc.Parse(list)
	if err != nil {
		return false, err
	}
	l, err := status.ParseList(v)
	if err != nil {
		return false, err
	}
	got, err := l.Value(status.Entry{Purpose: status.Refresh, Index: index, Size: 1})
	return got.Set, err
}

func (s *story) award(ctx context.Context, from, id string) (a node.AwardWithBytes, err error) {
	cl, err := node.Connect(ctx, node.Config{Dir: s.net.Node(from).Dir, Now: s.net.Clock.Now})
	if err != nil {
		return a, err
	}
	defer cl.Close()
	return cl.Award(ctx, id)
}

func get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 4<<20))
}

// forge: one word of a badge is changed.
func (s *story) forge(ctx context.Context) error {
	return s.step("a forged copy is refused, with the reason", func() error {
		raw, err := os.ReadFile(filepath.Join(s.net.Dir(), "shown", "basics.json"))
		if err != nil {
			return err
		}
		forged := strings.Replace(string(raw), "Open Badges Basics", "Open Badges Master", 1)
		file := filepath.Join(s.net.Dir(), "shown", "forged.json")
		if err := os.WriteFile(file, []byte(forged), 0o600); err != nil {
			return err
		}
		return s.refused(ctx, file, credentials.CodeSignature)
	})
}

// expectation is an entry of expect.json.
type expectation struct {
	Verdict string    `json:"verdict"`
	At      time.Time `json:"at"`
}

// collect writes every badge, list and document where other verifiers find
// them, with what they have to say.
func (s *story) collect(ctx context.Context) error {
	return s.step("every badge, status list and DID document is written out for other verifiers", func() error {
		badges := map[string][]byte{}
		for name, from := range map[string]string{"ana-basics": "alder", "ana-earner": "alder", "ana-explorer": "alder", "ana-reviewer": "alder", "ben-by-email": "guild", "ben-contributor": "guild"} {
			a, err := s.award(ctx, from, s.badges[name].ID)
			if err != nil {
				return err
			}
			badges[name] = a.Credential
		}
		forged, err := os.ReadFile(filepath.Join(s.net.Dir(), "shown", "forged.json"))
		if err != nil {
			return err
		}
		badges["forged"] = forged
		if badges["cleo-issuer"], err = os.ReadFile(filepath.Join(s.net.Dir(), "shown", "issuer-renewed.json")); err != nil {
			return err
		}
		if err := s.writeBadges(badges); err != nil {
			return err
		}
		if err := s.writeSources(ctx); err != nil {
			return err
		}
		return s.writeExpectations(ctx, badges)
	})
}

func (s *story) writeBadges(badges map[string][]byte) error {
	dir := filepath.Join(s.net.Dir(), "badges")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, raw := range badges {
		for _, ext := range []string{"json", "png", "svg"} {
			out, err := wallet.Form(raw, ext)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name+"."+ext), out, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTheEnd is what the story has made of each badge.
var inTheEnd = map[string]string{
	"ana-basics": "valid", "ana-earner": "valid", "ben-by-email": "valid", "ben-contributor": "valid", "cleo-issuer": "valid",
	"ana-explorer": "revoked", "ana-reviewer": "expired", "forged": "forged",
}

// writeExpectations comes last: the lists that were saved are not of a later
// time than the one to judge at. The verifier has to say of each file what the
// story has made of it.
func (s *story) writeExpectations(ctx context.Context, badges map[string][]byte) error {
	expect := map[string]expectation{}
	for name := range badges {
		for _, ext := range []string{"json", "png", "svg"} {
			v, err := s.judged(ctx, filepath.Join(s.net.Dir(), "badges", name+"."+ext))
			if err != nil {
				return err
			}
			if v != inTheEnd[name] {
				return fmt.Errorf("the verifier says %q of %s.%s, which is %q", v, name, ext, inTheEnd[name])
			}
		}
		expect[name] = expectation{inTheEnd[name], s.net.Clock.Now().UTC().Truncate(time.Second)}
		s.demo.Badges = append(s.demo.Badges, Badge{name, inTheEnd[name]})
	}
	slices.SortFunc(s.demo.Badges, func(a, b Badge) int { return strings.Compare(a.Name, b.Name) })
	return writeJSON(filepath.Join(s.net.Dir(), "expect.json"), expect)
}

// judged is what the verifier says of a file, in the words of expect.json. It
// is asked again while it cannot tell: after the clock has moved, lists are due
// until the next beat.
func (s *story) judged(ctx context.Context, file string) (string, error) {
	args := s.verifierArgs("verify", "--refresh", "--json")
	var r Result
	for range 40 {
		r = s.net.Run(ctx, append(args, file)...)
		if r.Code != 2 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	var report struct{ Verdict, Code string }
	if err := json.Unmarshal([]byte(r.Out), &report); err != nil {
		return "", fmt.Errorf("the verifier's answer about %s is no JSON: %w\n%s%s", filepath.Base(file), err, r.Out, r.Err)
	}
	words := map[string]string{credentials.CodeOK: "valid", credentials.CodeRevoked: "revoked", credentials.CodeExpired: "expired", credentials.CodeSignature: "forged"}
	if w := words[report.Code]; w != "" && r.Code == map[bool]int{true: 0, false: 1}[w == "valid"] {
		return w, nil
	}
	return report.Verdict + " (" + report.Code + ")", nil
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// writeSources saves status lists and DID documents with an index by URL.
func (s *story) writeSources(ctx context.Context) error {
	lists, dids := map[string]string{}, map[string]string{}
	for _, name := range []string{"alder", "birch", "guild"} {
		n := s.net.Node(name)
		if err := s.save(ctx, "did", n.Base+"/.well-known/did.json", name+".json", dids); err != nil {
			return err
		}
		for list := 1; list < 10; list++ {
			for _, purpose := range []string{"revocation", "suspension", "refresh"} {
				err := s.save(ctx, "status", fmt.Sprintf("%s/status/%d/%s", n.Base, list, purpose), fmt.Sprintf("%s-%d-%s.json", name, list, purpose), lists)
				if err != nil && !strings.Contains(err.Error(), "404") {
					return err
				}
			}
		}
	}
	if err := writeJSON(filepath.Join(s.net.Dir(), "did", "index.json"), dids); err != nil {
		return err
	}
	return writeJSON(filepath.Join(s.net.Dir(), "status", "index.json"), lists)
}

func (s *story) save(ctx context.Context, folder, url, file string, index map[string]string) error {
	dir := filepath.Join(s.net.Dir(), folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	index[url] = file
	return os.WriteFile(filepath.Join(dir, file), body, 0o600)
}
