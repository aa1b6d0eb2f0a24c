package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/aries-framework-go/spi/storage"
	suite "github.com/hyperledger/aries-framework-go/test/component/storage"

	"github.com/trust-me/trustme/internal/store"
)

func openAries(t *testing.T, db *store.DB, name string) storage.Store {
	t.Helper()
	s, err := newAriesProvider(db).OpenStore(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openDisk(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func memory(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.OpenMemory(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOurStoreServesAriesAsItsOwnSuiteDemands(t *testing.T) {
	t.Run("in memory", func(t *testing.T) { suite.TestAll(t, newAriesProvider(memory(t))) })
	t.Run("on disk", func(t *testing.T) { suite.TestAll(t, newAriesProvider(openDisk(t, t.TempDir()))) })
}

// keysOf reads what a query yields, in its order.
func keysOf(t *testing.T, s storage.Store, query string, o ...storage.QueryOption) string {
	t.Helper()
	it, err := s.Query(query, o...)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for {
		more, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return strings.Join(keys, " ")
		}
		key, err := it.Key()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
}

func mustPut(t *testing.T, s storage.Store, key, value string, tags ...storage.Tag) {
	t.Helper()
	if err := s.Put(key, []byte(value), tags...); err != nil {
		t.Fatal(err)
	}
}

func TestAQueryBindsAndBeforeOr(t *testing.T) {
	s := openAries(t, memory(t), "s")
	mustPut(t, s, "red-big", "", storage.Tag{Name: "colour", Value: "red"}, storage.Tag{Name: "size", Value: "big"})
	mustPut(t, s, "red-small", "", storage.Tag{Name: "colour", Value: "red"}, storage.Tag{Name: "size", Value: "small"})
	mustPut(t, s, "blue", "", storage.Tag{Name: "colour", Value: "blue"})
	mustPut(t, s, "bare", "")
	other := openAries(t, memory(t), "other")
	mustPut(t, other, "red-elsewhere", "", storage.Tag{Name: "colour", Value: "red"})
	for query, want := range map[string]string{
		"colour":                             "blue red-big red-small",
		"colour:red":                         "red-big red-small",
		"colour:red&&size:big":               "red-big",
		"colour:red&&size":                   "red-big red-small",
		"colour:blue||colour:red&&size:big":  "blue red-big",
		"size:big&&colour:red||colour:blue":  "blue red-big",
		"colour:red||size:big||colour:red":   "red-big red-small",
		"colour:green||shape":                "",
		"colour:red&&colour:blue||size:none": "",
	} {
		if got := keysOf(t, s, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, bad := range []string{"", "&&", "a&&", "||a", ":v", "a:b:c"} {
		if _, err := s.Query(bad); err == nil {
			t.Errorf("the query %q was taken", bad)
		}
	}
}

func TestNumbersSortBySizeThenTextsThenTheUntagged(t *testing.T) {
	s := openAries(t, memory(t), "s")
	for i, v := range []string{"10", "9", "-1.5", "18446744073709551617", "18446744073709551616", "b", "a"} {
		mustPut(t, s, fmt.Sprint(i), "", storage.Tag{Name: "all"}, storage.Tag{Name: "n", Value: v})
	}
	mustPut(t, s, "none", "", storage.Tag{Name: "all"})
	up := storage.WithSortOrder(&storage.SortOptions{TagName: "n", Order: storage.SortAscending})
	down := storage.WithSortOrder(&storage.SortOptions{TagName: "n", Order: storage.SortDescending})
	// -1.5 < 9 < 10 < 2^64 < 2^64+1 (equal as floating point), then a, b
	if got, want := keysOf(t, s, "all", up), "2 1 0 4 3 6 5 none"; got != want {
		t.Errorf("ascending: %q, want %q", got, want)
	}
	if got, want := keysOf(t, s, "all", down), "5 6 3 4 0 1 2 none"; got != want {
		t.Errorf("descending: %q, want %q", got, want)
	}
	if got, want := keysOf(t, s, "all", up, storage.WithPageSize(3), storage.WithInitialPageNum(2)), "5 none"; got != want {
		t.Errorf("third page of three: %q, want %q", got, want)
	}
	if got := keysOf(t, s, "all", up, storage.WithInitialPageNum(1<<62)); got != "" {
		t.Errorf("a page that is not there: %q", got)
	}
	if _, err := s.Query("all", storage.WithPageSize(-1)); err == nil {
		t.Error("a negative page size was taken")
	}
}

func TestWhatARunningQueryLosesIsPassedOver(t *testing.T) {
	s := openAries(t, memory(t), "s")
	tag := storage.Tag{Name: "t", Value: "yes"}
	for _, k := range []string{"a", "b", "c", "d"} {
		mustPut(t, s, k, k, tag)
	}
	it, err := s.Query("t:yes", storage.WithPageSize(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete("b"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "c", "changed", storage.Tag{Name: "t", Value: "no"})
	var got []string
	for more, err := it.Next(); more || err != nil; more, err = it.Next() {
		k, kerr := it.Key()
		v, verr := it.Value()
		if err := errors.Join(err, kerr, verr); err != nil {
			t.Fatal(err)
		}
		got = append(got, k+"="+string(v))
	}
	if want := []string{"a=a", "d=d"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, err := it.Value(); err == nil {
		t.Error("an iterator at its end has a value")
	}
}

func TestAriesKeysAndLargeValuesSurviveReopeningAsTheyWere(t *testing.T) {
	dir := t.TempDir()
	db := openDisk(t, dir)
	key := "a/b:c\x00d \xff?%2F"
	large := bytes.Repeat([]byte("0123456789"), 20_000) // 200 KB, four parts
	s := openAries(t, db, "Mixed/Case")
	if err := s.Put(key, large, storage.Tag{Name: "long", Value: strings.Repeat("v", 5000)}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openDisk(t, dir)
	s = openAries(t, db, "mixed/case")
	if got, err := s.Get(key); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(large))
	}
	if got := keysOf(t, s, "long:"+strings.Repeat("v", 5000)); got != key {
		t.Errorf("found %q, want %q", got, key)
	}
	if err := s.Delete(key); err != nil {
		t.Fatal(err)
	}
	if r, err := db.Check(context.Background(), nil); err != nil || r.Err() != nil || r.Records != 0 || r.Entries != 0 {
		t.Errorf("after deleting: %+v, %v", r, err)
	}
}

func TestABatchIsDoneWholeOrNotAtAll(t *testing.T) {
	s := openAries(t, memory(t), "s")
	mustPut(t, s, "old", "1")
	isNew := &storage.PutOptions{IsNewKey: true}
	err := s.Batch([]storage.Operation{
		{Key: "fresh", Value: []byte("2"), PutOptions: isNew},
		{Key: "old", Value: []byte("2"), PutOptions: isNew},
	})
	if !errors.Is(err, storage.ErrDuplicateKey) {
		t.Errorf("%v, want ErrDuplicateKey", err)
	}
	if _, err := s.Get("fresh"); !errors.Is(err, storage.ErrDataNotFound) {
		t.Errorf("half of a refused batch is there: %v", err)
	}
	if v, err := s.Get("old"); err != nil || string(v) != "1" {
		t.Errorf("%q, %v; want what was there before", v, err)
	}
	if err := s.Put("twice", []byte{1}, storage.Tag{Name: "t", Value: "1"}, storage.Tag{Name: "t", Value: "2"}); err == nil {
		t.Error("two tags of one name were taken")
	}
}
