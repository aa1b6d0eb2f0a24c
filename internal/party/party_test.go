package party_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/trust-me/trustme/internal/fetch"
	"github.com/trust-me/trustme/internal/party"
	"github.com/trust-me/trustme/internal/store"
)

// A peer's endpoint is dialled under the guard that holds for what is fetched:
// a testnet reaches this machine, and neither reaches a private network.
func TestAPeersEndpointIsNotAWayIntoAPrivateNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, loopback := range []bool{false, true} {
		db, err := store.OpenMemory(store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		p, err := party.New(party.Config{DB: db, Loopback: loopback, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		c, err := p.Dial(ctx, "tcp", l.Addr().String())
		if (err == nil) != loopback || err != nil && !errors.Is(err, fetch.ErrBlocked) {
			t.Errorf("loopback %v, this machine: %v", loopback, err)
		}
		if c != nil {
			c.Close()
		}
		for _, private := range []string{"10.0.0.1:80", "192.168.1.1:443", "169.254.169.254:80", "[fd00::1]:80", "100.64.0.1:80"} {
			if _, err := p.Dial(ctx, "tcp", private); !errors.Is(err, fetch.ErrBlocked) {
				t.Errorf("loopback %v, %s: %v", loopback, private, err)
			}
		}
	}
}
