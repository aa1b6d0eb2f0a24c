package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Inbound is a message of a known peer. Fresh says that the connection begins
// with this message; it is stored with the message's effects.
type Inbound struct {
	Message    didcomm.Message
	Connection Connection
	Pair       didcomm.Pair
	Fresh      bool
}

// Handle decides about one message type.
type Handle func(ctx context.Context, in Inbound) (didcomm.Outcome, error)

// Router admits peers and passes messages to the protocol that they belong to.
// Ping, discovery and pickup are answered here. It implements
// [didcomm.Handler].
type Router struct {
	DB *store.DB
	// Admit decides whether a stranger's message belongs to an open invitation
	// of ours (its pthid). It returns the new connection and what is to be
	// written with it, or a [*didcomm.Problem]. Nil admits nobody.
	Admit func(ctx context.Context, r didcomm.Received) (Connection, func(*store.Tx) error, error)
	// Roles maps message types to the parts that this party plays.
	Roles map[string]Handle
	// Status receives answers to status requests of ours; nil drops them.
	Status func(p didcomm.Pair, thread string, waiting int)
}

// Handle implements [didcomm.Handler]. A message that nobody sealed is not
// acted on: every first contact here can be authenticated, since peer and key
// DIDs carry their own documents.
func (r *Router) Handle(ctx context.Context, got didcomm.Received) (didcomm.Outcome, error) {
	if got.From.IsZero() {
		return didcomm.Outcome{}, &didcomm.Problem{Code: CodeNotConnected, Comment: "anonymous messages are not accepted: seal it with your key (authcrypt)"}
	}
	in := Inbound{Message: got.Message, Pair: didcomm.Pair{Own: got.To, Peer: got.From}}
	var err error
	var known bool
	if in.Connection, known, err = connected(ctx, r.DB, in.Pair); err != nil {
		return didcomm.Outcome{}, err
	}
	admit := func(*store.Tx) error { return nil }
	if !known {
		if got.Message.Pthid == "" || r.Admit == nil {
			return didcomm.Outcome{}, &didcomm.Problem{Code: CodeNotConnected, Comment: "we are not connected: begin with an invitation, and name it as pthid"}
		}
		var also func(*store.Tx) error
		if in.Connection, also, err = r.Admit(ctx, got); err != nil {
			return didcomm.Outcome{}, err
		}
		in.Fresh = true
		admit = func(tx *store.Tx) error {
			if err := Connections.Put(tx, in.Connection); err != nil {
				return err
			}
			return also(tx)
		}
	}
	out, err := r.dispatch(ctx, in)
	if err != nil || !in.Fresh {
		return out, err
	}
	apply := out.Apply
	out.Apply = func(tx *store.Tx) error {
		if err := admit(tx); err != nil || apply == nil {
			return err
		}
		return apply(tx)
	}
	return out, nil
}

func (r *Router) dispatch(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	if h, ok := r.Roles[in.Message.Type]; ok {
		return h(ctx, in)
	}
	switch in.Message.Type {
	case TypePing:
		return ping(in)
	case TypePingResponse, TypeDisclose, didcomm.TypeProblem:
		return didcomm.Outcome{Apply: func(*store.Tx) error { return nil }}, nil
	case TypeQueries:
		return r.disclose(in)
	case TypeStatus:
		return r.status(in)
	case TypeStatusRequest, TypeLiveDelivery:
		return r.reportStatus(ctx, in)
	case TypeDeliveryRequest:
		return r.delivery(ctx, in)
	case TypeMessagesReceived:
		return r.received(in)
	}
	return didcomm.Outcome{}, &didcomm.Problem{Code: CodeUnsupported, Comment: "messages of type " + in.Message.Type + " are not understood here; discover-features tells what is"}
}

// ping answers a trust ping (Trust Ping 2.0). A response is wanted unless the
// ping says otherwise.
func ping(in Inbound) (didcomm.Outcome, error) {
	var body struct {
		Wanted *bool `json:"response_requested"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("ping body", err)
	}
	if body.Wanted != nil && !*body.Wanted {
		return didcomm.Outcome{}, nil
	}
	pong := didcomm.Message{ID: didcomm.NewID(), Type: TypePingResponse, Thid: in.Message.ID, Body: didcomm.Object(struct{}{})}
	return didcomm.Outcome{Now: []didcomm.Message{pong}}, nil
}

func malformed(what string, err error) error {
	return &didcomm.Problem{Code: CodeMessage, Comment: fmt.Sprintf("%s: %v", what, err)}
}

// disclose answers which protocols are spoken (Discover Features 2.0).
func (r *Router) disclose(in Inbound) (didcomm.Outcome, error) {
	var body struct {
		Queries []struct {
			Feature string `json:"feature-type"`
			Match   string `json:"match"`
		} `json:"queries"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("queries body", err)
	}
	type disclosure struct {
		Feature string `json:"feature-type"`
		ID      string `json:"id"`
	}
	found := []disclosure{}
	for _, q := range body.Queries {
		if q.Feature != "protocol" {
			continue
		}
		prefix, wild := strings.CutSuffix(q.Match, "*")
		for _, p := range protocols {
			d := disclosure{"protocol", p}
			if (p == q.Match || wild && strings.HasPrefix(p, prefix)) && !slices.Contains(found, d) {
				found = append(found, d)
			}
		}
	}
	m := didcomm.Message{ID: didcomm.NewID(), Type: TypeDisclose, Thid: in.Message.ID, Body: didcomm.Object(map[string]any{"disclosures": found})}
	return didcomm.Outcome{Now: []didcomm.Message{m}}, nil
}
