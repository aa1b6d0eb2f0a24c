package powertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notice is struct seccomp_notif: a call that waits.
type notice struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	at         uint64
	args       [6]uint64
}

// answer is struct seccomp_notif_resp.
type answer struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// opened is struct seccomp_notif_addfd: a file that is put into the process.
type opened struct {
	id         uint64
	flags, fd  uint32
	as, asFlag uint32
}

// serve answers the calls of a process until it has ended.
func (f *Folder) serve(listener int) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		if err := unix.Close(listener); err != nil {
			f.t.Error(err)
		}
	}()
	for {
		var n notice
		err := receive(listener, &n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.t.Error("watching a process:", err)
			return
		}
		if err := f.answer(listener, &n); err != nil {
			// Who cannot be answered has ended, or calls again after a signal.
			if reply(listener, answer{id: n.id, err: -int32(unix.EIO)}) == nil {
				f.t.Errorf("watching %s: %v", watchedCalls[n.nr], err)
			}
		}
	}
}

func reply(listener int, a answer) error {
	_, err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a))
	return err
}

// answer keeps what a call makes durable before it lets it through.
func (f *Folder) answer(listener int, n *notice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch call := watchedCalls[n.nr]; {
	case f.cut:
		return reply(listener, answer{id: n.id, err: -int32(unix.EIO)})
	case n.nr == unix.SYS_OPENAT:
		return f.open(listener, n)
	case f.ignored[call]:
		return reply(listener, answer{id: n.id})
	default:
		if err := f.keep(call, n); err != nil {
			return err
		}
		return reply(listener, answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
	}
}

// open opens a file with O_DSYNC in place of the process: what is written to it
// is durable from then on.
func (f *Folder) open(listener int, n *notice) error {
	path, err := pathOf(n)
	if err != nil {
		return err
	}
	fd, err := unix.Open(path, int(n.args[2])|unix.O_CLOEXEC, uint32(n.args[3]))
	if e, is := errors.AsType[unix.Errno](err); is {
		return reply(listener, answer{id: n.id, err: -int32(e)})
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	again, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)) // to read, and without O_TRUNC
	if err != nil {
		return err
	}
	c, _, err := f.content(again)
	if err != nil {
		return err
	}
	c.through = true
	// In two steps: SECCOMP_ADDFD_FLAG_SEND does both, but where a signal comes
	// to us meanwhile, the process is told 0 and given nothing.
	o := opened{id: n.id, fd: uint32(fd), asFlag: uint32(n.args[2]) & unix.O_CLOEXEC}
	nr, err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_ADDFD, unsafe.Pointer(&o))
	if err != nil {
		return fmt.Errorf("handing over %s: %w", path, err)
	}
	return reply(listener, answer{id: n.id, value: int64(nr)})
}

// pathOf reads the path that openat is given out of the process.
func pathOf(n *notice) (string, error) {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil {
		return "", err
	}
	defer mem.Close()
	raw := make([]byte, unix.PathMax)
	got, err := mem.ReadAt(raw, int64(n.args[1])) // it may end before the next page
	raw, _, found := bytes.Cut(raw[:got], []byte{0})
	if !found {
		return "", fmt.Errorf("reading the path: %w", err)
	}
	path := string(raw)
	switch dir := int32(n.args[0]); {
	case filepath.IsAbs(path):
		return path, nil
	case dir == unix.AT_FDCWD:
		return fmt.Sprintf("/proc/%d/cwd/%s", n.pid, path), nil
	default:
		return fmt.Sprintf("/proc/%d/fd/%d/%s", n.pid, dir, path), nil
	}
}

// receive waits for the next call. The error is [io.EOF] when no process is
// left that could call.
func receive(listener int, n *notice) error {
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		switch _, err := unix.Poll(ready, -1); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case ready[0].Revents&unix.POLLIN == 0:
			return io.EOF
		}
		*n = notice{}
		_, err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
		if !errors.Is(err, unix.ENOENT) { // the thread ended meanwhile
			return err
		}
	}
}

func ioctl(fd int, request uint, arg unsafe.Pointer) (int, error) {
	for {
		switch n, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}
