package testnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrDir says that a directory cannot serve: it is not empty, or no testnet.
var ErrDir = errors.New("directory refused")

// Config of a testnet.
type Config struct {
	// Dir keeps everything. It must be new or empty.
	Dir string
	// Binary is the trustme program. Default: this process's own.
	Binary string
	// Nodes, Wallets are names, such as "alder" and "ana".
	Nodes, Wallets []string
	// Catalogues are the files of a node's catalogues, by its name. Default: the
	// catalogue that ships with the program.
	Catalogues map[string][]string
	// Offset is what the net's clock differs from the machine's at first.
	Offset time.Duration
	// Direct leaves out the proxies: nodes cannot be cut, but outlive this
	// process.
	Direct bool
}

// Net is a running testnet.
type Net struct {
	cfg     Config
	Clock   ClockFile
	nodes   map[string]*Node
	wallets map[string]*Wallet
}

// Start makes the directories and starts the nodes; it returns when all of
// them answer. Stop the net when done.
func Start(ctx context.Context, cfg Config) (*Net, error) {
	if cfg.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cfg.Binary = self
	}
	abs, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = abs
	if entries, err := os.ReadDir(cfg.Dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%w: %s is not empty; name a new directory", ErrDir, cfg.Dir)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	n := &Net{cfg: cfg, Clock: ClockFile(filepath.Join(cfg.Dir, "clock")), nodes: map[string]*Node{}, wallets: map[string]*Wallet{}}
	if err := os.WriteFile(string(n.Clock), []byte(cfg.Offset.String()+"\n"), 0o600); err != nil {
		return nil, err
	}
	for _, name := range cfg.Nodes {
		if err := n.addNode(ctx, name); err != nil {
			return nil, errors.Join(err, n.Stop())
		}
	}
	for _, name := range cfg.Wallets {
		if err := n.addWallet(ctx, name); err != nil {
			return nil, errors.Join(err, n.Stop())
		}
	}
	return n, nil
}

// Node returns a partner's node by name.
func (n *Net) Node(name string) *Node { return n.nodes[name] }

// Wallet returns a learner's wallet by name.
func (n *Net) Wallet(name string) *Wallet { return n.wallets[name] }

// Dir returns the directory of the net.
func (n *Net) Dir() string { return n.cfg.Dir }

// Stop ends every process, and waits for it.
func (n *Net) Stop() error {
	var errs []error
	for _, w := range n.wallets {
		errs = append(errs, w.Unwatch(syscall.SIGTERM))
	}
	for _, x := range n.nodes {
		errs = append(errs, x.Stop())
		if x.proxy != nil {
			errs = append(errs, x.proxy.close())
		}
	}
	return errors.Join(errs...)
}

// Result of a command: what it printed and its exit code.
type Result struct {
	Out, Err string
	Code     int
	Took     time.Duration
}

// JSON decodes what was printed.
func (r Result) JSON(v any) error {
	if err := json.Unmarshal([]byte(r.Out), v); err != nil {
		return fmt.Errorf("the answer is no JSON: %w\n%s%s", err, r.Out, r.Err)
	}
	return nil
}

func (n *Net) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, n.cfg.Binary, args...)
	cmd.Env = append(os.Environ(), "TRUSTME_CLOCK="+string(n.Clock), "TRUSTME_ALLOW_LOOPBACK=true", "TRUSTME_PASSPHRASE=testnet",
		"NO_PROXY=localhost,127.0.0.1", "HTTP_PROXY=", "HTTPS_PROXY=", "http_proxy=", "https_proxy=")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Run runs one command of the program as somebody would in a terminal.
func (n *Net) Run(ctx context.Context, args ...string) Result {
	cmd := n.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	r := Result{Out: out.String(), Err: errs.String(), Took: time.Since(start)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.Code = exit.ExitCode()
	} else if err != nil {
		r.Code, r.Err = -1, err.Error()
	}
	return r
}

// ok turns an unexpected exit code into an error that shows the command.
func (r Result) want(code int, args []string) error {
	if r.Code == code {
		return nil
	}
	return fmt.Errorf("trustme %s\nexit %d instead of %d\n%s%s", strings.Join(args, " "), r.Code, code, r.Out, r.Err)
}

// Node is a partner's node process.
type Node struct {
	net         *Net
	Name        string
	Dir         string
	Base        string
	listen      string
	proxy       *proxy
	cmd         *exec.Cmd
	log         *os.File
	Ready       time.Duration // from start to first answer
	exited      chan struct{}
	displayName string
}

// freePort returns a port below those that connections going out are given,
// since a node keeps its port while it is down.
func freePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			return l.Addr().(*net.TCPAddr).Port, l.Close()
		}
	}
	return 0, errors.New("no port is free between 10000 and 30000")
}

func (n *Net) addNode(ctx context.Context, name string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	x := &Node{net: n, Name: name, Dir: filepath.Join(n.cfg.Dir, name), listen: fmt.Sprintf("127.0.0.1:%d", port), Base: fmt.Sprintf("http://localhost:%d", port), displayName: strings.ToUpper(name[:1]) + name[1:]}
	if !n.cfg.Direct {
		if x.proxy, err = newProxy(x.listen); err != nil {
			return err
		}
		x.Base = fmt.Sprintf("http://localhost:%d", x.proxy.port())
	}
	n.nodes[name] = x
	args := []string{"node", "init", "--unattended", "--dir", x.Dir, "--name", x.displayName, "--base", x.Base, "--listen", x.listen, "--status-ttl", "15m", "--status-beat", "250ms", "--reserve-mib", "32"}
	for _, f := range n.cfg.Catalogues[name] {
		args = append(args, "--catalogue", f)
	}
	if err := n.Run(ctx, args...).want(0, args); err != nil {
		return err
	}
	return x.Start(ctx)
}

// Start starts the process and waits until it answers.
func (x *Node) Start(ctx context.Context) error {
	if x.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(filepath.Join(x.net.cfg.Dir, x.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := x.net.command(context.WithoutCancel(ctx), "node", "serve", "--verbose", "--dir", x.Dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us to pass on
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	x.cmd, x.log, x.exited = cmd, log, make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(x.exited)
	}()
	if err := x.answers(ctx); err != nil {
		return err
	}
	x.Ready = time.Since(start)
	return nil
}

func (x *Node) answers(ctx context.Context) error {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 1000 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+x.listen+"/health", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(r); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-x.exited:
			log, err := os.ReadFile(x.log.Name())
			return errors.Join(fmt.Errorf("node %s ended at once:\n%s", x.Name, log), err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("node %s does not answer", x.Name)
}

// Stop ends the node as an operator does, and waits for it.
func (x *Node) Stop() error { return x.end(syscall.SIGTERM) }

// Kill ends the node as a crash does.
func (x *Node) Kill() error { return x.end(syscall.SIGKILL) }

func (x *Node) end(sig syscall.Signal) error {
	if x.cmd == nil {
		return nil
	}
	cmd := x.cmd
	x.cmd = nil
	if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-x.exited:
	case <-time.After(15 * time.Second):
		return errors.Join(fmt.Errorf("node %s does not stop", x.Name), cmd.Process.Kill())
	}
	return x.log.Close()
}

// Cut drops the node's connections and lets no new one through.
func (x *Node) Cut() { x.proxy.set(true, 0) }

// Heal ends a cut or a delay.
func (x *Node) Heal() { x.proxy.set(false, 0) }

// Delay lets every piece of data wait.
func (x *Node) Delay(d time.Duration) { x.proxy.set(false, d) }

// Run runs a verb of the node, such as "issue", in its directory.
func (x *Node) Run(ctx context.Context, verb string, args ...string) Result {
	return x.net.Run(ctx, append([]string{"node", verb, "--dir", x.Dir}, args...)...)
}

// Must runs a verb that has to exit with 0, and decodes its JSON into v unless
// that is nil.
func (x *Node) Must(ctx context.Context, v any, verb string, args ...string) error {
	return must(ctx, x.net, v, "node", verb, x.Dir, args)
}

func must(ctx context.Context, n *Net, v any, role, verb, dir string, args []string) error {
	all := []string{role, verb, "--dir", dir}
	if v != nil {
		all = append(all, "--json")
	}
	all = append(all, args...)
	r := n.Run(ctx, all...)
	if err := r.want(0, all); err != nil || v == nil {
		return err
	}
	return r.JSON(v)
}

// RSS returns the resident memory of the node's process, in bytes, the mapped
// files of its store included.
func (x *Node) RSS() (int64, error) { return memory(x.cmd, "VmRSS:") }

// Anon returns the memory that belongs to the process alone, in bytes.
func (x *Node) Anon() (int64, error) { return memory(x.cmd, "RssAnon:") }

func memory(cmd *exec.Cmd, which string) (int64, error) {
	if cmd == nil || cmd.Process == nil {
		return 0, errors.New("not running")
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, which); ok {
			var kb int64
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				return 0, err
			}
			return kb << 10, nil
		}
	}
	return 0, errors.New("the system does not tell " + which)
}
