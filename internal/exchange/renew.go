package exchange

import (
	"encoding/json"
	"errors"

	"github.com/trust-me/trustme/internal/didcomm"
)

// Renewal returns the message by which a holder asks to renew a badge, by the
// id of the credential. It is answered by an offer, or by a problem that says
// what the renewal wants.
func Renewal(credential string) didcomm.Message {
	id := didcomm.NewID()
	return didcomm.Message{ID: id, Type: TypeRenew, Thid: id, ReturnRoute: "all", Body: didcomm.Object(map[string]string{"credential": credential})}
}

// ReadRenewal returns the id of the credential that shall be renewed.
func ReadRenewal(m didcomm.Message) (string, error) {
	var body struct {
		Credential string `json:"credential"`
	}
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return "", malformed("renewal", err)
	}
	if body.Credential == "" || len(body.Credential) > 2048 {
		return "", malformed("renewal", errors.New("credential is the id of the badge"))
	}
	return body.Credential, nil
}
