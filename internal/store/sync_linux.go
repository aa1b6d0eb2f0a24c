package store

import (
	"os"
	"syscall"
)

// syncData makes the content of a file durable whose length has not changed,
// without its times: that saves a commit of the file system's journal.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
