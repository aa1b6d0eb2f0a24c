package wallet

import (
	"errors"
	"testing"

	"github.com/trust-me/trustme/internal/application"
)

// Whether the partner has rejected it meanwhile could not be told: that is
// neither a yes nor a no.
func TestAnAppealAtAPartnerOutOfReachIsUndecided(t *testing.T) {
	w, c := opened(t)
	a, _ := onItsWay(t, w)
	if err := hear(t, w, c, application.TypeProgress, "m1", a.ID, application.Progress{Achievement: "openbadges/contributor", Name: "Contributor", State: application.InReview, Revision: 1, Told: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Appeal(t.Context(), a.ID, "it is mine"); !errors.Is(err, ErrUndecided) {
		t.Errorf("in review, and out of reach: %v", err)
	}
	if err := hear(t, w, c, application.TypeProgress, "m2", a.ID, application.Progress{Achievement: "openbadges/contributor", Name: "Contributor", State: application.Issued, Revision: 1, Told: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Appeal(t.Context(), a.ID, "it is mine"); !errors.Is(err, ErrInput) {
		t.Errorf("issued: %v", err)
	}
}
