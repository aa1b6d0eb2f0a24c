package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

func TestAMessageThatNobodySealedIsRefusedWhateverItSays(t *testing.T) {
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	acted := func(context.Context, exchange.Inbound) (didcomm.Outcome, error) {
		t.Error("it was acted on")
		return didcomm.Outcome{}, nil
	}
	r := &exchange.Router{DB: db, Roles: map[string]exchange.Handle{exchange.TypeRequest: acted, exchange.TypePresentation: acted},
		Admit: func(context.Context, didcomm.Received) (exchange.Connection, func(*store.Tx) error, error) {
			t.Error("it was admitted")
			return exchange.Connection{}, nil, errors.New("admitted")
		}}
	to, err := did.Parse("did:web:alder.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{exchange.TypePing, exchange.TypeRequest, exchange.TypePresentation, exchange.TypeStatusRequest, exchange.TypeQueries} {
		out, err := r.Handle(t.Context(), didcomm.Received{To: to, Message: didcomm.Message{ID: "1", Type: typ, Pthid: "an invitation", Body: json.RawMessage(`{}`)}})
		p, ok := errors.AsType[*didcomm.Problem](err)
		if !ok || p.Code != exchange.CodeNotConnected || !strings.Contains(p.Comment, "seal it with your key (authcrypt)") || out.Apply != nil || len(out.Now) != 0 {
			t.Errorf("%s: %+v, %v", typ, out, err)
		}
	}
}
