package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trust-me/trustme/did"
	"github.com/trust-me/trustme/did/web"
	"github.com/trust-me/trustme/internal/fetch"
)

func TestDocumentAddressFollowsTheMethod(t *testing.T) {
	tests := []struct {
		id, url string
		err     error
	}{
		{id: "did:web:alder.example", url: "https://alder.example/.well-known/did.json"},
		{id: "did:web:alder.example:partners:a", url: "https://alder.example/partners/a/did.json"},
		{id: "did:web:alder.example%3A8443", url: "https://alder.example:8443/.well-known/did.json"},
		{id: "did:web:127.0.0.1", err: did.ErrSyntax}, // did:web §3.1: no addresses
		{id: "did:web:alder.example:..:x", err: did.ErrSyntax},
		{id: "did:web:alder.example%2Fx", err: did.ErrSyntax},
		{id: "did:web:localhost%3A80", err: fetch.ErrBlocked},
	}
	for _, tt := range tests {
		id, err := did.Parse(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := web.Resolver{}.URL(id)
		if got != tt.url || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v", tt.id, got, err)
		}
	}
}

func TestNewNamesABaseURL(t *testing.T) {
	for base, want := range map[string]string{
		"https://alder.example":           "did:web:alder.example",
		"https://Alder.example/partners/": "did:web:alder.example:partners",
		"http://localhost:8480":           "did:web:localhost%3A8480",
	} {
		if got, err := web.New(base); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", base, got, err)
		}
	}
	for _, base := range []string{"http://alder.example", "https://10.0.0.1", "alder.example", "https://alder.example/?q"} {
		if got, err := web.New(base); !errors.Is(err, did.ErrSyntax) {
			t.Errorf("%s: %v, %v", base, got, err)
		}
	}
}

// answer serves a body with a status and resolves the server's did:web.
func answer(t *testing.T, status int, body func(id string) string) (did.Resolution, error) {
	t.Helper()
	return answerTo(t, web.Resolver{Client: fetch.New(fetch.Config{Loopback: true}), Loopback: true}, status, body)
}

func answerTo(t *testing.T, r web.Resolver, status int, body func(id string) string) (did.Resolution, error) {
	t.Helper()
	var id did.DID
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body(id.String())))
	}))
	defer srv.Close()
	id, err := web.New(strings.Replace(srv.URL, "127.0.0.1", "localhost", 1))
	if err != nil {
		t.Fatal(err)
	}
	return r.Resolve(context.Background(), id)
}

func TestOnlyItsOwnDocumentIsTakenAndEachFailureHasItsAnswer(t *testing.T) {
	own := func(id string) string { return `{"id":"` + id + `"}` }
	if r, err := answer(t, 200, own); err != nil || r.Fetched.IsZero() {
		t.Errorf("own document: %v", err)
	}
	if _, err := answer(t, 200, func(string) string { return `{"id":"did:web:mallory.example"}` }); !errors.Is(err, did.ErrInvalidDocument) {
		t.Errorf("another's document: %v", err)
	}
	if _, err := answer(t, 404, own); !errors.Is(err, did.ErrNotFound) {
		t.Errorf("404: %v", err)
	}
	if _, err := answer(t, 503, own); !errors.Is(err, did.ErrUnreachable) {
		t.Errorf("503: %v", err)
	}
	if _, err := answer(t, 200, func(string) string { return strings.Repeat(" ", 5<<20) }); !errors.Is(err, did.ErrUnreachable) || !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("5 MiB: %v", err)
	}
}

func TestWithoutAClientOnlyPublicAddressesAreAsked(t *testing.T) {
	own := func(id string) string { return `{"id":"` + id + `"}` }
	if _, err := answerTo(t, web.Resolver{Loopback: true}, 200, own); err != nil {
		t.Error("on a testnet:", err)
	}
	if _, err := answerTo(t, web.Resolver{}, 200, own); !errors.Is(err, did.ErrUnreachable) || !errors.Is(err, web.ErrBlocked) {
		t.Error("elsewhere:", err)
	}
}
