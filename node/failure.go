package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// Failure is an error on its way to the operator's command. It arrives there
// with the same words and as the same kind, whether the node runs elsewhere or
// within the command.
type Failure struct {
	Message string     `json:"error"`
	Kind    string     `json:"kind"` // one of kinds, or fault
	Rows    []RowError `json:"rows,omitempty"`
	Wrong   int        `json:"wrong,omitempty"` // how many rows in all
}

// kinds are the errors that a command tells apart. What is refused for good
// stands first: an error that is of two kinds travels as that.
var kinds = []struct {
	name string
	err  error
	code int
}{
	{"input", ErrInput, http.StatusBadRequest},
	{"missing", ErrNotFound, http.StatusNotFound},
	{"setting", ErrConfig, http.StatusBadRequest},
	{"catalogue", catalogue.ErrInvalid, http.StatusBadRequest},
	{"award", credentials.ErrAward, http.StatusBadRequest},
	{"size", store.ErrTooLarge, http.StatusBadRequest},
	{"version", store.ErrNewerVersion, http.StatusInternalServerError},
	{"secret", seal.ErrAltered, http.StatusInternalServerError},
	{"space", store.ErrNoSpace, http.StatusInsufficientStorage},
	{"damaged", store.ErrCorrupt, http.StatusInternalServerError},
	{"shortened", store.ErrTruncated, http.StatusInternalServerError},
	{"closed", store.ErrClosed, http.StatusServiceUnavailable},
}

func failureOf(err error) (int, Failure) {
	f := Failure{Message: err.Error(), Kind: "fault"}
	if rows, ok := errors.AsType[*CSVError](err); ok {
		f.Rows, f.Wrong = rows.Rows, rows.Wrong
	}
	if turnedDown(err) {
		err = fmt.Errorf("%w: %w", ErrInput, err)
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			f.Kind = k.name
			return k.code, f
		}
	}
	return http.StatusInternalServerError, f
}

// turnedDown reports whether a partner answered, and what will be the same when it
// is asked again, such as that there is no such page.
func turnedDown(err error) bool {
	if errors.Is(err, fetch.ErrBlocked) || errors.Is(err, fetch.ErrTooLarge) {
		return true
	}
	code, ok := errors.AsType[*fetch.StatusError](err)
	return ok && slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}, code.Code)
}

func readFailure(r io.Reader) error {
	var f Failure
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return fmt.Errorf("the node's answer could not be read: %w", err)
	}
	return f.err()
}

// adminError keeps the words of the node and the sentinel to branch on.
type adminError struct {
	message string
	kind    error
}

func (e *adminError) Error() string { return e.message }
func (e *adminError) Unwrap() error { return e.kind }

func (f Failure) err() error {
	if f.Rows != nil {
		return &CSVError{f.Rows, f.Wrong}
	}
	for _, k := range kinds {
		if k.name == f.Kind {
			return &adminError{f.Message, k.err}
		}
	}
	return &adminError{message: f.Message}
}
