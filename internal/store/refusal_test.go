package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/store"
)

// Who is refused because of what somebody else just wrote can read that at
// once: transactions share a commit, and a refusal waits for it, too.
func TestARefusalRestsOnWhatIsOnDisk(t *testing.T) {
	db, err := store.Open(t.TempDir(), store.Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	taken := errors.New("taken")
	for round := range 200 {
		key := fmt.Appendf(nil, "name/%d", round)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.Get(key); err == nil {
						return taken
					}
					return tx.Put(key, []byte("x"))
				})
				if err != nil && !errors.Is(err, taken) {
					t.Error(err)
				}
				if err := db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Get(key); return err }); err != nil {
					t.Errorf("round %d: after a write or a refusal: %v", round, err)
				}
			})
		}
		all.Wait()
	}
}
