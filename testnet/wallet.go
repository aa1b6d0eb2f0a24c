package testnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Wallet is a learner's directory; each verb is a process of its own.
type Wallet struct {
	net   *Net
	Name  string
	Dir   string
	DID   string
	watch *watch
}

type watch struct {
	cmd  *exec.Cmd
	line chan string
	done chan struct{}
}

func (n *Net) addWallet(ctx context.Context, name string) error {
	w := &Wallet{net: n, Name: name, Dir: filepath.Join(n.cfg.Dir, name)}
	args := []string{"wallet", "init", "--unattended", "--dir", w.Dir}
	r := n.Run(ctx, args...)
	if err := r.want(0, args); err != nil {
		return err
	}
	w.DID = strings.TrimSpace(r.Out)
	n.wallets[name] = w
	return nil
}

// Run runs a verb of the wallet, such as "list", in its directory.
func (w *Wallet) Run(ctx context.Context, verb string, args ...string) Result {
	return w.net.Run(ctx, append([]string{"wallet", verb, "--dir", w.Dir}, args...)...)
}

// Must runs a verb that has to exit with 0, and decodes its JSON into v unless
// that is nil.
func (w *Wallet) Must(ctx context.Context, v any, verb string, args ...string) error {
	return must(ctx, w.net, v, "wallet", verb, w.Dir, args)
}

// Watch starts `wallet watch` and returns when it watches.
func (w *Wallet) Watch(ctx context.Context) error {
	cmd := w.net.command(context.WithoutCancel(ctx), "wallet", "watch", "--dir", w.Dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.watch = &watch{cmd: cmd, line: make(chan string, 1024), done: make(chan struct{})}
	go func(x *watch) {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			x.line <- sc.Text()
		}
		_ = cmd.Wait() // it is told to end; how it did is of no interest
		close(x.done)
	}(w.watch)
	return w.Sees(ctx, "watching")
}

// Sees waits until the watching wallet prints a line.
func (w *Wallet) Sees(ctx context.Context, want string) error {
	limit := time.After(15 * time.Second)
	var seen []string
	for {
		select {
		case l := <-w.watch.line:
			if l == want {
				return nil
			}
			seen = append(seen, l)
		case <-w.watch.done:
			return fmt.Errorf("%s stopped watching before it saw %q; it saw %q", w.Name, want, seen)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("%s waited in vain for %q; it saw %q", w.Name, want, seen)
		}
	}
}

// WatchRSS returns the resident memory of the watching wallet, in bytes.
func (w *Wallet) WatchRSS() (int64, error) {
	if w.watch == nil {
		return 0, errors.New("not watching")
	}
	return memory(w.watch.cmd, "VmRSS:")
}

// Unwatch ends the watching wallet: by a signal, as with Ctrl-C, or by a crash.
func (w *Wallet) Unwatch(sig syscall.Signal) error {
	if w.watch == nil {
		return nil
	}
	x := w.watch
	w.watch = nil
	if err := x.cmd.Process.Signal(sig); err != nil {
		return err
	}
	select {
	case <-x.done:
		return nil
	case <-time.After(15 * time.Second):
		return errors.Join(fmt.Errorf("wallet %s does not stop", w.Name), x.cmd.Process.Kill())
	}
}
