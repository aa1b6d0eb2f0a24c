package main

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trust-me/trustme/testnet"
)

// The umask of whoever starts the program decides nothing: Badger would make
// its files for everybody to read.
func TestFilesAreForTheirOwnerOnlyWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	script := `set -e; umask 0
trustme node init --unattended --dir node --name Alder
trustme node issue --dir node --to did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp basics
trustme node issue --dir node --csv rows.csv --claims links.csv
trustme node rotate --dir node
trustme node backup --dir node -o node.backup
trustme wallet init --unattended --dir wallet
trustme wallet backup --dir wallet -o wallet.backup
trustme wallet restore --dir again wallet.backup
trustme verify --dir copies --offline rows.csv || test $? = 1`
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte("badge,email\nbasics,ana@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(trustme(t).Env, "PATH="+filepath.Dir(self(t))+":"+os.Getenv("PATH"), "TRUSTME_PASSPHRASE=secret")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want && !(got == 0o400 && !e.IsDir()) {
			t.Errorf("%s has mode %v, not %v", strings.TrimPrefix(path, dir), got, want)
		}
		files++
		return nil
	})
	if err != nil || files < 40 {
		t.Errorf("%d files and folders, %v", files, err)
	}
}

// ends starts a command that runs until it is told to end, waits until it
// prints a line that begins with ready, and returns its exit code for a signal.
func ends(t *testing.T, sig syscall.Signal, ready string, args ...string) (code int, took time.Duration) {
	t.Helper()
	cmd := trustme(t, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // when the test failed half-way
	lines := make(chan string, 100)
	for _, r := range []io.Reader{out, errs} {
		go func() {
			for sc := bufio.NewScanner(r); sc.Scan(); {
				lines <- sc.Text()
			}
		}()
	}
	for limit := time.After(15 * time.Second); ; {
		select {
		case l := <-lines:
			if !strings.HasPrefix(l, ready) {
				continue
			}
		case <-limit:
			t.Fatalf("trustme %s does not say %q", strings.Join(args, " "), ready)
		}
		break
	}
	begin := time.Now()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), time.Since(begin)
}

func TestASignalEndsWhatRunsAsAskedWithExitCode0(t *testing.T) {
	n, err := testnet.Start(t.Context(), testnet.Config{Dir: filepath.Join(t.TempDir(), "net"), Binary: self(t), Nodes: []string{"alder"}, Wallets: []string{"ana"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	alder, ana := n.Node("alder"), n.Wallet("ana")
	link := strings.TrimSpace(alder.Run(t.Context(), "invite").Out)
	if r := ana.Run(t.Context(), "connect", link); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if code, took := ends(t, sig, "watching", "wallet", "watch", "--dir", ana.Dir); code != 0 || took > 5*time.Second {
			t.Errorf("wallet watch on %v: exit %d after %v", sig, code, took)
		}
		if r := ana.Run(t.Context(), "list"); r.Code != 0 { // the directory is free again
			t.Errorf("%+v", r)
		}
	}
	if err := ana.Watch(t.Context()); err != nil { // somebody is connected while the node ends
		t.Fatal(err)
	}
	if err := alder.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if code, took := ends(t, sig, "Alder serves ", "node", "serve", "--dir", alder.Dir); code != 0 || took > 5*time.Second {
			t.Errorf("node serve on %v: exit %d after %v", sig, code, took)
		}
		if r := alder.Run(t.Context(), "fsck"); r.Code != 0 {
			t.Errorf("%+v", r)
		}
	}
}
