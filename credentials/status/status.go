// Package status reads and writes status lists: W3C Bitstring Status List 1.0,
// and for reading its forerunner StatusList2021 and the 1EdTechRevocationList
// of Open Badges 3.0. It checks no signature: package credentials does,
// whose Credential.Doc is what a list or an entry is read from.
package status

import (
	"errors"
	"time"
)

// Errors of a source of lists, which are STATUS_RETRIEVAL_ERROR of the
// specification (§3.5). ErrNoList is a definite answer; ErrUnreachable is none;
// ErrBlocked says that the address is one that is never fetched.
var (
	ErrNoList      = errors.New("no status list at this address")
	ErrUnreachable = errors.New("status list out of reach")
	ErrBlocked     = errors.New("status list address not allowed")
)

// Errors of entries and lists. ErrMalformed, ErrLength, ErrRange and ErrPurpose
// are MALFORMED_VALUE_ERROR, STATUS_LIST_LENGTH_ERROR, RANGE_ERROR and
// STATUS_VERIFICATION_ERROR of the specification (§3.5).
var (
	ErrMalformed   = errors.New("malformed status list or entry")
	ErrUnsupported = errors.New("status type not supported")
	ErrLength      = errors.New("status list too short")
	ErrRange       = errors.New("status index out of range")
	ErrPurpose     = errors.New("status list serves another purpose")
	ErrLimit       = errors.New("status list too large")
)

// The purposes of the specification (§2.1).
const (
	Revocation = "revocation"
	Suspension = "suspension"
	Refresh    = "refresh"
	Message    = "message"
)

// Kind is the type of a status entry.
type Kind string

// The kinds of entries that are read. Only the first is written.
const (
	Bitstring      Kind = "BitstringStatusListEntry"
	StatusList2021 Kind = "StatusList2021Entry"
	OneEdTech      Kind = "1EdTechRevocationList"
)

const (
	// MinLength is the least number of entries of a list, among which a person
	// stays hidden (§6.1).
	MinLength = 131_072
	// MaxSize is the most bits of an entry that are read.
	MaxSize = 8
	// MaxBytes bounds the unpacked size of a list: 16 MiB, 2^27 entries.
	MaxBytes = 16 << 20
)

// Fetched is a list as a source hands it out: the bytes, when they were
// fetched, and whether they were kept from an earlier time.
type Fetched struct {
	Body   []byte
	At     time.Time
	Cached bool
}
