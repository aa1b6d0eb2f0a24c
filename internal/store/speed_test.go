package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trust-me/trustme/internal/store"
)

// The figures of 100,000 badges of 5 KB beside the engine on its own, with its
// defaults and synced writes, in the same run:
//
//	go test -run '^$' -bench Badges -benchtime 1x ./internal/store
const (
	badges    = 100_000
	badgeSize = 5 << 10
	batchSize = 200
)

// engine is what the two have in common.
type engine struct {
	batch func(first, n int, value []byte) error
	one   func(n int, value []byte) error
	read  func(n int) error
	close func() error
}

func badgeKey(n int) []byte { return fmt.Appendf(nil, "badge/%08d", n) }

func ours(dir string) (engine, error) {
	db, err := store.Open(dir, store.Options{Key: testKey})
	if err != nil {
		return engine{}, err
	}
	batch := func(first, n int, value []byte) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			for i := range n {
				if err := tx.Put(badgeKey(first+i), value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return engine{
		batch: batch,
		one:   func(n int, value []byte) error { return batch(n, 1, value) },
		read: func(n int) error {
			return db.View(context.Background(), func(tx *store.Tx) error { _, err := tx.Get(badgeKey(n)); return err })
		},
		close: db.Close,
	}, nil
}

func bare(dir string) (engine, error) {
	db, err := badger.Open(badger.DefaultOptions(dir).WithSyncWrites(true).WithLogger(nil))
	if err != nil {
		return engine{}, err
	}
	batch := func(first, n int, value []byte) error {
		return db.Update(func(tx *badger.Txn) error {
			for i := range n {
				if err := tx.Set(badgeKey(first+i), value); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return engine{
		batch: batch,
		one:   func(n int, value []byte) error { return batch(n, 1, value) },
		read: func(n int) error {
			return db.View(func(tx *badger.Txn) error {
				item, err := tx.Get(badgeKey(n))
				if err != nil {
					return err
				}
				_, err = item.ValueCopy(nil)
				return err
			})
		},
		close: db.Close,
	}, nil
}

func BenchmarkBadges(b *testing.B) {
	for _, e := range []struct {
		name string
		open func(dir string) (engine, error)
	}{{"ours", ours}, {"bare", bare}} {
		b.Run(e.name, func(b *testing.B) {
			for b.Loop() {
				measure(b, filepath.Join(b.TempDir(), "s"), e.open)
			}
		})
	}
}

func measure(b *testing.B, dir string, open func(string) (engine, error)) {
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	e, err := open(dir)
	must(err)
	value := make([]byte, badgeSize)
	for i := range value {
		value[i] = byte(rand.IntN(256))
	}
	t := time.Now()
	for n := 0; n < badges; n += batchSize {
		must(e.batch(n, batchSize, value))
	}
	b.ReportMetric(badges/time.Since(t).Seconds(), "batch/s")
	b.ReportMetric(heapMB(), "heap-MB")
	for _, writers := range []int{1, 128} {
		b.ReportMetric(singles(b, e, writers, value), fmt.Sprintf("single-%d/s", writers))
	}
	t = time.Now()
	for range 20_000 {
		must(e.read(rand.IntN(badges)))
	}
	b.ReportMetric(20_000/time.Since(t).Seconds(), "read/s")
	must(e.close())
	t = time.Now()
	e, err = open(dir)
	must(err)
	b.ReportMetric(float64(time.Since(t).Milliseconds()), "open-ms")
	b.ReportMetric(heapMB(), "reopened-heap-MB")
	must(e.close())
}

// singles is how many durable writes of one badge each a second see.
func singles(b *testing.B, e engine, writers int, value []byte) float64 {
	var n atomic.Int64
	n.Store(badges)
	var wg sync.WaitGroup
	t := time.Now()
	for range writers {
		wg.Go(func() {
			for time.Since(t) < 3*time.Second {
				if err := e.one(int(n.Add(1)), value); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n.Load()-badges) / time.Since(t).Seconds()
}

func heapMB() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
