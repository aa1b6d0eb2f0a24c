package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

func nodeCommand() *cli.Command {
	return &cli.Command{
		Name: "node", Usage: "run a partner's node: issue, deliver, publish, revoke",
		Description: example("A node is one data directory and one process. While it serves, the other verbs speak to it over a socket; while it is stopped, they open the directory themselves.", "trustme node init --unattended --name Alder\ntrustme node serve"),
		Subcommands: []*cli.Command{
			nodeInit(), nodeServe(), nodeStatus(), nodeConfig(), nodeInvite(), nodeInvitations(), nodeConnections(), nodeIssue(), nodeList(), nodeShow(),
			standing("revoke", "revoked", "withdraw a badge for good"), standing("suspend", "suspended", "suspend a badge for a time"), standing("reinstate", "active", "end a suspension"),
			nodeAsk(), nodeAsked(), nodeAgreement(), nodeRecognise(), nodeEndorse(), nodeEndorsement(), nodeBadges(), nodeLearning(), nodeTranscript(), nodeStats(), nodeLearners(), nodeRenewals(), nodeRenew(), nodeWithdraw(), nodeAudit(), nodeErase(), nodeJournal(), nodeRotate(), nodeBackup(), nodeRestore(), nodeFsck(),
			nodeApplication(), nodeEvidence(), nodeRole(), nodeClaimCode(), nodeEvent(), nodeCatalogue(), nodePath(),
		},
	}
}

// settingFlags are the settings that a command line or the environment can
// override.
var settingFlags = []cli.Flag{
	&cli.StringFlag{Name: "name", Usage: "`NAME` of the organisation", EnvVars: []string{"TRUSTME_NAME"}},
	&cli.StringFlag{Name: "base", Usage: "public address, such as `https://alder.example`", EnvVars: []string{"TRUSTME_BASE"}},
	&cli.StringFlag{Name: "method", Usage: "DID method, `web` or key", EnvVars: []string{"TRUSTME_METHOD"}},
	&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` to serve on", EnvVars: []string{"TRUSTME_LISTEN"}},
	&cli.StringFlag{Name: "admin", Usage: "`PATH` of the administration socket", EnvVars: []string{"TRUSTME_ADMIN"}},
	&cli.StringSliceFlag{Name: "catalogue", Usage: "catalogue `FILE`, or openbadges for the one that ships", EnvVars: []string{"TRUSTME_CATALOGUE"}},
	&cli.DurationFlag{Name: "status-ttl", Usage: "how long verifiers may reuse a status list", EnvVars: []string{"TRUSTME_STATUS_TTL"}},
	&cli.DurationFlag{Name: "status-beat", Usage: "how often the lists are signed anew", EnvVars: []string{"TRUSTME_STATUS_BEAT"}},
	&cli.IntFlag{Name: "reserve-mib", Usage: "free space below which nothing is written", EnvVars: []string{"TRUSTME_RESERVE_MIB"}},
	&cli.BoolFlag{Name: "revocation-list", Usage: "also publish the ids of revoked badges as a 1EdTechRevocationList", EnvVars: []string{"TRUSTME_REVOCATION_LIST"}},
	loopbackFlag,
}

func settings(c *cli.Context) node.Settings {
	return node.Settings{Name: c.String("name"), Base: c.String("base"), Method: c.String("method"), Listen: c.String("listen"), Admin: c.String("admin"),
		Catalogues: c.StringSlice("catalogue"), StatusTTL: node.Duration(c.Duration("status-ttl")), StatusBeat: node.Duration(c.Duration("status-beat")),
		Reserve: c.Int("reserve-mib"), RevocationList: said(c, "revocation-list"), Loopback: said(c, "allow-loopback")}
}

// said is nil where neither the command line nor the environment says.
func said(c *cli.Context, name string) *bool {
	if !c.IsSet(name) {
		return nil
	}
	return new(c.Bool(name))
}

// nodeFlags are those of every verb. The settings are among them, unlisted: a
// verb opens a stopped node as `serve` does, with the same environment.
func nodeFlags(more ...cli.Flag) []cli.Flag {
	return slices.Concat([]cli.Flag{dirFlag("node"), passphraseFileFlag, jsonFlag, verboseFlag}, unlisted(settingFlags), more)
}

func nodeSettingFlags(more ...cli.Flag) []cli.Flag {
	return slices.Concat([]cli.Flag{dirFlag("node"), passphraseFileFlag, jsonFlag, verboseFlag}, settingFlags, more)
}

// unlisted copies flags so that help does not list them. Each kind of flag of
// the library is a struct with the field Hidden.
func unlisted(flags []cli.Flag) (out []cli.Flag) {
	for _, f := range flags {
		g := reflect.New(reflect.TypeOf(f).Elem())
		g.Elem().Set(reflect.ValueOf(f).Elem())
		g.Elem().FieldByName("Hidden").SetBool(true)
		out = append(out, g.Interface().(cli.Flag))
	}
	return out
}

func nodeInit() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "make a node's data directory",
		Description: example("Makes the directory with a sealed secret and node.yaml. The node gets its keys at the first start.", "trustme node init --unattended --name Alder --base https://alder.example"),
		Flags:       nodeSettingFlags(&cli.BoolFlag{Name: "unattended", Usage: "seal with a file instead of a passphrase, so that the node starts by itself"}),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			o, err := sealOptions(c)
			if err != nil {
				return err
			}
			if err := node.Init(node.InitRequest{Dir: c.String("dir"), Settings: settings(c), Seal: o}); err != nil {
				return err
			}
			return answer(c, fields{"dir": c.String("dir")}, "made %[1]s\nnext: trustme node serve --dir %[1]s", c.String("dir"))
		},
	}
}

func nodeConfigOf(c *cli.Context) (node.Config, error) {
	dir := c.String("dir")
	p, err := passphrase(c, dir)
	return node.Config{Dir: dir, Passphrase: p, Settings: settings(c), Now: now(), Log: logger(c)}, err
}

// serveMemory is when the garbage of long work is collected sooner than the
// runtime would; GOMEMLIMIT overrides it. No request is refused for it.
const serveMemory = 160 << 20

func nodeServe() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the node until it is stopped",
		Description: example("Serves public pages, status lists and the DIDComm websocket on one address. Put a web server with TLS in front of it. A directory that does not exist is made, unattended.", "trustme node serve"),
		Flags:       nodeSettingFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			if os.Getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(serveMemory)
			}
			l, err := node.Listen(c.String("dir"), settings(c))
			if err != nil {
				return err
			}
			defer l.Close() // closed already by what serves it
			if !seal.Exists(c.String("dir")) {
				if err := node.Init(node.InitRequest{Dir: c.String("dir"), Settings: settings(c)}); err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "trustme: made %s, sealed by a file in it\n", c.String("dir"))
			}
			cfg, err := nodeConfigOf(c)
			if err != nil {
				return err
			}
			var n *node.Node
			err = patiently(c.Context, func() (err error) {
				n, err = node.Open(c.Context, cfg)
				return err
			})
			if err != nil {
				return err
			}
			var told error
			err = n.Serve(c.Context, l, func() {
				s := n.Settings()
				told = answer(c, fields{"name": s.Name, "base": s.Base, "did": n.DID()}, "%s serves %s\ndid %s", s.Name, s.Base, n.DID())
			})
			return errors.Join(err, told, n.Close())
		},
	}
}

// lockPatience is how long a command waits for a directory that is in use: a
// verb holds it for a moment, and so does `serve` before its socket is there.
const lockPatience = 5 * time.Second

func patiently(ctx context.Context, open func() error) error {
	for start := time.Now(); ; {
		err := open()
		if !errors.Is(err, store.ErrLocked) || time.Since(start) > lockPatience {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// onNode is the action of a verb that has operands and speaks to the node.
func onNode(least, most int, names string, f func(*cli.Context, []string, *node.Client) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := operands(c, least, most, names)
		if err != nil {
			return err
		}
		return withNode(c, func(_ context.Context, cl *node.Client) error { return f(c, args, cl) })
	}
}

// withNode runs f with a client of the node, running or not.
func withNode(c *cli.Context, f func(context.Context, *node.Client) error) error {
	if !seal.Exists(c.String("dir")) {
		return fmt.Errorf("%w: %s is no node; make one with: trustme node init --dir %s", node.ErrInput, c.String("dir"), c.String("dir"))
	}
	cfg, err := nodeConfigOf(c)
	if err != nil {
		return err
	}
	var cl *node.Client
	err = patiently(c.Context, func() (err error) {
		cl, err = node.Connect(c.Context, cfg)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(f(c.Context, cl), cl.Close())
}

func nodeStatus() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show who the node is and how it does",
		Description: example("Shows DID, address, health, free space and connections.", "trustme node status"),
		Flags:       nodeFlags(),
		Action: onNode(0, 0, "", func(c *cli.Context, _ []string, cl *node.Client) error {
			i, err := cl.Info(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, i)
			}
			state := "stopped"
			if cl.Running {
				state = "running for " + i.Health.Uptime
			}
			say(c, "%s (%s)\n  did          %s\n  address      %s\n  connections  %d open\n  journal      %d facts\n  free space   %d MiB", i.Name, state, i.DID, i.Base, i.Health.Connections, i.Health.Facts, i.Health.FreeMiB)
			if !i.Health.OK {
				return fmt.Errorf("%w: %s", node.ErrInput, i.Health.Problem)
			}
			return nil
		}),
	}
}

func nodeConfig() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "print the effective settings",
		Description: example("Flags win over the environment (TRUSTME_...), this over node.yaml in the data directory, this over the defaults.", "trustme node config --listen 127.0.0.1:9000"),
		Flags:       nodeSettingFlags(),
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			s, err := node.Effective(c.String("dir"), settings(c))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c, s)
			}
			out, err := yaml.Marshal(s)
			if err == nil {
				say(c, "%s", strings.TrimRight(string(out), "\n"))
			}
			return err
		},
	}
}
