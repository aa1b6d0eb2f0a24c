package key_test

import (
	"context"
	"fmt"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/key"
)

// The identifier is a public key, from which its document follows.
func Example() {
	id, err := did.Parse("did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH")
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := key.Resolver{}.Resolve(context.Background(), id)
	if err != nil {
		fmt.Println(err)
		return
	}
	method, err := found.Document.Method(did.AssertionMethod, key.MethodID(id))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(method.Key.Type, method.Key.Multibase())
	fmt.Println(found.Document.For(did.KeyAgreement)[0].Key.Type)

	again, err := key.New(method.Key)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again == id)
	// Output:
	// Ed25519 z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH
	// X25519
	// true
}
