package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/hyperledger/aries-framework-go/spi/storage"

	"github.com/trust-me/trustme/internal/store"
)

// defaultPage is how many items an iterator reads at a time, and the size of
// the pages that the first page of a query is counted in.
const defaultPage = 25

// criterion asks for a tag, with any value when it is empty.
type criterion struct{ name, value string }

// expression is alternatives of criteria that all must hold: && before ||.
type expression [][]criterion

func parseExpression(text string) (expression, error) {
	var e expression
	for alternative := range strings.SplitSeq(text, "||") {
		var all []criterion
		for part := range strings.SplitSeq(alternative, "&&") {
			name, value, _ := strings.Cut(part, ":")
			if name == "" || strings.ContainsRune(value, ':') {
				return nil, fmt.Errorf("query %q: %q is neither NAME nor NAME:VALUE", text, part)
			}
			all = append(all, criterion{name, value})
		}
		e = append(e, all)
	}
	return e, nil
}

func (e expression) matches(tags []storage.Tag) bool {
	return slices.ContainsFunc(e, func(all []criterion) bool {
		return !slices.ContainsFunc(all, func(c criterion) bool {
			return !slices.ContainsFunc(tags, func(t storage.Tag) bool {
				return t.Name == c.name && (c.value == "" || t.Value == c.value)
			})
		})
	})
}

// narrowest returns the index value to follow for one alternative.
func narrowest(name string, all []criterion) string {
	for _, c := range all {
		if c.value != "" {
			return tagDigest(name, c.name, c.value)
		}
	}
	return tagDigest(name, all[0].name)
}

// Query implements storage.Store with all of the expression format. Without a
// sort order the items come in the order of their keys. Which items match, and
// their order, is settled here; their values are read a page at a time, and an
// item that was removed meanwhile, or no longer matches, is passed over.
func (s *ariesStore) Query(text string, options ...storage.QueryOption) (storage.Iterator, error) {
	e, err := parseExpression(text)
	if err != nil {
		return nil, err
	}
	o := storage.QueryOptions{PageSize: defaultPage}
	for _, set := range options {
		set(&o)
	}
	o.PageSize = cmp.Or(o.PageSize, defaultPage)
	if o.PageSize < 0 || o.InitialPageNum < 0 {
		return nil, fmt.Errorf("query %q: a page size of %d and a first page of %d", text, o.PageSize, o.InitialPageNum)
	}
	if o.SortOptions != nil && o.SortOptions.TagName == "" {
		return nil, fmt.Errorf("query %q: the tag to sort by has no name", text)
	}
	found, err := s.find(e)
	if err != nil {
		return nil, err
	}
	sortItems(found, o.SortOptions)
	it := &ariesIterator{s: s, e: e, page: o.PageSize, total: len(found)}
	if o.InitialPageNum <= len(found)/o.PageSize { // otherwise there is no such page
		found = found[o.InitialPageNum*o.PageSize:]
		it.ids = make([]string, len(found))
		for i, f := range found {
			it.ids[i] = f.id()
		}
	}
	return it, nil
}

func (s *ariesStore) find(e expression) ([]ariesItem, error) {
	found := map[string]ariesItem{}
	err := s.db.View(context.Background(), func(tx *store.Tx) error {
		for _, all := range e {
			for item, err := range ariesItems.By(tx, tagIndex, narrowest(s.name, all)) {
				if err != nil {
					return err
				}
				if item.Store == s.name && e.matches(item.Tags) {
					found[item.id()] = item
				}
			}
		}
		return nil
	})
	out := make([]ariesItem, 0, len(found))
	for _, item := range found {
		out = append(out, item)
	}
	return out, err
}

// sortItems sorts by key, or by the values of a tag: decimal numbers first and
// by their size, then texts, in either order last those without the tag.
func sortItems(items []ariesItem, o *storage.SortOptions) {
	slices.SortFunc(items, func(a, b ariesItem) int { return cmp.Compare(a.Key, b.Key) })
	if o == nil {
		return
	}
	type keyed struct {
		item ariesItem
		v    sortValue
	}
	by := make([]keyed, len(items))
	for i, item := range items {
		by[i] = keyed{item, newSortValue(item.Tags, o.TagName)}
	}
	slices.SortStableFunc(by, func(a, b keyed) int {
		c := a.v.compare(b.v)
		if o.Order == storage.SortDescending && a.v.has && b.v.has {
			return -c
		}
		return c
	})
	for i, k := range by {
		items[i] = k.item
	}
}

type sortValue struct {
	has    bool
	number *big.Rat // nil for a text
	text   string
}

var decimal = regexp.MustCompile(`^[+-]?[0-9]{1,1000}(\.[0-9]{1,1000})?$`)

func newSortValue(tags []storage.Tag, name string) sortValue {
	for _, t := range tags {
		if t.Name != name {
			continue
		}
		v := sortValue{has: true, text: t.Value}
		if decimal.MatchString(t.Value) {
			v.number, _ = new(big.Rat).SetString(t.Value) // the pattern is stricter
		}
		return v
	}
	return sortValue{}
}

func (a sortValue) compare(b sortValue) int {
	switch {
	case a.has != b.has:
		return first(a.has)
	case a.number != nil && b.number != nil:
		return a.number.Cmp(b.number)
	case (a.number != nil) != (b.number != nil):
		return first(a.number != nil)
	}
	return cmp.Compare(a.text, b.text)
}

func first(a bool) int {
	if a {
		return -1
	}
	return 1
}

// ariesIterator walks the items of a query.
type ariesIterator struct {
	s     *ariesStore
	e     expression
	page  int
	total int
	ids   []string // still to be read
	read  []ariesEntry
	now   *ariesEntry
}

type ariesEntry struct {
	key   string
	value []byte
	tags  []storage.Tag
}

var errNoEntry = errors.New("the iterator stands at no entry")

// Next implements storage.Iterator.
func (it *ariesIterator) Next() (bool, error) {
	it.now = nil
	for len(it.read) == 0 {
		if len(it.ids) == 0 {
			return false, nil
		}
		n := min(it.page, len(it.ids))
		read, err := it.s.entries(it.ids[:n], it.e)
		if err != nil {
			return false, err
		}
		it.read, it.ids = read, it.ids[n:]
	}
	it.now, it.read = &it.read[0], it.read[1:]
	return true, nil
}

func (s *ariesStore) entries(ids []string, e expression) ([]ariesEntry, error) {
	var out []ariesEntry
	err := s.db.View(context.Background(), func(tx *store.Tx) error {
		for _, id := range ids {
			item, err := ariesItems.Get(tx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if !e.matches(item.Tags) {
				continue
			}
			value, err := store.GetLarge(tx, s.dataKey(item.Key))
			if err != nil {
				return err
			}
			key, err := unescape(item.Key)
			if err != nil {
				return err
			}
			out = append(out, ariesEntry{key, value, item.Tags})
		}
		return nil
	})
	return out, err
}

// Key implements storage.Iterator.
func (it *ariesIterator) Key() (string, error) {
	if it.now == nil {
		return "", errNoEntry
	}
	return it.now.key, nil
}

// Value implements storage.Iterator.
func (it *ariesIterator) Value() ([]byte, error) {
	if it.now == nil {
		return nil, errNoEntry
	}
	return it.now.value, nil
}

// Tags implements storage.Iterator.
func (it *ariesIterator) Tags() ([]storage.Tag, error) {
	if it.now == nil {
		return nil, errNoEntry
	}
	return it.now.tags, nil
}

// TotalItems implements storage.Iterator.
func (it *ariesIterator) TotalItems() (int, error) { return it.total, nil }

// Close implements storage.Iterator.
func (it *ariesIterator) Close() error {
	it.ids, it.read, it.now = nil, nil, nil
	return nil
}
