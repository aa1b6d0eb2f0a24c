// Package testnet runs partners, learners and a verifier together on loopback,
// each a process of its own with its own directory: for the demonstration, for
// tests, and to reproduce a fault. Connections can be cut and delayed,
// processes killed, and the clock moved.
package testnet

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// ClockFile is a clock that several processes share: the machine's time plus
// the offset that the file holds, such as 720h. A file that is missing or
// cannot be read counts as no offset.
type ClockFile string

// Now returns the shared time.
func (f ClockFile) Now() time.Time {
	raw, err := os.ReadFile(string(f))
	if err != nil {
		return time.Now()
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(raw)))
	if err != nil {
		return time.Now()
	}
	return time.Now().Add(d)
}

// Move sets the clock forward by d.
func (f ClockFile) Move(d time.Duration) error {
	offset := time.Until(f.Now()).Round(time.Second) + d
	tmp := string(f) + ".new"
	if err := os.WriteFile(tmp, []byte(offset.String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("moving the clock: %w", err)
	}
	return os.Rename(tmp, string(f))
}
