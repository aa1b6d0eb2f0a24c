package node

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket here, in bytes: 107 on
// Linux (sun_path without its ending NUL, unix(7)).
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Listen takes hold of the public address that a node in dir would serve on,
// for [Node.Serve]. It comes before anything is made: a first start that fails
// for its address leaves no directory and no identity that names it. The error
// wraps [ErrPortInUse] or [ErrConfig].
func Listen(dir string, over Settings) (net.Listener, error) {
	set, err := Effective(dir, over)
	if err != nil {
		return nil, err
	}
	if len(set.Admin) > maxSocketPath {
		return nil, fmt.Errorf("%w: admin: the path %s has %d bytes, and a socket's has at most %d; choose a shorter one with --admin", ErrConfig, set.Admin, len(set.Admin), maxSocketPath)
	}
	l, err := net.Listen("tcp", set.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s; stop the other program or choose another address with --listen", ErrPortInUse, set.Listen)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: listen: no permission to serve on %s; choose a port from 1024 on with --listen", ErrConfig, set.Listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%w: listen: %s is no address of this machine; choose one with --listen, such as 127.0.0.1:8480", ErrConfig, set.Listen)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", set.Listen, err)
	}
	return l, nil
}

// listenAdmin opens the socket for the operator. A socket that nobody answers
// is left from a crash and is replaced; anything else at its path is somebody's
// and stays.
func (n *Node) listenAdmin() (net.Listener, error) {
	path := n.set.Admin
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("opening the administration socket: %w", err)
	case st.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%w: admin: %s is there already and is no socket; move it away or choose another path with --admin", ErrConfig, path)
	default:
		if c, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("%w: the administration socket %s; stop the other program or choose another path with --admin", ErrPortInUse, path), c.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("opening the administration socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the administration socket: %w", err)
	}
	return l, os.Chmod(path, 0o600)
}
