package powertest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What tells a process that it is to be watched: where to hand its listener to,
// and which program it then becomes.
const (
	doorEnv    = "POWERTEST_DOOR"
	programEnv = "POWERTEST_PROGRAM"
	trialDoor  = "trial" // only try whether watching is possible
)

// A test binary that is started with the environment of [Watch] never comes to
// its tests: it turns into the program, under a filter of system calls.
func init() {
	door, watched := os.LookupEnv(doorEnv)
	if !watched {
		return
	}
	if err := become(door, os.Getenv(programEnv)); err != nil {
		fmt.Fprintln(os.Stderr, "powertest:", err)
		os.Exit(3)
	}
	os.Exit(0)
}

func become(door, program string) error {
	runtime.LockOSThread() // the filter is this thread's, and so the program's
	listener, err := filter()
	if err != nil || door == trialDoor {
		return err
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: door})
	if err != nil {
		return err
	}
	if _, _, err := conn.WriteMsgUnix([]byte{0}, unix.UnixRights(listener), nil); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return fmt.Errorf("the test does not answer: %w", err)
	}
	if err := errors.Join(os.Unsetenv(doorEnv), os.Unsetenv(programEnv)); err != nil {
		return err
	}
	return syscall.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ())
}

var watchedCalls = map[int32]Call{unix.SYS_FSYNC: Fsync, unix.SYS_FDATASYNC: Fdatasync, unix.SYS_MSYNC: Msync}

// filter makes the watched calls, and openat with O_DSYNC, wait for whoever
// holds the listener that it returns. No_new_privs makes it free to everybody.
func filter() (listener int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("setting no_new_privs: %w", err)
	}
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		has    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret    = unix.BPF_RET | unix.BPF_K
		number = 0        // where struct seccomp_data has the number of the call
		third  = 16 + 2*8 // and its third argument, the lower half
	)
	code := []unix.SockFilter{{Code: load, K: number}}
	for nr := range watchedCalls {
		code = append(code, unix.SockFilter{Code: equal, K: uint32(nr), Jf: 1}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	code = append(code,
		unix.SockFilter{Code: equal, K: unix.SYS_OPENAT, Jf: 3},
		unix.SockFilter{Code: load, K: third},
		unix.SockFilter{Code: has, K: unix.O_DSYNC, Jf: 1},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	if e != 0 {
		return 0, fmt.Errorf("setting a seccomp filter with a listener: %w", e)
	}
	return int(fd), nil
}
