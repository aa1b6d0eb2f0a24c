package powertest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Folder is a folder of which a power cut leaves what was synced.
//
// Each thread of a watched process that calls fsync, fdatasync or msync is held
// until the file is copied as it is then: that is the file's durable content.
// The names in the folder become durable as in ext4, whose journal is one: all
// of them by fsync, and by the others if the file is new or has another length
// than when last synced. A cut keeps the durable names with the durable content
// of each, none where the file was never synced, and drops everything else.
// What is written to a file that was opened with O_DSYNC is durable at once, its
// name is not. Most file systems keep more; POSIX alone would let them keep
// fewer names, those of folders that were synced.
//
// What lies in the folder when the first process is started is durable. Other
// ways to sync, such as syncfs, count for nothing.
type Folder struct {
	// Dir is where it is.
	Dir string

	t      *testing.T
	copies string // where durable content is kept, a file for each
	door   *net.UnixListener
	served sync.WaitGroup

	mu      sync.Mutex
	begun   bool // a process has started since the restart
	cut     bool
	ignored map[Call]bool
	running int
	watched int // processes in all
	names   map[string]name
	files   map[uint64]*content // by inode
}

// name is a durable one.
type name struct {
	inode uint64
	mode  fs.FileMode
}

// Call is a system call that makes files durable.
type Call string

// The calls that are watched.
const (
	Fsync     Call = "fsync"
	Fdatasync Call = "fdatasync"
	Msync     Call = "msync"
)

// Watch makes a folder, or skips where the system lets no process watch another.
// Watched is each process that the test starts from its own binary with its own
// environment; program is what then runs in its place, with its arguments.
func Watch(t *testing.T, program string) *Folder {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	trial := exec.Command(self)
	trial.Env = append(os.Environ(), doorEnv+"="+trialDoor)
	if out, err := trial.CombinedOutput(); err != nil {
		t.Skipf("this test watches its child by seccomp notification, which is refused here: %v %s", err, out)
	}
	door, err := net.ListenUnix("unix", &net.UnixAddr{}) // in no folder: the kernel finds a name
	if err != nil {
		t.Fatal(err)
	}
	f := &Folder{Dir: t.TempDir(), t: t, copies: t.TempDir(), door: door, ignored: map[Call]bool{}, files: map[uint64]*content{}}
	t.Setenv(doorEnv, door.Addr().String())
	t.Setenv(programEnv, program)
	f.served.Go(f.welcome)
	t.Cleanup(f.end)
	return f
}

func (f *Folder) end() {
	f.alone()
	if err := f.door.Close(); err != nil {
		f.t.Error(err)
	}
	f.served.Wait()
	f.forget()
	if f.watched == 0 {
		f.t.Error("no process was watched")
	}
}

// Ignore makes a disk of the folder that tells a lie: c succeeds and does
// nothing.
func (f *Folder) Ignore(c Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ignored[c] = true
}

// CutPower makes every later call fail and sync nothing.
func (f *Folder) CutPower() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return
	}
	f.cut = true
	for _, c := range f.files {
		if c.through {
			if _, err := c.take(whole); err != nil {
				f.t.Error(err)
			}
		}
	}
}

// Restart puts what the cut has left in place of what is in the folder. All
// watched processes must have ended.
func (f *Folder) Restart() {
	f.t.Helper()
	f.alone()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun {
		if err := f.layOut(); err != nil {
			f.t.Fatal(err)
		}
	}
	f.begun, f.cut = false, false
	f.forget()
}

// alone waits until no process is watched any more.
func (f *Folder) alone() {
	f.t.Helper()
	if err := f.knock(); err != nil {
		f.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		f.mu.Lock()
		n := f.running
		f.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d watched processes still run", n)
		}
	}
}

func (f *Folder) layOut() error {
	old, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if err := os.RemoveAll(filepath.Join(f.Dir, e.Name())); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(f.names)) { // a folder before what is in it
		n, to := f.names[path], filepath.Join(f.Dir, path)
		if n.mode.IsDir() {
			err = os.Mkdir(to, n.mode.Perm())
		} else {
			err = f.files[n.inode].restore(to, n.mode.Perm())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) forget() {
	for _, c := range f.files {
		if err := c.close(); err != nil {
			f.t.Error(err)
		}
	}
	f.names = nil
	clear(f.files)
}

// begin takes a process in. The first after a restart finds everything durable.
func (f *Folder) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running++
	f.watched++
	if f.begun {
		return nil
	}
	f.begun = true
	if err := f.commitNames(); err != nil {
		return err
	}
	for path, n := range f.names {
		if n.mode.IsDir() {
			continue
		}
		file, err := os.Open(filepath.Join(f.Dir, path))
		if err != nil {
			return err
		}
		if _, err := f.commit(file, whole); err != nil {
			return err
		}
	}
	return nil
}

// commit makes a part of a file durable, and says whether that took a commit
// of the file system's journal. It closes file, or keeps it.
func (f *Folder) commit(file *os.File, part span) (journal bool, err error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, errors.Join(err, file.Close())
	}
	c, fresh, err := f.content(file)
	if err != nil {
		return false, err
	}
	resized, err := c.take(part)
	return fresh || resized, err
}

// content returns what is durable of a file: of a fresh one, nothing. It closes
// file, or keeps it.
func (f *Folder) content(file *os.File) (c *content, fresh bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, false, errors.Join(err, file.Close())
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	if c := f.files[inode]; c != nil {
		return c, false, file.Close()
	}
	into, err := os.Create(filepath.Join(f.copies, strconv.FormatUint(inode, 10)))
	if err != nil {
		return nil, false, errors.Join(err, file.Close())
	}
	c = &content{source: file, copy: into}
	f.files[inode] = c
	return c, true, nil
}

// commitNames makes all names durable as they are. A walk takes its time, so
// two have to agree.
func (f *Folder) commitNames() error {
	var last map[string]name
	for range 1000 {
		names, err := walk(f.Dir)
		if err == nil && last != nil && maps.Equal(last, names) {
			f.names = names
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a name that went meanwhile
			return err
		}
		last = names
	}
	return fmt.Errorf("the names in %s do not rest", f.Dir)
}

// walk lists the files and folders in dir; others, such as sockets, are no
// matter of a disk.
func walk(dir string) (map[string]name, error) {
	names := map[string]name{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		names[rel] = name{info.Sys().(*syscall.Stat_t).Ino, info.Mode()}
		return err
	})
	return names, err
}
