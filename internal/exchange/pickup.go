package exchange

import (
	"context"
	"encoding/json"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/store"
)

// Pickup 3.0: what waits for a peer goes out by itself over a live connection.
// A peer that prefers to fetch asks for the count and for deliveries.

// maxDelivery is how many messages one delivery holds.
const maxDelivery = 10

// countLimit bounds counting; a status above it means "at least".
const countLimit = 100_000

// StatusRequest asks a peer how much waits for us.
func StatusRequest() didcomm.Message {
	return didcomm.Message{ID: didcomm.NewID(), Type: TypeStatusRequest, ReturnRoute: "all", Body: didcomm.Object(struct{}{})}
}

// LiveDelivery asks a peer to send what waits, now and as it comes.
func LiveDelivery() didcomm.Message {
	return didcomm.Message{ID: didcomm.NewID(), Type: TypeLiveDelivery, ReturnRoute: "all", Body: didcomm.Object(map[string]bool{"live_delivery": true})}
}

func (r *Router) reportStatus(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	waiting := 0
	err := r.DB.View(ctx, func(tx *store.Tx) (err error) {
		waiting, err = didcomm.Waiting(tx, in.Pair, countLimit)
		return err
	})
	if err != nil {
		return didcomm.Outcome{}, err
	}
	body := map[string]any{"message_count": waiting, "live_delivery": true, "recipient_did": in.Pair.Peer.String()}
	m := didcomm.Message{ID: didcomm.NewID(), Type: TypeStatus, Thid: in.Message.ID, Body: didcomm.Object(body)}
	return didcomm.Outcome{Now: []didcomm.Message{m}}, nil
}

func (r *Router) status(in Inbound) (didcomm.Outcome, error) {
	var body struct {
		Count int `json:"message_count"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("status body", err)
	}
	if r.Status != nil {
		r.Status(in.Pair, in.Message.Thread(), body.Count)
	}
	return didcomm.Outcome{}, nil
}

// delivery hands out waiting messages as attachments. They stay in the outbox
// until the peer says that it received them.
func (r *Router) delivery(ctx context.Context, in Inbound) (didcomm.Outcome, error) {
	var body struct {
		Limit int `json:"limit"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil || body.Limit < 1 {
		return didcomm.Outcome{}, &didcomm.Problem{Code: CodeMessage, Comment: "delivery-request needs a limit of 1 or more"}
	}
	var entries []didcomm.Entry
	err := r.DB.View(ctx, func(tx *store.Tx) (err error) {
		entries, err = didcomm.Pending(tx, in.Pair, 0, min(body.Limit, maxDelivery))
		return err
	})
	if err != nil {
		return didcomm.Outcome{}, err
	}
	if len(entries) == 0 {
		return r.reportStatus(ctx, in)
	}
	m := didcomm.Message{ID: didcomm.NewID(), Type: TypeDelivery, Thid: in.Message.ID, Body: didcomm.Object(map[string]string{"recipient_did": in.Pair.Peer.String()})}
	for _, e := range entries {
		e.Message.From, e.Message.To = in.Pair.Own.String(), []string{in.Pair.Peer.String()}
		raw, err := json.Marshal(e.Message)
		if err != nil {
			return didcomm.Outcome{}, err
		}
		m.Attachments = append(m.Attachments, didcomm.Attach(e.Message.ID, "application/didcomm-plain+json", "", raw))
	}
	return didcomm.Outcome{Now: []didcomm.Message{m}}, nil
}

// received takes delivered messages out of the outbox.
func (r *Router) received(in Inbound) (didcomm.Outcome, error) {
	var body struct {
		IDs []string `json:"message_id_list"`
	}
	if err := json.Unmarshal(in.Message.Body, &body); err != nil {
		return didcomm.Outcome{}, malformed("messages-received body", err)
	}
	return didcomm.Outcome{Apply: func(tx *store.Tx) error { return didcomm.Acknowledge(tx, in.Pair, body.IDs...) }}, nil
}
