package powertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// Disk is a file system of the test's own.
type Disk struct {
	// Dir is where it is mounted.
	Dir  string
	t    *testing.T
	args []string
}

// Ext4 makes a disk of 2 GiB on a loop device, or skips: that takes root.
func Ext4(t *testing.T) *Disk {
	t.Helper()
	img := filepath.Join(t.TempDir(), "img")
	if err := os.WriteFile(img, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(img, 2<<30); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", img).CombinedOutput(); err != nil {
		t.Skipf("this test needs mkfs.ext4: %v %s", err, out)
	}
	return Mount(t, "-o", "loop", img)
}

// Mount mounts what args tell mount for the time of the test, or skips.
func Mount(t *testing.T, args ...string) *Disk {
	t.Helper()
	d := &Disk{t.TempDir(), t, args}
	d.mount()
	t.Cleanup(d.unmount)
	return d
}

func (d *Disk) mount() {
	d.t.Helper()
	if out, err := exec.Command("mount", append(d.args, d.Dir)...).CombinedOutput(); err != nil {
		d.t.Skipf("this test mounts a file system of its own, which takes root and loop devices: %v %s", err, out)
	}
}

func (d *Disk) unmount() {
	d.t.Helper()
	if out, err := exec.Command("umount", d.Dir).CombinedOutput(); err != nil {
		d.t.Errorf("umount: %v %s", err, out)
	}
}

// Restart unmounts and mounts again; no process may have a file open.
func (d *Disk) Restart() {
	d.t.Helper()
	d.unmount()
	d.mount()
}

// CutPower ends the file system without writing anything more, not even its
// journal: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
func (d *Disk) CutPower() {
	d.t.Helper()
	f, err := os.Open(d.Dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	flag := uint32(2)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flag))); e != 0 {
		d.t.Fatalf("cutting the power: %v", e)
	}
}

// Halt stops a process and returns when none of its threads will run a line of
// its own again: what it has said is said, and it hears no error.
func Halt(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Errorf("stopping the process: %v", err)
	}
	// The kernel gives the signal to one thread. Is that one waiting for the
	// disk, then the others run on until it is back; once one has stopped, each
	// other stops before it leaves the kernel.
	tasks := filepath.Join("/proc", strconv.Itoa(p.Pid), "task", "*", "stat")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stats, _ := filepath.Glob(tasks)
		for _, name := range stats {
			stat, _ := os.ReadFile(name) // a thread may end meanwhile
			if i := bytes.LastIndexByte(stat, ')'); i > 0 && bytes.HasPrefix(stat[i:], []byte(") T")) {
				return
			}
		}
	}
	t.Errorf("process %d does not stop", p.Pid)
}
