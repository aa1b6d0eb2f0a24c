package store

import (
	"errors"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/dgraph-io/ristretto/v2/z"
)

// readManifest returns the tables that a MANIFEST names, and whether it reads
// whole to its last byte.
func readManifest(path string) (_ badger.Manifest, whole bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return badger.Manifest{}, false, fmt.Errorf("opening the store: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m, end, err := badger.ReplayManifestFile(f, formatVersion, badger.DefaultOptions(""))
	if err != nil {
		return m, false, fmt.Errorf("%w: %s: %v; restore the directory from a backup", ErrCorrupt, path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return m, false, fmt.Errorf("opening the store: %w", err)
	}
	return m, info.Size() == end, nil
}

// checkTables verifies every block of every table. The engine can do so too,
// but leaves a bad table out, or ends the process on it.
func checkTables(dir string, m badger.Manifest, s sealer) error {
	keys, err := badger.OpenKeyRegistry(badger.KeyRegistryOptions{Dir: dir, ReadOnly: true, EncryptionKey: s.engine})
	if err != nil {
		return fmt.Errorf("%w: %s/%s: %v; restore the directory from a backup", ErrCorrupt, dir, badger.KeyRegistryFileName, err)
	}
	cache, err := ristretto.NewCache(&ristretto.Config[uint64, *fb.TableIndex]{NumCounters: 64, MaxCost: 1 << 20, BufferItems: 64})
	if err != nil {
		return fmt.Errorf("opening the store: %v", err)
	}
	defer cache.Close()
	for id, t := range m.Tables {
		key, err := keys.DataKey(t.KeyID)
		if err == nil {
			err = checkTable(table.NewFilename(id, dir), table.Options{
				ReadOnly: true, ChkMode: options.OnTableRead, Compression: t.Compression, DataKey: key, IndexCache: cache, BlockSize: 4 << 10,
			})
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %v; restore the directory from a backup", ErrCorrupt, table.NewFilename(id, dir), err)
		}
	}
	return nil
}

// checkTable opens a table, which reads it all. What a damaged one holds open
// stays open until the process ends.
func checkTable(path string, o table.Options) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("it was altered") // the panic's text is a page of sizes
		}
	}()
	f, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(f, o)
	if err != nil {
		return err
	}
	return t.Close(-1)
}
