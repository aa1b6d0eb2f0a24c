package status

import "errors"

// ProblemBase is what the types of the specification's problems begin with
// (§3.5).
const ProblemBase = "https://www.w3.org/ns/credentials/status-list#"

// Problem returns the name that the specification gives an error of this
// package or of a source of lists; an error of no kind that is known is one of
// retrieval, since then the list was not had.
func Problem(err error) string {
	for _, p := range []struct {
		err  error
		name string
	}{
		{ErrLength, "STATUS_LIST_LENGTH_ERROR"}, {ErrRange, "RANGE_ERROR"}, {ErrPurpose, "STATUS_VERIFICATION_ERROR"},
		{ErrMalformed, "MALFORMED_VALUE_ERROR"}, {ErrLimit, "MALFORMED_VALUE_ERROR"}, {ErrUnsupported, "MALFORMED_VALUE_ERROR"},
	} {
		if errors.Is(err, p.err) {
			return p.name
		}
	}
	return "STATUS_RETRIEVAL_ERROR"
}
