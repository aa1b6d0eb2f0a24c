//go:build !(linux || darwin || freebsd)

package store

import (
	"io"
	"math"
	"os"
)

type lockKind int

const (
	exclusive lockKind = iota
	shared
)

// lockDir leaves the locking to the engine on this system.
func lockDir(string, lockKind) (io.Closer, error) { return io.NopCloser(nil), nil }

// FreeSpace is not known on this system, so nothing is refused.
func FreeSpace(string) (int64, error) { return math.MaxInt64, nil }

func onDisk(info os.FileInfo) int64 { return info.Size() }

func isNoSpace(error) bool { return false }
