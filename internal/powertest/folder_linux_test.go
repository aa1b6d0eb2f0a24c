package powertest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/trust-me/trustme/internal/powertest"
)

// The test binary is its own child: it writes, waits for the cut, and tells
// whether syncing fails then.
func TestMain(m *testing.M) {
	dir, child := os.LookupEnv("POWERTEST_WRITE")
	if !child {
		os.Exit(m.Run())
	}
	if err := errors.Join(os.Chdir(dir), write()); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println("written")
	bufio.NewScanner(os.Stdin).Scan()
	fmt.Println(fsync("old"))
}

func write() error {
	return errors.Join(
		put("old", "lost"), // in place of what was there at the start
		os.Mkdir("folder", 0o700), put("folder/fsync", "synced"), fsync("folder/fsync"), add("folder/fsync", ", lost"),
		put("fdatasync", "synced"), fdatasync("fdatasync"), add("fdatasync", ", lost"),
		mapped("msync", unix.MS_SYNC), mapped("async", unix.MS_ASYNC),
		put("shrunk", "synced"), fsync("shrunk"), os.Truncate("shrunk", 0),
		put("replaced", "lost"), fsync("replaced"), put("new", "synced"), fsync("new"), os.Rename("new", "replaced"),
		put("steady", "before"), fsync("steady"),
		put("never", "lost"), direct("direct", "at "), os.Remove("removed"), put("last", "synced"),
		fsync("last"), // takes all names there are
		put("late", "lost"), direct("nameless", "lost"), direct("direct", "once"),
		os.Rename("moving", "moved"), os.Remove("going"),
		put("steady", "synced"), fdatasync("steady"), // as long as before: takes no names
	)
}

// atStart lies there before the first process.
var atStart = []string{"old", "removed", "moving", "going"}

// synced is what a cut leaves.
func synced() map[string]string {
	page := os.Getpagesize()
	return map[string]string{
		"old": "at start", "moving": "at start", "going": "at start",
		"folder/fsync": "synced", "fdatasync": "synced", "shrunk": "synced", "replaced": "synced", "steady": "synced", "last": "synced",
		"msync": strings.Repeat("a", page) + strings.Repeat("\x00", 2*page), "async": "", "never": "", "direct": "at once",
	}
}

func put(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

func file(path string, flag int, do func(*os.File) error) error {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}

func add(path, text string) error {
	return file(path, os.O_WRONLY|os.O_APPEND, func(f *os.File) error { _, err := f.WriteString(text); return err })
}

func direct(path, text string) error {
	return file(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|unix.O_DSYNC, func(f *os.File) error { _, err := f.WriteString(text); return err })
}

func fsync(path string) error { return file(path, os.O_RDONLY, (*os.File).Sync) }

func fdatasync(path string) error {
	return file(path, os.O_RDONLY, func(f *os.File) error { return unix.Fdatasync(int(f.Fd())) })
}

// mapped writes to the first and the last of three pages and syncs the first.
func mapped(path string, how int) error {
	page := os.Getpagesize()
	return file(path, os.O_CREATE|os.O_RDWR, func(f *os.File) error {
		if err := f.Truncate(int64(3 * page)); err != nil {
			return err
		}
		mem, err := unix.Mmap(int(f.Fd()), 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		for i := range page {
			mem[i], mem[2*page+i] = 'a', 'a'
		}
		return errors.Join(unix.Msync(mem[:page], how), unix.Munmap(mem))
	})
}

// cut takes the power from a child that has written, and returns what is left.
func cut(t *testing.T, f *powertest.Folder) map[string]string {
	t.Helper()
	for _, name := range atStart {
		if err := put(filepath.Join(f.Dir, name), "at start"); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POWERTEST_WRITE="+f.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewScanner(pipe)
	if out.Scan(); out.Text() != "written" {
		t.Error(out.Text())
	}
	f.CutPower()
	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	if out.Scan(); !strings.HasSuffix(out.Text(), unix.EIO.Error()) {
		t.Errorf("syncing after the cut: %s", out.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	f.Restart()
	return tree(t, f.Dir)
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	left := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		left[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if left, found := got[path]; !found || left != text {
			t.Errorf("%s: %t, %.40q; want %.40q", path, found, left, text)
		}
	}
	if extra := maps.Clone(got); len(got) > len(want) {
		maps.DeleteFunc(extra, func(path, _ string) bool { _, wanted := want[path]; return wanted })
		t.Errorf("and there is %q", extra)
	}
}

func TestACutLeavesWhatWasSyncedAndNothingElse(t *testing.T) {
	f := powertest.Watch(t, os.Args[0])
	same(t, cut(t, f), synced())
	for path := range synced() { // and once more, in a folder that was used
		if err := os.RemoveAll(filepath.Join(f.Dir, strings.Split(path, "/")[0])); err != nil {
			t.Fatal(err)
		}
	}
	same(t, cut(t, f), synced())
}

// A call that is ignored counts for nothing, names included.
func TestADiskThatLiesLeavesLess(t *testing.T) {
	f := powertest.Watch(t, os.Args[0])
	f.Ignore(powertest.Msync)
	want := synced()
	want["msync"] = ""
	same(t, cut(t, f), want)
}

func TestWithoutACutAllStays(t *testing.T) {
	f := powertest.Watch(t, os.Args[0])
	if err := put(filepath.Join(f.Dir, "old"), "at start"); err != nil {
		t.Fatal(err)
	}
	f.Restart() // no process has run
	same(t, tree(t, f.Dir), map[string]string{"old": "at start"})
	same(t, cut(t, f), synced())
}
