package powertest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// opened is struct seccomp_notif_addfd: a file that is put into the process,
// whose call returns its number.
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
	return ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a))
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
	o := opened{id: n.id, flags: unix.SECCOMP_ADDFD_FLAG_SEND, fd: uint32(fd), asFlag: uint32(n.args[2]) & unix.O_CLOEXEC}
	if nr, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_ADDFD, uintptr(unsafe.Pointer(&o))); e != 0 {
		return fmt.Errorf("handing over a file (%d): %w", nr, e)
	}
	return nil
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

func (f *Folder) keep(call Call, n *notice) error {
	journal := call == Fsync
	var err error
	if call == Msync {
		if n.args[2]&unix.MS_SYNC == 0 {
			return nil
		}
		journal, err = f.keepMapped(n.pid, n.args[0], n.args[0]+n.args[1])
	} else {
		var file *os.File
		if file, err = os.Open(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[0]))); err != nil {
			return err
		}
		var changed bool
		changed, err = f.commit(file, whole)
		journal = journal || changed
	}
	if err != nil || !journal {
		return err
	}
	return f.commitNames()
}

// keepMapped keeps what of files is mapped between two addresses.
func (f *Folder) keepMapped(pid uint32, from, to uint64) (journal bool, err error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return false, err
	}
	defer maps.Close()
	sc := bufio.NewScanner(maps)
	for sc.Scan() {
		var start, end, offset uint64
		var mode, device string
		var inode uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x %s %x %s %d", &start, &end, &mode, &offset, &device, &inode); err != nil {
			return false, fmt.Errorf("reading %s: %w", maps.Name(), err)
		}
		if end <= from || to <= start || inode == 0 || !strings.HasSuffix(mode, "s") {
			continue
		}
		path := sc.Text()[strings.IndexByte(sc.Text(), '/'):]
		if strings.HasSuffix(path, " (deleted)") { // no cut leaves it
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			return false, err
		}
		changed, err := f.commit(file, span{int64(offset + max(from, start) - start), int64(offset + min(to, end) - start)})
		if err != nil {
			return false, err
		}
		journal = journal || changed
	}
	return journal, sc.Err()
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
		err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINTR) { // the thread ended meanwhile
			return err
		}
	}
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); e != 0 {
		return e
	}
	return nil
}
