package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/jsondoc"
)

// badgeFiles are the names that a directory is searched for; of the last two,
// each line is a badge.
var (
	badgeFiles = []string{".json", ".jsonld", ".jwt", ".png", ".svg", ".pack", ".jsonl", ".ndjson"}
	lineFiles  = []string{".jsonl", ".ndjson"}
)

// isMany reports whether more than one badge is asked about.
func isMany(c *cli.Context, args []string) bool {
	if len(args) != 1 || c.Bool("lines") {
		return true
	}
	info, err := os.Stat(args[0])
	return err == nil && (info.IsDir() || slices.Contains(lineFiles, filepath.Ext(args[0])))
}

// item is one badge of many, on its way through.
type item struct {
	name   string
	raw    []byte
	err    error // when it could not be read
	report credentials.Report
	done   chan struct{}
}

// tally counts the verdicts.
type tally struct {
	Valid     int `json:"valid"`
	Invalid   int `json:"invalid"`
	Undecided int `json:"undecided"`
}

func (t *tally) count(v credentials.Verdict) {
	switch v {
	case credentials.Valid:
		t.Valid++
	case credentials.Invalid:
		t.Invalid++
	default:
		t.Undecided++
	}
}

// verdict is that of all: one that is invalid outweighs one that is undecided.
func (t tally) verdict() credentials.Verdict {
	switch {
	case t.Invalid > 0:
		return credentials.Invalid
	case t.Undecided > 0:
		return credentials.Undecided
	}
	return credentials.Valid
}

// verifyMany judges on all cores and prints a line for each badge, in the
// order in which they came.
func verifyMany(c *cli.Context, args []string, o credentials.ReportOptions) error {
	return withVerifier(c, func(ctx context.Context, v verifier) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		workers := runtime.GOMAXPROCS(0)
		todo := make(chan *item, 16*workers)
		ordered := make(chan *item, 32*workers) // bounds what is held
		for range workers {
			go func() {
				for it := range todo {
					v.judge(ctx, c, it, o)
					close(it.done)
				}
			}()
		}
		read := make(chan error, 1)
		go func() {
			defer close(ordered)
			defer close(todo)
			read <- v.eachBadge(ctx, c, args, func(it *item) error {
				it.done = make(chan struct{})
				select {
				case ordered <- it:
				case <-ctx.Done():
					return ctx.Err()
				}
				todo <- it
				return nil
			})
		}()
		begin := time.Now()
		total, err := printEach(c, ordered)
		if err = errors.Join(err, <-read); err != nil {
			return err
		}
		if total == (tally{}) {
			return usagef("no badges there; files named %s are looked at", strings.Join(badgeFiles, ", "))
		}
		fmt.Fprintf(os.Stderr, "%d valid, %d invalid, %d undecided in %s\n", total.Valid, total.Invalid, total.Undecided, time.Since(begin).Round(time.Millisecond))
		return byVerdict(string(total.verdict()))
	})
}

func (v verifier) judge(ctx context.Context, c *cli.Context, it *item, o credentials.ReportOptions) {
	if it.err == nil {
		it.report, it.err = v.report(ctx, c, it.raw, o)
	}
	if it.err != nil { // nothing is known of what could not be read; an altered pack is a no
		r := credentials.Check{Name: credentials.CheckShape, Answer: credentials.Unknown, Code: credentials.CodeNotReached, Message: it.err.Error()}
		it.report = credentials.Report{Verdict: credentials.Undecided, At: now()().UTC()}
		if codeOf(it.err) == exitNo {
			it.report.Verdict, r.Answer, r.Code = credentials.Invalid, credentials.No, credentials.CodeMalformed
		}
		it.report.Checks = []credentials.Check{r}
	}
	it.raw = nil
}

func printEach(c *cli.Context, ordered <-chan *item) (total tally, err error) {
	out := bufio.NewWriterSize(c.App.Writer, 64<<10)
	bar := progress(-1, "verified")
	n := 0
	for it := range ordered {
		<-it.done
		total.count(it.report.Verdict)
		n++
		if err == nil {
			err = printLine(out, c.Bool("json"), it)
		}
		if n%100 == 0 {
			bar(n)
		}
	}
	return total, errors.Join(err, out.Flush())
}

func printLine(w io.Writer, asJSON bool, it *item) error {
	if asJSON {
		raw, err := jsondoc.Marshal(struct {
			Input  string             `json:"input"`
			Report credentials.Report `json:"report"`
		}{it.name, it.report})
		if err == nil {
			_, err = w.Write(append(raw, '\n'))
		}
		return err
	}
	var err error
	switch {
	case it.report.Verdict == credentials.Valid && it.report.SelfAsserted:
		_, err = fmt.Fprintf(w, "%-9s  %s: self-asserted\n", it.report.Verdict, it.name)
	case it.report.Verdict == credentials.Valid:
		_, err = fmt.Fprintf(w, "%-9s  %s\n", it.report.Verdict, it.name)
	default:
		_, err = fmt.Fprintf(w, "%-9s  %s: %s: %s\n", it.report.Verdict, it.name, it.report.Code(), it.report.Why())
	}
	return err
}

// eachBadge reads what was named, one badge at a time.
func (v verifier) eachBadge(ctx context.Context, c *cli.Context, args []string, yield func(*item) error) error {
	for _, name := range args {
		info, err := os.Stat(name)
		switch {
		case c.Bool("lines") || err == nil && !info.IsDir() && slices.Contains(lineFiles, filepath.Ext(name)):
			err = eachLine(name, yield)
		case err == nil && info.IsDir():
			err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
				switch {
				case err != nil:
					return yield(&item{name: path, err: err})
				case !d.Type().IsRegular() || !slices.Contains(badgeFiles, filepath.Ext(path)):
					return nil
				case slices.Contains(lineFiles, filepath.Ext(path)):
					return eachLine(path, yield)
				}
				raw, err := readInput(path, maxInput)
				return yield(&item{name: path, raw: raw, err: err})
			})
		default:
			raw, readErr := v.read(ctx, name)
			err = yield(&item{name: name, raw: raw, err: readErr})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxLine bounds one badge of a stream.
const maxLine = 4 << 20

// eachLine reads a file in which each line is a badge; empty lines are passed
// over.
func eachLine(name string, yield func(*item) error) error {
	var r io.Reader = os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return yield(&item{name: name, err: err})
		}
		defer f.Close()
		r = f
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	for sc.Scan() {
		n++
		line := bytes.TrimSpace(sc.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := yield(&item{name: fmt.Sprintf("%s:%d", name, n), raw: fromLine(line)}); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return yield(&item{name: fmt.Sprintf("%s:%d", name, n+1), err: fmt.Errorf("reading a line of at most %d MiB: %w", maxLine>>20, err)})
	}
	return nil
}

// fromLine returns the badge of a line: JSON, or a JWT as it is or as a JSON
// text.
func fromLine(line []byte) []byte {
	if line[0] == '"' {
		var jwt string
		if json.Unmarshal(line, &jwt) == nil {
			return []byte(jwt)
		}
	}
	return bytes.Clone(line)
}
