package node

import "testing"

// The answer to a CSV run is bounded, and says what it leaves out.
func TestClaimLinksBeyondTheBoundAreCounted(t *testing.T) {
	var r CSVResult
	link := &InviteLink{Link: "http://localhost/i/A"}
	for i := range maxClaims + 3 {
		r.count(i, Granted{New: true, Claim: link})
	}
	r.count(0, Granted{})
	if len(r.Claims) != maxClaims || r.LeftOut != 3 || r.Issued != maxClaims+3 || r.Existing != 1 {
		t.Errorf("%d links, %d left out, %d issued, %d before", len(r.Claims), r.LeftOut, r.Issued, r.Existing)
	}
}
