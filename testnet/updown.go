package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Member is a node of a testnet that outlives the command that started it.
type Member struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	Base string `json:"base"`
	PID  int    `json:"pid"`
}

// Standing is how a member does.
type Standing struct {
	Member
	Running bool   `json:"running"`
	Health  string `json:"health"`
}

const membersFile = "testnet.json"

// Up starts the nodes of cfg and leaves them running.
func Up(ctx context.Context, cfg Config) ([]Member, error) {
	cfg.Direct = true
	n, err := Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var ms []Member
	for _, name := range cfg.Nodes {
		x := n.Node(name)
		ms = append(ms, Member{name, x.Dir, x.Base, x.cmd.Process.Pid})
	}
	return ms, writeJSON(filepath.Join(n.Dir(), membersFile), ms)
}

func members(dir string) ([]Member, error) {
	raw, err := os.ReadFile(filepath.Join(dir, membersFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %s holds no testnet; start one with: trustme testnet up --dir %s", ErrDir, dir, dir)
	}
	var ms []Member
	return ms, json.Unmarshal(raw, &ms)
}

// Status tells how the nodes of a testnet do.
func Status(ctx context.Context, dir string) ([]Standing, error) {
	ms, err := members(dir)
	if err != nil {
		return nil, err
	}
	var out []Standing
	for _, m := range ms {
		s := Standing{Member: m, Running: syscall.Kill(m.PID, 0) == nil, Health: "does not answer"}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Base+"/health", nil)
		if err != nil {
			return nil, err
		}
		if resp, err := (&http.Client{Timeout: 2 * time.Second}).Do(r); err == nil {
			s.Health = resp.Status
			resp.Body.Close()
		}
		out = append(out, s)
	}
	return out, nil
}

// Down stops the nodes of a testnet and waits for them.
func Down(dir string) error {
	ms, err := members(dir)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if err := syscall.Kill(m.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	for range 150 {
		left := 0
		for _, m := range ms {
			if syscall.Kill(m.PID, 0) == nil {
				left++
			}
		}
		if left == 0 {
			return os.Remove(filepath.Join(dir, membersFile))
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("a node does not stop")
}
