package node

import (
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/internal/seal"
)

// A reservation that can never be signed, such as an older version left
// behind, gives way to the corrected request of the same key.
func TestAReservationThatCannotBeSignedGivesWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "n")
	if err := Init(InitRequest{Dir: dir, Settings: Settings{Reserve: 1}, Seal: seal.Options{}}); err != nil {
		t.Fatal(err)
	}
	n, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	r := GrantRequest{Achievement: "basics", To: Recipient{Email: "ana@example.org"}}
	bad, err := n.newAward(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	bad.Evidence = []string{"junk"}
	if _, err := n.reserve(t.Context(), bad, false); err != nil {
		t.Fatal(err)
	}
	g, err := n.Grant(t.Context(), r)
	if err != nil || !g.New || g.Award.State != AwardIssued || g.Award.ID == bad.ID || g.Claim == nil {
		t.Errorf("%v, %+v", err, g)
	}
	count := 0
	if err := n.AwardList(t.Context(), "", func(Award) error { count++; return nil }); err != nil || count != 1 {
		t.Errorf("%d awards, %v", count, err)
	}
}
