package status_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/trust-me/trustme/credentials/status"
)

func TestEveryErrorHasItsNameInTheSpecification(t *testing.T) {
	for err, want := range map[error]string{
		status.ErrNoList: "STATUS_RETRIEVAL_ERROR", status.ErrUnreachable: "STATUS_RETRIEVAL_ERROR", errors.New("anything"): "STATUS_RETRIEVAL_ERROR",
		status.ErrPurpose: "STATUS_VERIFICATION_ERROR", status.ErrLength: "STATUS_LIST_LENGTH_ERROR", status.ErrRange: "RANGE_ERROR",
		status.ErrMalformed: "MALFORMED_VALUE_ERROR", status.ErrLimit: "MALFORMED_VALUE_ERROR",
	} {
		if got := status.Problem(fmt.Errorf("reading: %w", err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
