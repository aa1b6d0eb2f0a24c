package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node"
)

// finding is one line of the doctor's report; an empty fix means all is well.
type finding struct {
	What  string `json:"what"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "check a data directory, its keys, the clock and the node's address, and say what to do",
		Description: example("Looks at a node's or wallet's directory. Exit 1 when something is wrong.", "trustme doctor --dir ~/.trustme/node"),
		Flags:       []cli.Flag{dirFlag("node"), passphraseFileFlag, jsonFlag, loopbackFlag},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			fs := examine(c)
			if c.Bool("json") {
				if err := printJSON(c, fs); err != nil {
					return err
				}
			}
			bad := false
			for _, f := range fs {
				mark := "ok "
				if !f.OK {
					mark, bad = "NO ", true
				}
				if !c.Bool("json") {
					say(c, "%s %-12s %s", mark, f.What, f.Found)
					if f.Fix != "" {
						say(c, "                 %s", f.Fix)
					}
				}
			}
			if bad {
				return &verdictError{exitNo}
			}
			return nil
		},
	}
}

func examine(c *cli.Context) []finding {
	dir := c.String("dir")
	fs := []finding{directory(dir), space(dir), clock(dir)}
	if !seal.Exists(dir) {
		return append(fs, finding{"keys", false, "no sealed secret in " + dir, "make a node with trustme node init, or a wallet with trustme wallet init"})
	}
	p, err := passphrase(c, dir)
	if err == nil {
		var s seal.Secret
		if s, err = seal.Open(dir, p); err == nil {
			fs = append(fs, finding{What: "keys", OK: true, Found: "the secret opens"}, opens(dir, s))
		}
	}
	if err != nil {
		fs = append(fs, finding{"keys", false, err.Error(), "give the right passphrase, or restore the directory from a backup"})
	}
	if _, err := os.Stat(filepath.Join(dir, node.SettingsFile)); err == nil {
		fs = append(fs, reach(c, dir)...)
	}
	return fs
}

func directory(dir string) finding {
	st, err := os.Stat(dir)
	switch {
	case err != nil:
		return finding{"directory", false, err.Error(), "name the directory with --dir"}
	case st.Mode().Perm()&0o077 != 0:
		return finding{"directory", false, fmt.Sprintf("%s can be read by others (%v)", dir, st.Mode().Perm()), "chmod 700 " + dir}
	}
	return finding{What: "directory", OK: true, Found: dir}
}

func space(dir string) finding {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return finding{"free space", false, err.Error(), "name the directory with --dir"}
	}
	free := int64(st.Bavail) * st.Bsize >> 20
	if free < 256 {
		return finding{"free space", false, fmt.Sprintf("%d MiB", free), "make room: below the reserve nothing is written"}
	}
	return finding{What: "free space", OK: true, Found: fmt.Sprintf("%d MiB", free)}
}

// clock looks for a clock that ran ahead: files from the future.
func clock(dir string) finding {
	t := time.Now()
	if t.Year() < 2025 {
		return finding{"clock", false, t.Format(time.RFC3339), "set the clock: badges and proofs carry dates"}
	}
	if st, err := os.Stat(dir); err == nil && st.ModTime().After(t.Add(time.Minute)) {
		return finding{"clock", false, fmt.Sprintf("it is %s, and the directory was changed on %s", t.Format(time.RFC3339), st.ModTime().Format(time.RFC3339)), "set the clock"}
	}
	return finding{What: "clock", OK: true, Found: t.UTC().Format(time.RFC3339)}
}

func opens(dir string, s seal.Secret) finding {
	db, err := store.Open(filepath.Join(dir, "store"), store.Options{Key: s.Derive("store")})
	if errors.Is(err, store.ErrLocked) {
		return finding{What: "store", OK: true, Found: "in use by a running process"}
	}
	if err != nil {
		return finding{"store", false, err.Error(), "restore the directory from a backup"}
	}
	st, err := db.Stats()
	if err = errors.Join(err, db.Close()); err != nil {
		return finding{"store", false, err.Error(), "run trustme node fsck"}
	}
	return finding{What: "store", OK: true, Found: fmt.Sprintf("opens; %d facts in the journal, %d MiB", st.Journal, st.Bytes>>20)}
}

// reach asks the node's public address for its own document.
func reach(c *cli.Context, dir string) []finding {
	s, err := node.Effective(dir, node.Settings{Loopback: loopback(c)})
	if err != nil {
		return []finding{{"settings", false, err.Error(), "correct " + filepath.Join(dir, node.SettingsFile)}}
	}
	ok := finding{What: "settings", OK: true, Found: s.Base}
	ctx, cancel := context.WithTimeout(c.Context, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base+"/health", nil)
	if err != nil {
		return []finding{ok, {"address", false, err.Error(), "correct base"}}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return []finding{ok, {"address", false, s.Base + " does not answer: " + err.Error(), "start the node (trustme node serve), and check the web server in front of it"}}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return []finding{ok, {"address", false, fmt.Sprintf("%s/health answers %s", s.Base, resp.Status), "read the node's log; is this the node's address?"}}
	}
	return []finding{ok, {What: "address", OK: true, Found: s.Base + " answers"}}
}
