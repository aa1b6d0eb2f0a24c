package baking_test

import (
	"bytes"
	"fmt"

	"github.com/trust-me/trustme/credentials/baking"
)

// Bake a badge into the image that is drawn for it, and take it out again.
func Example() {
	badge := []byte(`{"type":["VerifiableCredential","OpenBadgeCredential"]}`) // in real life, signed
	picture, err := baking.Drawing{Key: "mig", Kind: "skill", Name: "MIG welding"}.PNG()
	if err != nil {
		fmt.Println(err)
		return
	}
	baked, err := baking.Bake(picture, badge)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := baking.Extract(baked)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same bytes:", bytes.Equal(again, badge))

	_, err = baking.Extract(picture)
	fmt.Println(err)
	// Output:
	// the same bytes: true
	// no credential in the image
}
