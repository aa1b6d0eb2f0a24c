package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/did/keys"
	"github.com/trust-me/trustme/internal/fetch"
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
	fs := []finding{directory(dir)}
	if !fs[0].OK && fs[0].Fix == nameDir {
		return fs // there is nothing else to look at
	}
	set, isNode, bad := nodeSettings(c, dir)
	fs = append(fs, files(dir), space(dir, cmp.Or(int64(set.Reserve)<<20, store.DefaultReserve)), clock(dir, now()()))
	fs = append(fs, secret(c, dir)...)
	switch {
	case bad != nil:
		fs = append(fs, finding{"settings", false, bad.Error(), "correct " + filepath.Join(dir, node.SettingsFile)})
	case isNode:
		fs = append(fs, finding{What: "settings", OK: true, Found: set.Base}, reach(c, set))
	}
	return fs
}

const nameDir = "name the directory with --dir, or make one with trustme node init or trustme wallet init"

func directory(dir string) finding {
	st, err := os.Stat(dir)
	switch {
	case err != nil:
		return finding{"directory", false, err.Error(), nameDir}
	case !st.IsDir():
		return finding{"directory", false, dir + " is a file", nameDir}
	case st.Mode().Perm()&0o077 != 0:
		return finding{"directory", false, fmt.Sprintf("%s can be read by others (%v)", dir, st.Mode().Perm()), "chmod 700 " + dir}
	}
	return finding{What: "directory", OK: true, Found: dir}
}

// files looks at the permissions of what must be its owner's alone.
func files(dir string) finding {
	for _, name := range append(seal.Files(), "store") {
		path := filepath.Join(dir, name)
		st, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist): // secret tells
		case err != nil:
			return finding{"files", false, err.Error(), "make " + path + " readable for this user"}
		case st.Mode().Perm()&0o077 != 0:
			return finding{"files", false, fmt.Sprintf("%s can be read by others (%v)", path, st.Mode().Perm()), "chmod go= " + path}
		}
	}
	return finding{What: "files", OK: true, Found: "for their owner only"}
}

func space(dir string, reserve int64) finding {
	free, err := store.FreeSpace(dir)
	if err != nil {
		return finding{"free space", false, err.Error(), "name a directory on a disk that tells"}
	}
	if free < reserve {
		return finding{"free space", false, fmt.Sprintf("%d MiB are free and %d MiB are kept in reserve", free>>20, reserve>>20), "make room: below the reserve nothing is written"}
	}
	return finding{What: "free space", OK: true, Found: fmt.Sprintf("%d MiB, of which %d MiB are kept in reserve", free>>20, reserve>>20)}
}

// clock looks for a clock that was put back: what was written last is from the
// future then.
func clock(dir string, t time.Time) finding {
	t = t.UTC()
	if t.Year() < 2025 {
		return finding{"clock", false, t.Format(time.RFC3339), "set the clock: badges and proofs carry dates"}
	}
	for _, path := range []string{dir, filepath.Join(dir, "store", "HEAD")} {
		if st, err := os.Stat(path); err == nil && st.ModTime().After(t.Add(time.Minute)) {
			return finding{"clock", false, fmt.Sprintf("it is %s, and %s was changed on %s", t.Format(time.RFC3339), path, st.ModTime().UTC().Format(time.RFC3339)), "set the clock: badges and proofs carry dates"}
		}
	}
	return finding{What: "clock", OK: true, Found: t.Format(time.RFC3339)}
}

// secret opens the sealed secret, and the store and keys under it.
func secret(c *cli.Context, dir string) []finding {
	if !seal.Exists(dir) {
		fix := "make a node with trustme node init, or a wallet with trustme wallet init"
		if _, err := os.Stat(filepath.Join(dir, "store")); err == nil {
			fix = "nothing opens the store beside it: restore the directory from a backup"
		}
		return []finding{{"keys", false, "no sealed secret in " + dir, fix}}
	}
	p, err := passphrase(c, dir)
	if err != nil {
		return []finding{{"keys", false, err.Error(), "give the passphrase; where the directory opened without one, put its identity.txt back, or restore it from a backup"}}
	}
	s, err := seal.Open(dir, p)
	if err != nil {
		return []finding{{"keys", false, err.Error(), "give the right passphrase, or restore the directory from a backup"}}
	}
	return []finding{{What: "keys", OK: true, Found: "the secret opens"}, opens(c.Context, dir, s)}
}

func opens(ctx context.Context, dir string, s seal.Secret) finding {
	db, err := store.Open(filepath.Join(dir, "store"), store.Options{Key: s.Derive("store")})
	switch {
	case errors.Is(err, store.ErrLocked):
		return finding{What: "store", OK: true, Found: "in use by a running process"}
	case errors.Is(err, store.ErrNewerVersion):
		return finding{"store", false, err.Error(), "use the newer program"}
	case errors.Is(err, store.ErrNoSpace):
		return finding{"store", false, err.Error(), "make room"}
	case err != nil:
		return finding{"store", false, err.Error(), "restore the directory from a backup"}
	}
	_, err = keys.Open(ctx, db, s.Derive("keys"))
	st, more := db.Stats()
	if err = errors.Join(err, more, db.Close()); err != nil {
		return finding{"store", false, err.Error(), "restore the directory from a backup"}
	}
	return finding{What: "store", OK: true, Found: fmt.Sprintf("opens; %d facts in the journal, %d MiB", st.Journal, st.Bytes>>20)}
}

// nodeSettings are those of a node's directory, with which serve would start.
func nodeSettings(c *cli.Context, dir string) (set node.Settings, isNode bool, err error) {
	if _, err := os.Stat(filepath.Join(dir, node.SettingsFile)); err != nil {
		return set, false, nil
	}
	set, err = node.Effective(dir, node.Settings{Loopback: said(c, "allow-loopback")})
	return set, true, err
}

// reach asks the node's public address how it is, as a stranger would: under
// the guard against private addresses.
func reach(c *cli.Context, set node.Settings) finding {
	client := fetch.New(fetch.Config{Timeout: 5 * time.Second, MaxBytes: 64 << 10, Loopback: set.Loopback != nil && *set.Loopback})
	defer client.Close()
	_, err := client.Get(c.Context, set.Base+"/health")
	var code *fetch.StatusError
	switch {
	case errors.As(err, &code):
		return finding{"address", false, err.Error(), "read the node's log; is this the node's address?"}
	case errors.Is(err, fetch.ErrBlocked):
		return finding{"address", false, err.Error(), "choose a base that others reach; for a test on this machine say --allow-loopback"}
	case err != nil:
		return finding{"address", false, set.Base + " does not answer: " + err.Error(), "start the node (trustme node serve), and check the web server in front of it"}
	}
	return finding{What: "address", OK: true, Found: set.Base + " answers"}
}
