package node

import (
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/store"
)

// Actor is who did something, as the journal tells it: the operator at this
// machine, the learner whom it is about, the node by itself, or else the
// connection, or the DID, of who signed or reviewed. As is the connection in
// whose name an operator at this machine acted. It never names a person.
type Actor struct {
	By string `json:"by"`
	As string `json:"as,omitempty"`
}

// Actors without a name of their own.
var (
	operator = Actor{By: "operator"}
	learner  = Actor{By: "learner"}
	itself   = Actor{By: "node"}
)

// actorOf is somebody who acted from a wallet.
func actorOf(p application.Person) Actor { return Actor{By: or(p.Connection, p.DID)} }

// Routes by which a badge comes, as the journal tells them.
const (
	routeGrant        = "grant"
	routeCode         = "claim-code"
	routeLink         = "claim-link"
	routeEvent        = "event"
	routePresentation = "presentation"
	routeRule         = "rule"
	routeReview       = "review"
	routeCSV          = "csv"
	routeRenewal      = "renewal"
)

// tell adds an actor to what a fact tells.
func (a Actor) tell(body map[string]any) map[string]any {
	if a.By != "" {
		body["by"] = a.By
	}
	if a.As != "" {
		body["as"] = a.As
	}
	return body
}

// noteMade adds a fact about the making of an award: of which badge, by which
// route and by whom.
func (n *Node) noteMade(tx *store.Tx, kind string, a Award) error {
	body := a.By.tell(map[string]any{"credential": a.ID, "achievement": a.Catalogue + "/" + a.Achievement})
	if a.Route != "" { // an award of before routes were told has none
		body["route"] = a.Route
	}
	return n.note(tx, kind, body)
}
