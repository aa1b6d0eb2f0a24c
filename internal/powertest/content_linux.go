package powertest

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// content is what is durable of a file.
type content struct {
	source  *os.File // open, so that no other file is given its inode
	copy    *os.File
	length  int64
	through bool // it was opened with O_DSYNC
}

// span is a part of a file, from the first byte to before the second.
type span [2]int64

var whole = span{0, math.MaxInt64}

// take copies a part of the source, and says whether its length is another.
func (c *content) take(part span) (resized bool, err error) {
	info, err := c.source.Stat()
	if err != nil {
		return false, err
	}
	resized = info.Size() != c.length
	c.length = info.Size()
	if err := c.copy.Truncate(c.length); err != nil {
		return false, err
	}
	return resized, copyData(c.copy, c.source, part[0], min(part[1], c.length))
}

// restore writes the content under a new name; a nil content is empty.
func (c *content) restore(path string, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	if c != nil {
		err = errors.Join(f.Truncate(c.length), copyData(f, c.copy, 0, c.length))
	}
	return errors.Join(err, f.Close())
}

func (c *content) close() error {
	return errors.Join(c.source.Close(), c.copy.Close(), os.Remove(c.copy.Name()))
}

// copyData copies the bytes from one offset to another, holes as holes: the
// files of a store are long and mostly empty.
func copyData(to, from *os.File, at, end int64) error {
	buf := make([]byte, 1<<20)
	for at < end {
		data, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) || err == nil && data > end { // a hole up to the end
			data, err = end, nil
		}
		if err != nil {
			return err
		}
		if data > at {
			if err := unix.Fallocate(int(to.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, data-at); err != nil {
				return err
			}
		}
		if at = data; at == end {
			return nil
		}
		hole, err := unix.Seek(int(from.Fd()), at, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		hole = min(hole, end)
		if _, err := io.CopyBuffer(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, hole-at), buf); err != nil {
			return err
		}
		at = hole
	}
	return nil
}
