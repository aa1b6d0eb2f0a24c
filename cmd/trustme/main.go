// Command trustme issues, holds, shows and verifies Open Badges.
//
// Exit codes: 0 yes, 1 no, 2 could not tell, 64 bad usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/baking"
	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/pack"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
	"github.com/trust-me/trustme/testnet"
	"github.com/trust-me/trustme/testnet/conformance"
	"github.com/trust-me/trustme/wallet"
)

// Exit codes.
const (
	exitYes       = 0
	exitNo        = 1
	exitUndecided = 2
	exitUsage     = 64
)

// usageError is a mistake in the words of a command.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// verdictError ends a command whose answer is printed already.
type verdictError struct{ code int }

func (e *verdictError) Error() string { return "" }

func main() {
	syscall.Umask(0o077) // the store's files are for their owner only
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args)
	stop()
	os.Exit(code)
}

// run executes a command line and returns its exit code.
func run(ctx context.Context, args []string) int {
	err := app().RunContext(ctx, args)
	if err == nil {
		return exitYes
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "trustme:", tame(text))
	}
	return codeOf(err)
}

// refusals are definite answers: asking again changes nothing.
var refusals = []error{
	node.ErrInput, node.ErrNotFound, node.ErrConfig, wallet.ErrInput, wallet.ErrNotHeld, catalogue.ErrInvalid, baking.ErrOwn, exchange.ErrInvitation,
	seal.ErrWrongPassphrase, seal.ErrAltered, seal.ErrNotArchive, seal.ErrNoSecret, pack.ErrNotPack, pack.ErrAltered,
	errBench, node.ErrPortInUse, store.ErrNewerVersion, store.ErrWrongKey, store.ErrTooLarge, credentials.ErrAward, credentials.ErrPresentation, credentials.ErrMalformed, dataintegrity.ErrNoProof, recognition.ErrStatement, dataintegrity.ErrMalformed, testnet.ErrDir, conformance.ErrConfig,
}

func codeOf(err error) int {
	if v, ok := errors.AsType[*verdictError](err); ok {
		return v.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[cli.ExitCoder](err); ok { // such as of `help frob`
		return exitUsage
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return exitNo
		}
	}
	return exitUndecided
}

func app() *cli.App {
	a := &cli.App{
		Name:  "trustme",
		Usage: "issue, hold, show and verify Open Badges without a central registry",
		Description: `Each partner runs a node, each learner a wallet, and anyone can verify.
To see all of it at work on this machine:

   trustme demo

Exit codes: 0 yes, 1 no, 2 could not tell, 64 bad usage.`,
		Commands:             []*cli.Command{demoCommand(), nodeCommand(), walletCommand(), verifyCommand(), packCommand(), explainCommand(), deriveCommand(), benchCommand(), testnetCommand(), conformanceCommand(), doctorCommand(), versionCommand(), completionCommand()},
		EnableBashCompletion: true,
		HideVersion:          true,
		Suggest:              true,
		Writer:               os.Stdout,
		ErrWriter:            os.Stderr,
		ExitErrHandler:       func(*cli.Context, error) {}, // run maps errors to codes
		OnUsageError:         onUsage,
		CommandNotFound:      nil,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q; `trustme help` lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, cmd := range a.Commands {
		prepare(cmd)
	}
	return a
}

func onUsage(_ *cli.Context, err error, _ bool) error { return usagef("%v", err) }

// prepare gives every command the same manners: usage errors are ours, and a
// group without a verb shows its help.
func prepare(cmd *cli.Command) {
	cmd.OnUsageError = onUsage
	for _, sub := range cmd.Subcommands {
		prepare(sub)
	}
	if cmd.Action == nil && len(cmd.Subcommands) > 0 {
		name := cmd.Name
		cmd.Action = func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q under %q; `trustme help %s` lists them", c.Args().First(), name, name)
			}
			return cli.ShowSubcommandHelp(c)
		}
	}
}
