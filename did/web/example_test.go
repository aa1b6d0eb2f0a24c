package web_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/web"
)

// The address of the document follows from the identifier.
func ExampleResolver_URL() {
	for _, text := range []string{"did:web:alder.example", "did:web:alder.example:schools:east", "did:web:alder.example%3A8443"} {
		id, err := did.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(web.Resolver{}.URL(id))
	}
	// Output:
	// https://alder.example/.well-known/did.json <nil>
	// https://alder.example/schools/east/did.json <nil>
	// https://alder.example:8443/.well-known/did.json <nil>
}

// pages is a client of one's own, with a few pages at hand.
type pages map[string]string

func (p pages) Get(_ context.Context, url string) (web.Response, error) {
	fmt.Println("GET", url)
	page, found := p[url]
	if !found {
		return web.Response{}, &web.StatusError{URL: url, Code: 404}
	}
	return web.Response{Body: []byte(page), Fetched: time.Now()}, nil
}

// One page is fetched, and it must be the document of that identifier. Without
// a client of one's own, the guarded one fetches it.
func ExampleResolver() {
	resolver := web.Resolver{Client: pages{"https://alder.example/.well-known/did.json": `{
		"@context": ["https://www.w3.org/ns/did/v1"], "id": "did:web:alder.example",
		"verificationMethod": [{"id": "#1", "type": "Multikey", "controller": "did:web:alder.example",
			"publicKeyMultibase": "z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"}],
		"assertionMethod": ["#1"]}`}}
	for _, text := range []string{"did:web:alder.example", "did:web:birch.example"} {
		id, err := did.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		found, err := resolver.Resolve(context.Background(), id)
		if errors.Is(err, did.ErrNotFound) {
			fmt.Println(id, "has no document")
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(id, "signs with", found.Document.For(did.AssertionMethod)[0].ID)
	}
	// Output:
	// GET https://alder.example/.well-known/did.json
	// did:web:alder.example signs with did:web:alder.example#1
	// GET https://birch.example/.well-known/did.json
	// did:web:birch.example has no document
}
