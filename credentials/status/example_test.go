package status_test

import (
	"fmt"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/status"
)

// Make a list in which one badge is revoked, and look two badges up in it.
func Example() {
	const list = "https://alder.example/status/1/revocation"
	bits := status.NewBitmap(0) // as long as the least that hides a person
	bits.Set(94567, true)
	raw, err := status.Unsigned(status.Description{
		ID: list, Issuer: "did:web:alder.example", Purpose: status.Revocation, TTL: 15 * time.Minute,
	}, bits)
	if err != nil {
		fmt.Println(err)
		return
	}

	// A list is a credential. Its signature is for the verifier of credentials,
	// which reads lists on its own; this is what it does with one.
	credential, err := credentials.Parse(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := status.ParseList(credential.Doc())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, index := range []int{94567, 94568} {
		value, err := read.Value(status.NewEntry(list, status.Revocation, index))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(index, "revoked:", value.Set)
	}
	_, err = read.Value(status.NewEntry(list, status.Suspension, 94567))
	fmt.Println(err)
	// Output:
	// 94567 revoked: true
	// 94568 revoked: false
	// status list serves another purpose: ["revocation"], not "suspension"
}
