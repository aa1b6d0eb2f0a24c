package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/pack"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
)

var verifierDirFlag = &cli.StringFlag{Name: "dir", Usage: "keep fetched copies in `DIR`", Value: cacheDir(), EnvVars: []string{"TRUSTME_VERIFIER_DIR"}}

func cacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "trustme")
	}
	return filepath.Join(base, "trustme")
}

// maxInput bounds what verify reads: a pack with its lists is the largest.
const maxInput = 64 << 20

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check badges of anyone: files, folders, URLs, or - for standard input", ArgsUsage: "FILE|FOLDER|URL|-...",
		Description: example("Reads JSON, JWT, and badges baked into PNG or SVG, and packs of `trustme pack`. Fetches only the issuer's DID document and its status list, keeps copies with their age, and shows it.\n\nOf several badges, of a folder, and of a file with a badge on each line (.jsonl, .ndjson, or --lines), it prints a line each; with --json, a JSON object on a line each.\n\nExit 0 valid (all of them), 1 invalid (one of them), 2 could not tell.", "trustme verify badge.png\ntrustme verify --json folder/ more.jsonl"),
		Flags: []cli.Flag{jsonFlag, &cli.BoolFlag{Name: "lines", Usage: "each line of the input is a badge"}, &cli.StringFlag{Name: "at", Usage: "judge as of `TIME` (RFC 3339)"}, offlineFlag, refreshFlag, loopbackFlag, verifierDirFlag, verboseFlag,
			&cli.StringFlag{Name: "email", Usage: "was it given to this `ADDRESS`?"}, &cli.StringSliceFlag{Name: "trust", Usage: "`DID` of an issuer you recognise"}, &cli.StringSliceFlag{Name: "trust-sealer", Usage: "`DID` whose packs you believe"},
			&cli.StringSliceFlag{Name: "agreement", Usage: "`FILE|URL` of a signed agreement or authorisation that you go by"},
			&cli.StringSliceFlag{Name: "evidence", Usage: "hold a file of the evidence to its digest, as `NUMBER=FILE`; NUMBER counts the badge's items from 1"},
			&cli.StringSliceFlag{Name: "endorsement", Usage: "`FILE|URL` of an endorsement that came along"}, &cli.StringSliceFlag{Name: "require-endorsement", Usage: "`DID` whose endorsement you ask for"}},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, math.MaxInt, "a FILE, FOLDER, URL or -")
			if err != nil {
				return err
			}
			o := credentials.ReportOptions{Email: c.String("email"), Offline: c.Bool("offline"), EndorsedBy: c.StringSlice("require-endorsement")}
			if at := c.String("at"); at != "" {
				if o.At, err = time.Parse(time.RFC3339, at); err != nil {
					return usagef("--at %q is no time; write 2026-11-27T12:00:00Z", at)
				}
			}
			if isMany(c, args) {
				if len(c.StringSlice("agreement"))+len(c.StringSlice("endorsement")) > 0 {
					return usagef("--agreement and --endorsement answer about one badge; name one file")
				}
				if c.IsSet("evidence") {
					return usagef("--evidence is of one badge; give one")
				}
				return verifyMany(c, args, o)
			}
			return withVerifier(c, func(ctx context.Context, v verifier) error {
				raw, err := v.read(ctx, args[0])
				if err != nil {
					return err
				}
				if o.Resources, err = evidenceFiles(raw, c.StringSlice("evidence")); err != nil {
					return err
				}
				for _, from := range c.StringSlice("endorsement") {
					e, err := v.read(ctx, from)
					if err != nil {
						return err
					}
					o.Endorsements = append(o.Endorsements, e)
				}
				r, err := v.report(ctx, c, raw, o)
				if err == nil {
					err = v.recognise(ctx, c, raw, &r)
				}
				if err != nil {
					return err
				}
				return printReport(c, r)
			})
		},
	}
}

// evidenceFiles reads files of evidence, each named by its number in the
// badge, and returns them under the ids that the badge gives them.
func evidenceFiles(raw []byte, named []string) (map[string][]byte, error) {
	if len(named) == 0 {
		return nil, nil
	}
	b, _, err := credentials.ParseAny(raw)
	if err != nil {
		return nil, fmt.Errorf("the files of evidence belong to a badge: %w", err)
	}
	items := b.Doc().Get("evidence")
	out := map[string][]byte{}
	for _, text := range named {
		number, file, ok := strings.Cut(text, "=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, usagef("--evidence %q: write NUMBER=FILE, such as 2=photo.jpg", text)
		}
		if n < 1 || n > items.Len() {
			return nil, usagef("the badge has %d items of evidence; there is no number %d", items.Len(), n)
		}
		i := 0
		for e := range items.Elements() {
			if i++; i == n {
				if out[e.ID()], err = readInput(file, maxInput); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// report judges a badge, or one in a pack.
func (v verifier) report(ctx context.Context, c *cli.Context, raw []byte, o credentials.ReportOptions) (credentials.Report, error) {
	if !pack.IsPack(raw) {
		return v.party.Verifier.Report(ctx, raw, o), nil
	}
	k, err := pack.Open(raw)
	if err != nil {
		return credentials.Report{}, err
	}
	fmt.Fprintf(os.Stderr, "pack sealed by %s on %s\n", k.Sealer, date(k.Created))
	return k.Verify(ctx, pack.Terms{Sealers: c.StringSlice("trust-sealer"), Issuers: c.StringSlice("trust"), Loopback: c.Bool("allow-loopback"), Now: now()}, o)
}

// recognise answers by the agreements that were named. Whoever names one goes
// by the word of its signer.
func (v verifier) recognise(ctx context.Context, c *cli.Context, raw []byte, r *credentials.Report) error {
	if len(c.StringSlice("agreement")) == 0 || pack.IsPack(raw) {
		return nil
	}
	t := recognition.Terms{Self: c.StringSlice("trust")}
	for _, from := range c.StringSlice("agreement") {
		file, err := v.read(ctx, from)
		if err != nil {
			return err
		}
		b, err := recognition.ParseBundle(file)
		if err != nil {
			return fmt.Errorf("--agreement %s: %w", from, err)
		}
		s, err := recognition.Open(ctx, v.party.Verifier, b, r.At)
		if err != nil {
			return fmt.Errorf("--agreement %s: %w", from, err)
		}
		t.Self, t.Statements = append(t.Self, s.By), append(t.Statements, s)
	}
	if badge, _, err := credentials.ParseAny(raw); err == nil { // else the report says so
		t.Fill(r, badge, func(a string) string { return a })
	}
	return nil
}

// verifier is an opened verifier's directory.
type verifier struct {
	db    *store.DB
	party *party.Party
	key   []byte
}

// withVerifier opens the directory of copies; one that another process uses is
// left to it, and nothing is kept this time.
func withVerifier(c *cli.Context, f func(context.Context, verifier) error) error {
	dir := c.String("dir")
	if !seal.Exists(dir) {
		if _, err := seal.Create(dir, seal.Options{}); err != nil {
			return fmt.Errorf("making the directory of copies: %w", err)
		}
	}
	secret, err := seal.Open(dir, "")
	if err != nil {
		return err
	}
	db, err := store.Open(filepath.Join(dir, "store"), store.Options{Key: secret.Derive("store"), Now: now(), Log: logger(c)})
	if errors.Is(err, store.ErrLocked) && !c.IsSet("dir") {
		db, err = store.OpenMemory(store.Options{})
	}
	if errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("%w; what is kept there are copies of what others publish: remove %s to begin anew, unless you sealed packs with the key in it", err, dir)
	}
	if err != nil {
		return err
	}
	p, err := party.New(party.Config{DB: db, Loopback: c.Bool("allow-loopback"), Offline: c.Bool("offline"), Refresh: c.Bool("refresh"), Trusted: c.StringSlice("trust"), Now: now()})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(f(c.Context, verifier{db, p, secret.Derive("keys")}), db.Close())
}

func (v verifier) read(ctx context.Context, from string) ([]byte, error) {
	if !isAddress(from) {
		return readInput(from, maxInput)
	}
	r, err := v.party.Fetch(ctx, from)
	return r.Body, err
}

// printReport prints what was checked, and ends with the verdict's exit code.
func printReport(c *cli.Context, r credentials.Report) error {
	if c.Bool("json") {
		if err := printJSON(c, r); err != nil {
			return err
		}
		return byVerdict(string(r.Verdict))
	}
	say(c, "%s", r.Verdict)
	if r.Verdict != credentials.Valid {
		say(c, "%s", r.Why())
	}
	if r.SelfAsserted {
		say(c, "%s", r.Recognition.Message)
	}
	marks := map[credentials.Answer]string{credentials.Yes: "yes", credentials.No: "NO", credentials.Unknown: "?", credentials.NotApplicable: "-"}
	checks := r.Checks
	if !r.SelfAsserted && len(c.StringSlice("trust"))+len(c.StringSlice("agreement")) > 0 {
		checks = append(slices.Clone(checks), r.Recognition)
	}
	for _, k := range checks {
		if k.Answer == credentials.NotApplicable && (k.Code != credentials.CodeEvidenceAbsent || !c.IsSet("evidence")) {
			continue
		}
		age := ""
		if !k.Fetched.IsZero() {
			age = fmt.Sprintf(" (as of %s, %s ago)", date(k.Fetched), k.Age.Round(time.Second))
		}
		say(c, "  %-3s %-12s %s%s", marks[k.Answer], k.Name, k.Message, age)
	}
	return byVerdict(string(r.Verdict))
}

func explainCommand() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "explain a code of a verification report", ArgsUsage: "[CODE]",
		Description: example("Without CODE, lists them all.", "trustme explain revoked"),
		Flags:       []cli.Flag{jsonFlag},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 0, 1, "at most one CODE")
			if err != nil {
				return err
			}
			codes := credentials.Codes()
			if len(args) == 1 {
				codes = args
			}
			texts := map[string]string{}
			for _, code := range codes {
				text, ok := credentials.Explain(code)
				if !ok {
					return usagef("there is no code %q; `trustme explain` lists them", code)
				}
				texts[code] = text
				if !c.Bool("json") {
					say(c, "%s\n    %s", code, text)
				}
			}
			if c.Bool("json") {
				return printJSON(c, texts)
			}
			return nil
		},
	}
}

// sealerKey names the key with which this verifier seals packs.
var sealerKey = []byte("sealer")

func packCommand() *cli.Command {
	return &cli.Command{
		Name: "pack", Usage: "seal a badge with all that is needed to verify it without a network", ArgsUsage: "FILE|URL|-",
		Description: example("Verifies the badge now, asking the publishers again whatever the age of kept copies, and writes it with the issuer's DID document and the signed status lists, signed by this verifier's own key. On the machine without a network: trustme verify --trust-sealer DID badge.pack", "trustme pack -o badge.pack badge.json"),
		Flags: []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FILE` to write"}, forceFlag,
			offlineFlag, loopbackFlag, verifierDirFlag, verboseFlag, jsonFlag},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE, URL or -")
			if err != nil {
				return err
			}
			if err := needsOutput(c); err != nil {
				return err
			}
			return withVerifier(c, func(ctx context.Context, v verifier) error {
				raw, err := v.read(ctx, args[0])
				if err != nil {
					return err
				}
				if pack.IsPack(raw) {
					return usagef("%s is a pack already; give the badge that is in it", args[0])
				}
				ks, err := keys.Open(ctx, v.db, v.key)
				if err != nil {
					return err
				}
				k, err := v.sealer(ctx, ks)
				if err != nil {
					return err
				}
				out, r, err := pack.Make(ctx, v.party, raw, now()(), ks, k)
				if err != nil {
					return err
				}
				if out == nil {
					return printReport(c, r)
				}
				if err := writeOutput(c, c.String("output"), out); err != nil {
					return err
				}
				id := "did:key:" + k.Multibase()
				fmt.Fprintf(os.Stderr, "without a network: trustme verify --trust-sealer %s %s\n", id, c.String("output"))
				return answer(c, fields{"file": c.String("output"), "sealer": id}, "wrote %s, sealed by %s", c.String("output"), id)
			})
		},
	}
}

func (v verifier) sealer(ctx context.Context, ks *keys.Store) (did.PublicKey, error) {
	var text []byte
	err := v.db.View(ctx, func(tx *store.Tx) (err error) {
		text, err = tx.Get(sealerKey)
		return err
	})
	if err == nil {
		return did.ParseMultikey(string(text))
	}
	if !errors.Is(err, store.ErrNotFound) {
		return did.PublicKey{}, err
	}
	k, err := ks.Create(ctx, did.Ed25519)
	if err != nil {
		return k, err
	}
	return k, v.db.Update(ctx, func(tx *store.Tx) error { return tx.Put(sealerKey, []byte(k.Multibase())) })
}
