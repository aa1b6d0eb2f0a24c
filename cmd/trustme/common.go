package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/testnet"
)

// Flags that many commands share.
var (
	jsonFlag           = &cli.BoolFlag{Name: "json", Usage: "print the answer as JSON"}
	passphraseFileFlag = &cli.StringFlag{Name: "passphrase-file", Usage: "read the passphrase from the first line of `FILE`", EnvVars: []string{"TRUSTME_PASSPHRASE_FILE"}}
	backupFileFlag     = &cli.StringFlag{Name: backupFile, Usage: "read the backup's passphrase from the first line of `FILE`, where the directory has another", EnvVars: []string{"TRUSTME_BACKUP_PASSPHRASE_FILE"}}
	loopbackFlag       = &cli.BoolFlag{Name: "allow-loopback", Usage: "allow to reach this machine itself, for tests", EnvVars: []string{"TRUSTME_ALLOW_LOOPBACK"}}
	offlineFlag        = &cli.BoolFlag{Name: "offline", Usage: "make no request; use kept copies and show their age"}
	refreshFlag        = &cli.BoolFlag{Name: "refresh", Usage: "ask publishers again, whatever the age of kept copies"}
	forceFlag          = &cli.BoolFlag{Name: "force", Usage: "replace an existing file"}
	verboseFlag        = &cli.BoolFlag{Name: "verbose", Usage: "log decisions to stderr"}
)

// backupFile names the flag for a backup's own passphrase.
const backupFile = "backup-passphrase-file"

// example writes the description of a command: what it does, then an example.
func example(text, ex string) string {
	return text + "\n\nExample:\n\n   " + strings.ReplaceAll(ex, "\n", "\n   ")
}

// operands refuses what was not asked for: urfave/cli reads no flag behind the
// first operand, so a surplus one is likely a misplaced flag.
func operands(c *cli.Context, least, most int, names string) ([]string, error) {
	args := c.Args().Slice()
	for _, a := range args {
		if strings.HasPrefix(a, "-") && a != "-" {
			return nil, usagef("%s: flags stand before operands: trustme %s %s ... %s", c.Command.FullName(), commandPath(c), a, names)
		}
	}
	if len(args) < least || len(args) > most {
		return nil, usagef("%s wants %s; see: trustme %s --help", c.Command.FullName(), orNothing(names), commandPath(c))
	}
	return args, nil
}

func commandPath(c *cli.Context) string {
	return strings.TrimPrefix(c.Command.HelpName, "trustme ")
}

func orNothing(s string) string {
	if s == "" {
		return "no operand"
	}
	return s
}

// now is the clock: the machine's, or a testnet's that can be moved.
func now() func() time.Time {
	if f := os.Getenv("TRUSTME_CLOCK"); f != "" {
		return testnet.ClockFile(f).Now
	}
	return time.Now
}

func logger(c *cli.Context) *slog.Logger {
	level := slog.LevelError
	if c.Bool("verbose") {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// passphrase finds the passphrase of a directory: none when it opens without
// one, else from the file, the environment or the terminal.
func passphrase(c *cli.Context, dir string) (string, error) {
	if dir != "" && (seal.Unattended(dir) || !seal.Exists(dir)) {
		return "", nil
	}
	return askPassphrase(c, "Passphrase: ")
}

func askPassphrase(c *cli.Context, prompt string) (string, error) {
	if f := c.String("passphrase-file"); f != "" {
		return readPassphrase(f)
	}
	if p := os.Getenv("TRUSTME_PASSPHRASE"); p != "" {
		return p, nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", usagef("a passphrase is needed: set TRUSTME_PASSPHRASE or give --passphrase-file")
	}
	fmt.Fprint(os.Stderr, prompt)
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(b), err
}

func readPassphrase(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", usagef("reading the passphrase: %v", err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimRight(line, "\r"), nil
}

// backupPassphrase finds the passphrase of a backup that exists: its own where
// one is given, else the one that opens the directory.
func backupPassphrase(c *cli.Context) (string, error) {
	if f := c.String(backupFile); f != "" {
		return readPassphrase(f)
	}
	return askPassphrase(c, "Passphrase of the backup: ")
}

// openBackup opens the one FILE of a command and asks for its passphrase.
func openBackup(c *cli.Context) (*os.File, string, error) {
	args, err := operands(c, 1, 1, "one FILE")
	if err != nil {
		return nil, "", err
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, "", usagef("%v", err)
	}
	p, err := backupPassphrase(c)
	if err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	return f, p, nil
}

// newPassphrase asks twice on a terminal.
func newPassphrase(c *cli.Context) (string, error) {
	p, err := askPassphrase(c, "New passphrase: ")
	if err != nil || c.String("passphrase-file") != "" || os.Getenv("TRUSTME_PASSPHRASE") != "" {
		return p, err
	}
	again, err := askPassphrase(c, "The same again: ")
	if err == nil && p != again {
		err = usagef("the two passphrases differ")
	}
	return p, err
}

// sealOptions decides how a new directory is sealed.
func sealOptions(c *cli.Context) (seal.Options, error) {
	if c.Bool("unattended") {
		return seal.Options{}, nil
	}
	p, err := newPassphrase(c)
	if err == nil && p == "" {
		err = usagef("an empty passphrase protects nothing; to open without one, say --unattended")
	}
	return seal.Options{Passphrase: p, WorkFactor: workFactor()}, err
}

// workFactor lets tests seal quickly; see [seal.Options].
func workFactor() int {
	if os.Getenv("TRUSTME_CLOCK") != "" {
		return 12
	}
	return 0
}

// answer prints what a verb came to: v where JSON is asked for, else the text.
func answer(c *cli.Context, v any, format string, args ...any) error {
	if c.Bool("json") {
		return printJSON(c, v)
	}
	say(c, format, args...)
	return nil
}

// fields is a small answer as JSON.
type fields = map[string]any

// printJSON prints v as the answer; an empty list is [].
func printJSON(c *cli.Context, v any) error {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.IsNil() {
		v = []any{}
	}
	enc := json.NewEncoder(c.App.Writer)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// say prints a line of the answer.
func say(c *cli.Context, format string, args ...any) {
	fmt.Fprintln(c.App.Writer, tame(fmt.Sprintf(format, args...)))
}

// tame takes out what would move the cursor of a terminal or colour it: much of
// what is said here was written by strangers.
func tame(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// readInput reads a file, or standard input for "-".
func readInput(name string, limit int64) ([]byte, error) {
	var r io.Reader = os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("%v", err)
		}
		defer f.Close()
		r = f
	}
	raw, err := io.ReadAll(io.LimitReader(bufio.NewReader(r), limit+1))
	if err == nil && int64(len(raw)) > limit {
		size := fmt.Sprintf("%d MiB", limit>>20)
		if limit < 1<<20 {
			size = fmt.Sprintf("%d KiB", limit>>10)
		}
		err = usagef("%s is larger than %s", name, size)
	}
	return raw, err
}

// writeOutput writes a file that must not exist yet, or standard output for
// "-". A file appears whole or not at all.
func writeOutput(c *cli.Context, name string, raw []byte) error {
	write := func(w io.Writer) error { _, err := w.Write(raw); return err }
	if name == "-" {
		return write(c.App.Writer)
	}
	return writeStream(c, name, write)
}

// needsOutput refuses a command that was not told which file to write.
func needsOutput(c *cli.Context) error {
	if c.String("output") == "" {
		return usagef("%s: name the file to write with --output FILE, before the operands", c.Command.FullName())
	}
	return nil
}

// needsReason refuses a command that was not told why.
func needsReason(c *cli.Context) error {
	if c.String("reason") == "" {
		return usagef("%s: give a --reason, before the operands", c.Command.FullName())
	}
	return nil
}

// needsOutputOrPreview is needsOutput for what can be looked at first.
func needsOutputOrPreview(c *cli.Context) error {
	if c.Bool("preview") {
		return nil
	}
	return needsOutput(c)
}

// writeStream is writeOutput for what is long; there is no standard output.
func writeStream(c *cli.Context, name string, fill func(io.Writer) error) error {
	if err := mayWrite(c, name); err != nil {
		return err
	}
	return durable.Write(name, fill)
}

// mayWrite refuses a file that is there already.
func mayWrite(c *cli.Context, name string) error {
	if _, err := os.Stat(name); err == nil && !c.Bool("force") {
		return usagef("%s exists already; choose another name or say --force", name)
	}
	return nil
}

// progress shows a bar on a terminal, and nothing elsewhere.
func progress(total int, what string) func(done int) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func(int) {}
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())
	return func(done int) {
		if err := bar.Set(done); err != nil {
			return // a bar is an aid, not an answer
		}
	}
}

// date shows a moment to people.
func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// defaultDir is where a role keeps its data unless told otherwise.
func defaultDir(role string) string {
	base, err := os.UserHomeDir()
	if err != nil {
		base = "."
	}
	return filepath.Join(base, ".trustme", role)
}

func dirFlag(role string) *cli.StringFlag {
	return &cli.StringFlag{Name: "dir", Usage: "data directory `DIR`", Value: defaultDir(role), EnvVars: []string{"TRUSTME_" + strings.ToUpper(role) + "_DIR"}}
}
