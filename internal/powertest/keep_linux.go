package powertest

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// keep keeps what a call is about to make durable.
func (f *Folder) keep(call Call, n *notice) error {
	var journal bool
	var err error
	switch {
	case call != Msync:
		journal, err = f.keepOpen(n.pid, int32(n.args[0]))
	case n.args[2]&unix.MS_SYNC != 0:
		journal, err = f.keepMapped(n.pid, n.args[0], n.args[0]+n.args[1])
	}
	if err != nil || !journal && call != Fsync {
		return err
	}
	return f.commitNames()
}

func (f *Folder) keepOpen(pid uint32, fd int32) (journal bool, err error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
	if err != nil {
		return false, err
	}
	return f.commit(file, whole)
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
