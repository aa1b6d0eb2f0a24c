package wallet

import (
	"encoding/json"
	"fmt"

	"github.com/trust-me/trustme/internal/store"
)

// putJSON keeps a record that may be large.
func putJSON(tx *store.Tx, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return store.PutLarge(tx, key, raw)
}

// getJSON reads one; the error wraps [store.ErrNotFound] or
// [store.ErrCorrupt].
func getJSON(tx *store.Tx, key []byte, into any) error {
	raw, err := store.GetLarge(tx, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%w: %s: %v", store.ErrCorrupt, key, err)
	}
	return nil
}
