package store_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// mounted makes a file system of its own, or skips: that takes root.
func mounted(t *testing.T, args ...string) (mnt string, again func()) {
	t.Helper()
	mnt = t.TempDir()
	mount := func() {
		if out, err := exec.Command("mount", append(args, mnt)...).CombinedOutput(); err != nil {
			t.Skipf("this test mounts a file system of its own, which takes root and loop devices: %v %s", err, out)
		}
	}
	unmount := func() {
		if out, err := exec.Command("umount", mnt).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	}
	mount()
	t.Cleanup(unmount)
	return mnt, func() { unmount(); mount() }
}

// cutPower ends a file system without writing anything more, not even its
// journal: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
func cutPower(mnt string) error {
	f, err := os.Open(mnt)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(2)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flag))); e != 0 {
		return e
	}
	return nil
}

func TestAPowerCutLosesNothingAcknowledged(t *testing.T) {
	powerCuts(t, 20, 400*time.Millisecond)
}

// The power goes while memory tables are flushed, logs change and garbage is
// collected.
func TestAPowerCutUnderLoadLosesNothingAcknowledged(t *testing.T) {
	t.Setenv("STORE_LOAD", "yes")
	powerCuts(t, 12, 2*time.Second)
}

// powerCuts lets a child write for up to longest a round.
func powerCuts(t *testing.T, rounds int, longest time.Duration) {
	t.Helper()
	if testing.Short() {
		rounds = 3
	}
	mnt, again := mounted(t, "-o", "loop", diskImage(t))
	dir := filepath.Join(mnt, "store")
	var acked []int
	for range rounds {
		acked = append(acked, stopAfter(t, dir, nextAfter(acked), rand.N(longest), func(p *os.Process) {
			p.Signal(syscall.SIGSTOP) // what was said is said; nothing more is
			time.Sleep(5 * time.Millisecond)
			if err := cutPower(mnt); err != nil {
				t.Error("cutting the power:", err)
			}
			p.Kill()
		})...)
		again()
		allThere(t, dir, acked)
	}
	t.Logf("%d power cuts, %d acknowledged transactions, 0 lost", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d transactions in %d rounds: the children hardly wrote", len(acked), rounds)
	}
}

func diskImage(t *testing.T) string {
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
	return img
}
