package store

// PretendFree makes the free-space guard see n bytes until undone.
func PretendFree(db *DB, n int64) (undo func()) {
	db.freeFn = func(string) (int64, error) { return n, nil }
	return func() { db.freeFn = FreeSpace }
}

// SetReserve changes the reserve of an open store.
func SetReserve(db *DB, n int64) { db.opt.ReserveBytes = n }

// CollectGarbage does at once what the store does now and then.
func CollectGarbage(db *DB) { db.collectOnce() }

// Spoil writes a record behind the store's back: no index, no count.
func Spoil(db *DB, space byte, key string, value []byte) error {
	k := append([]byte{space}, key...)
	txn := db.bg.NewTransaction(true)
	defer txn.Discard()
	if err := txn.Set(k, db.seal.sealRecord(k, value)); err != nil {
		return err
	}
	return txn.Commit()
}

// Remove takes a record away behind the store's back.
func Remove(db *DB, space byte, key string) error {
	txn := db.bg.NewTransaction(true)
	defer txn.Discard()
	if err := txn.Delete(append([]byte{space}, key...)); err != nil {
		return err
	}
	return txn.Commit()
}

// Move puts the sealed bytes of one record under another key.
func Move(db *DB, from, to string) error {
	txn := db.bg.NewTransaction(true)
	defer txn.Discard()
	item, err := txn.Get(dataKey([]byte(from)))
	if err != nil {
		return err
	}
	raw, err := item.ValueCopy(nil)
	if err != nil {
		return err
	}
	if err := txn.Set(dataKey([]byte(to)), raw); err != nil {
		return err
	}
	return txn.Commit()
}

// FormatText is the content of FORMAT for a version, under a key.
func FormatText(version int, key []byte) []byte {
	s, err := newSealer(key)
	if err != nil {
		panic(err)
	}
	text := string(formatText(s))
	text = text[:len("trustme store\nformat ")] + string(rune('0'+version)) + text[len("trustme store\nformat 1"):]
	text = text[:len(text)-len("sum 0123456789abcdef\n")]
	return []byte(text + formatSum(text))
}
