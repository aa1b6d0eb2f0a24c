package bounded_test

import (
	"sync"
	"testing"

	"github.com/trust-me/trustme/internal/bounded"
)

func TestAMapNeverHoldsMoreThanItsBoundAndKeepsTheNewest(t *testing.T) {
	m := bounded.NewMap[int, int](8)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				m.Put(w*1000+i, i)
				m.Get(i)
				if n := m.Len(); n > 8 {
					t.Errorf("%d entries", n)
				}
			}
		})
	}
	wg.Wait()
	for i := range 8 { // the same keys again and again push nothing out
		m.Put(i, i)
	}
	m.Put(8, 8)
	for range 10 {
		m.Put(8, 8)
	}
	if v, ok := m.Get(8); !ok || v != 8 {
		t.Errorf("the newest is gone: %d, %v", v, ok)
	}
	count := func(old int, ok bool) int {
		if !ok {
			return 1
		}
		return old + 1
	}
	m = bounded.NewMap[int, int](8)
	for range 5 {
		m.Update(1, count)
	}
	if v, _ := m.Get(1); v != 5 {
		t.Errorf("counted %d", v)
	}
}

func TestWhatComesBackIsTold(t *testing.T) {
	var seen bounded.Twice
	for digest := uint64(1); digest < 500; digest++ {
		if seen.Again(digest) {
			t.Errorf("%d was never there", digest)
		}
		if !seen.Again(digest) {
			t.Errorf("%d was there just now", digest)
		}
	}
}
