package store

// PretendFree makes the free-space guard see n bytes until undone.
func PretendFree(db *DB, n int64) (undo func()) {
	db.freeFn = func(string) (int64, error) { return n, nil }
	return func() { db.freeFn = freeSpace }
}

// SetReserve changes the reserve of an open store.
func SetReserve(db *DB, n int64) { db.opt.ReserveBytes = n }
