package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// factLine is a fact as [Fact.Line] writes it.
type factLine struct {
	Fact
	Hash string `json:"hash"`
}

// Line returns a fact with its hash as one line of JSON, such as a journal is
// handed over in.
func (f Fact) Line() ([]byte, error) { return json.Marshal(factLine{f, f.Hash}) }

// maxLine bounds a line of a journal.
const maxLine = 1 << 20

// VerifyLines reads a journal that was written by [Fact.Line], one a line, and
// checks that it begins at the first fact, that each continues the one before,
// and that none was changed. It returns the last; the error is a [*FactError]
// that names the first bad one. see is called with each good one in turn.
func VerifyLines(r io.Reader, see func(Fact)) (last Fact, err error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		want := last.Seq + 1
		var l factLine
		dec := json.NewDecoder(bytes.NewReader(sc.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&l); err != nil {
			return last, &FactError{want, fmt.Errorf("%w: %v", ErrCorrupt, err)}
		}
		rec, err := json.Marshal(l.Fact)
		if err != nil {
			return last, &FactError{want, fmt.Errorf("%w: %v", ErrCorrupt, err)}
		}
		h := sha256.Sum256(rec)
		prev := last.Hash
		if want == 1 {
			prev = hex.EncodeToString(make([]byte, len(h)))
		}
		switch {
		case l.Seq != want:
			return last, &FactError{want, fmt.Errorf("%w: number %d stands in its place", ErrCorrupt, l.Seq)}
		case l.Prev != prev:
			return last, &FactError{want, fmt.Errorf("%w: it does not continue the entry before", ErrCorrupt)}
		case l.Hash != hex.EncodeToString(h[:]):
			return last, &FactError{want, fmt.Errorf("%w: it is not what its hash says", ErrCorrupt)}
		}
		last = l.Fact
		last.Hash = l.Hash
		see(last)
	}
	if err := sc.Err(); err != nil {
		return last, &FactError{last.Seq + 1, err}
	}
	if last.Seq == 0 {
		return last, &FactError{1, errors.New("the file holds no journal")}
	}
	return last, nil
}
