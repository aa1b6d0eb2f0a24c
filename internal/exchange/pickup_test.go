package exchange_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
)

// listen makes a side tell every message of a type.
func listen(s *side, typ string) <-chan didcomm.Message {
	ch := make(chan didcomm.Message, 16)
	s.router.Roles[typ] = func(_ context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
		ch <- in.Message
		return didcomm.Outcome{}, nil
	}
	return ch
}

func next(t *testing.T, ch <-chan didcomm.Message) didcomm.Message {
	t.Helper()
	select {
	case m := <-ch:
		return m
	case <-time.After(5 * time.Second):
		t.Fatal("no answer")
		return didcomm.Message{}
	}
}

func (s *side) say(t *testing.T, to *side, typ, body string) {
	t.Helper()
	m := didcomm.Message{ID: didcomm.NewID(), Type: typ, ReturnRoute: "all", Body: json.RawMessage(body)}
	if err := s.agent.SendNow(t.Context(), didcomm.Pair{Own: s.id, Peer: to.id}, m); err != nil {
		t.Fatal(err)
	}
}

func TestAPeerLearnsWhichProtocolsAreSpoken(t *testing.T) {
	alder, _ := newIssuer(t)
	ana, _ := newHolder(t, true)
	answers := listen(ana, exchange.TypeDisclose)
	problems := listen(ana, didcomm.TypeProblem)
	ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	ana.say(t, alder, exchange.TypeQueries, `{"queries":[{"feature-type":"protocol","match":"https://didcomm.org/issue-credential/*"},{"feature-type":"goal-code","match":"*"}]}`)
	var body struct {
		Disclosures []struct{ ID string }
	}
	if err := json.Unmarshal(next(t, answers).Body, &body); err != nil || len(body.Disclosures) != 1 || body.Disclosures[0].ID != "https://didcomm.org/issue-credential/3.0" {
		t.Errorf("disclosed %+v, %v", body, err)
	}
	ana.say(t, alder, "https://example.org/unknown/1.0/x", `{}`)
	if code, _ := exchange.ReadProblem(next(t, problems)); code != exchange.CodeUnsupported {
		t.Errorf("an unknown message: %s", code)
	}
}

// A wallet that prefers to fetch asks for the count, for deliveries, and says
// what it received; what it did not is delivered again.
func TestWhatWaitsCanBeFetchedByPickup(t *testing.T) {
	alder, iss := newIssuer(t)
	ana, _ := newHolder(t, true)
	ignored := listen(ana, exchange.TypeOffer) // pushed offers are seen and not acted on
	status, delivery := listen(ana, exchange.TypeStatus), listen(ana, exchange.TypeDelivery)
	ana.connect(alder)
	eventually(t, "the connection", alder.connectedTo(ana.id))
	for _, award := range []string{"one", "two", "three"} {
		offer(t, alder, iss, ana.id, award)
		next(t, ignored)
	}
	ids := func(m didcomm.Message) (out []string) {
		for _, a := range m.Attachments {
			raw, err := a.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			inner, err := didcomm.ParseMessage(raw)
			if err != nil || inner.Type != exchange.TypeOffer {
				t.Fatalf("%+v, %v", inner, err)
			}
			out = append(out, a.ID)
		}
		return out
	}
	count := func() int {
		ana.say(t, alder, exchange.TypeStatusRequest, `{}`)
		var body struct {
			Count int `json:"message_count"`
		}
		if err := json.Unmarshal(next(t, status).Body, &body); err != nil {
			t.Fatal(err)
		}
		return body.Count
	}
	if n := count(); n != 3 {
		t.Errorf("%d wait, want 3", n)
	}
	ana.say(t, alder, exchange.TypeDeliveryRequest, `{"limit":2}`)
	if got := ids(next(t, delivery)); !slices.Equal(got, []string{"thread-one", "thread-two"}) {
		t.Errorf("delivered %v", got)
	}
	ana.say(t, alder, exchange.TypeMessagesReceived, `{"message_id_list":["thread-one"]}`)
	eventually(t, "two left", func() bool { return count() == 2 })
	ana.say(t, alder, exchange.TypeDeliveryRequest, `{"limit":10}`)
	if got := ids(next(t, delivery)); !slices.Equal(got, []string{"thread-two", "thread-three"}) {
		t.Errorf("delivered again %v", got)
	}
	ana.say(t, alder, exchange.TypeMessagesReceived, `{"message_id_list":["thread-two","thread-three","never-sent"]}`)
	eventually(t, "none left", func() bool { return count() == 0 })
	ana.say(t, alder, exchange.TypeDeliveryRequest, `{"limit":1}`)
	next(t, status) // nothing to deliver is told by a status
}
