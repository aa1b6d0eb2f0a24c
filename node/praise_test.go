package node

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/recognition"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
)

// An endorser whose pages hang holds up nobody for long, and not one after the
// other: until it answers its endorsement stays, which verifiers judge.
func TestAnEndorserThatHangsHoldsUpNoIssuing(t *testing.T) {
	clock := time.Now().UTC().Truncate(time.Second)
	now := func() time.Time { return clock }
	var hangs atomic.Bool
	gone := make(chan struct{})
	alder, birch := reachable(t, "Alder", now), behind(t, "Birch", now, func(pages http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hangs.Load() {
				select {
				case <-gone:
				case <-r.Context().Done():
				}
				return
			}
			pages.ServeHTTP(w, r)
		})
	})
	defer close(gone)
	given, err := birch.Endorse(t.Context(), EndorseRequest{Of: alder.id.String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := birch.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := alder.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: given.Credential}); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(24 * time.Hour) // what was fetched is too old
	hangs.Store(true)
	start := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := alder.endorsementsOf(t.Context(), alder.id.String()); err != nil || len(got) != 1 {
				t.Errorf("%d endorsements, %v", len(got), err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); took > 2*praiseWait {
		t.Errorf("eight badges waited %s", took)
	}
}

// An endorser chooses the id of what it signs: it takes nobody else's place.
func TestAnEndorsementTakesNoOthersPlace(t *testing.T) {
	alder, birch, cedar := reachable(t, "Alder", nil), keyed(t), keyed(t)
	sign := func(by *Node, id string) []byte {
		raw, err := by.signStatement(t.Context(), recognition.Draft{Statement: recognition.Statement{Kind: recognition.Endorsement, ID: id, Name: "Endorsement", Of: alder.id.String(), From: by.second()}})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	id := birch.newURN()
	if _, err := alder.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: sign(birch, id)}); err != nil {
		t.Fatal(err)
	}
	if _, err := alder.TakeEndorsement(t.Context(), TakeEndorsementRequest{Credential: sign(cedar, id)}); !errors.Is(err, ErrInput) {
		t.Errorf("%v", err)
	}
	if all, err := alder.Endorsements(t.Context()); err != nil || len(all.Ours) != 1 || all.Ours[0].By != birch.id.String() {
		t.Errorf("%+v, %v", all.Ours, err)
	}
}

// So many requests of one wallet wait, and its thread is its own.
func TestAWalletFloodsNoEndorser(t *testing.T) {
	n := keyed(t)
	e := &exchange.Endorser{Now: n.now, Keep: n.keepWanted}
	ask := func(id, connection string) error {
		out, err := e.Roles()[exchange.TypeEndorseRequest](t.Context(), exchange.Inbound{Connection: exchange.Connection{ID: connection},
			Message: didcomm.Message{ID: id, Thid: id, Body: didcomm.Object(map[string]string{"of": "urn:uuid:1"})}})
		if err != nil {
			return err
		}
		return n.db.Update(t.Context(), out.Apply)
	}
	for i := range exchange.MaxEndorseOpen {
		if err := ask(fmt.Sprint(i), "a"); err != nil {
			t.Fatal(err)
		}
	}
	var p *didcomm.Problem
	for _, tt := range []struct {
		name, id, by string
		ok           bool
	}{{"one too many", "more", "a", false}, {"the same again", "0", "a", true}, {"another's thread", "0", "b", false}, {"by another", "other", "b", true}} {
		if err := ask(tt.id, tt.by); (err == nil) != tt.ok || err != nil && !errors.As(err, &p) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestACommentOfAnEndorsementIsBounded(t *testing.T) {
	if _, err := keyed(t).Endorse(t.Context(), EndorseRequest{Of: ana, Comment: strings.Repeat("a", maxComment+1)}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "comment:") {
		t.Errorf("%v", err)
	}
}
