package node

import "testing"

func TestEveryStatusIndexIsGivenExactlyOnceAndInNoOrder(t *testing.T) {
	p := permutation{key: []byte("a key of one list")}
	seen := make([]bool, ListSize)
	rising := 0
	last := uint32(0)
	for n := range uint32(ListSize) {
		i := p.index(n)
		if i >= ListSize || seen[i] {
			t.Fatalf("entry %d gets the index %d, which is taken or out of range", n, i)
		}
		seen[i] = true
		if i > last {
			rising++
		}
		last = i
	}
	// A random order rises half the time; the standard deviation of 131,072
	// steps is sqrt(n/12), about 105, so a thousand is far outside of chance.
	if d := rising - ListSize/2; d < -1000 || d > 1000 {
		t.Errorf("indexes rise %d times in %d: not a random order", rising, ListSize)
	}
}

func TestTwoListsUseTheirIndexesInDifferentOrders(t *testing.T) {
	a, b := permutation{key: []byte("one")}, permutation{key: []byte("two")}
	same := 0
	for n := range uint32(1000) {
		if a.index(n) == b.index(n) {
			same++
		}
	}
	if same > 5 { // 1000/131072 are expected
		t.Errorf("%d of 1000 entries have the same index in both lists", same)
	}
}
