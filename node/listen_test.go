package node_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/node"
)

func TestAnAddressThatCannotServeIsRefusedForWhatItIs(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const base = "https://alder.example"
	tests := []struct {
		name string
		set  node.Settings
		err  error
		fix  string
	}{
		{"taken", node.Settings{Listen: taken.Addr().String()}, node.ErrPortInUse, "stop the other program or choose another address with --listen"},
		{"another machine's", node.Settings{Listen: "192.0.2.1:8480", Base: base}, node.ErrConfig, "no address of this machine"}, // RFC 5737
		{"above the ports", node.Settings{Listen: "127.0.0.1:65536"}, node.ErrConfig, "choose one from 1 to 65535"},
		{"below the ports", node.Settings{Listen: "127.0.0.1:-1"}, node.ErrConfig, "choose one from 1 to 65535"},
		{"a name for a port", node.Settings{Listen: "127.0.0.1:http"}, node.ErrConfig, "choose one from 1 to 65535"},
		{"no port", node.Settings{Listen: "127.0.0.1:", Base: base}, node.ErrConfig, "choose one from 1 to 65535"},
		{"any port, which the base would name", node.Settings{Listen: "127.0.0.1:0"}, node.ErrConfig, "choose one from 1 to 65535"},
		{"a socket whose path is too long", node.Settings{Admin: "/" + strings.Repeat("a", 107)}, node.ErrConfig, "at most 107; choose a shorter one with --admin"},
	}
	for _, tt := range tests {
		l, err := node.Listen(t.TempDir(), tt.set)
		if err == nil {
			l.Close()
		}
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.fix) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fix)
		}
		if inUse := errors.Is(err, node.ErrPortInUse); inUse != (tt.name == "taken") {
			t.Errorf("%s is called in use: %v", tt.name, inUse)
		}
	}
	if l, err := node.Listen(t.TempDir(), node.Settings{Listen: "127.0.0.1:0", Base: base}); err != nil {
		t.Errorf("any port, behind a base: %v", err)
	} else if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// What stands at the path of the administration socket stays, unless it is a
// socket that nobody answers.
func TestTheAdministrationSocketReplacesNothingButALeftSocket(t *testing.T) {
	somebodys := func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte("a thesis"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		err  error // nil: it serves
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"a left socket", func(t *testing.T, path string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"a socket that answers", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, node.ErrPortInUse},
		{"a file", somebodys, node.ErrConfig},
		{"an empty folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, node.ErrConfig},
		{"a link to a file", func(t *testing.T, path string) {
			somebodys(t, path+".thesis")
			if err := os.Symlink(path+".thesis", path); err != nil {
				t.Fatal(err)
			}
		}, node.ErrConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "n") // short enough for a socket
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "a.sock")
			tt.make(t, path)
			before, _ := os.Lstat(path)
			set := node.Settings{Admin: path, Listen: "127.0.0.1:0", Base: "https://alder.example", Reserve: 1}
			if err := node.Init(node.InitRequest{Dir: filepath.Join(dir, "n"), Settings: set, Seal: seal.Options{}}); err != nil {
				t.Fatal(err)
			}
			l, err := node.Listen(filepath.Join(dir, "n"), node.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			if tt.err == nil {
				serveAgain(t, l, node.Config{Dir: filepath.Join(dir, "n")})
				if st, err := os.Lstat(path); err != nil || st.Mode() != os.ModeSocket|0o600 {
					t.Errorf("%v, %v", st, err)
				}
				return
			}
			n, err := node.Open(t.Context(), node.Config{Dir: filepath.Join(dir, "n")})
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			err = n.Serve(t.Context(), l, nil)
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another path with --admin") {
				t.Errorf("%v", err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("what stood there is gone: %v", err)
			}
		})
	}
}
