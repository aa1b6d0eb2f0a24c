package jsonld

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// RDF Dataset Canonicalization 1.0 (W3C Recommendation, §4). The names of the
// functions are those of its algorithms.

// maxNDegree bounds the calls of Hash N-Degree Quads, and maxPermutations the
// permutations looked at: a graph of look-alike blank nodes makes the
// algorithm factorial (§7.1, dataset poisoning).
const (
	maxNDegree      = 2_000
	maxPermutations = 20_000
)

type canonicalizer struct {
	quads  []quad
	newH   func() hash.Hash
	of     map[string][]int  // blank node -> the quads that mention it
	first  map[string]string // blank node -> first degree hash
	canon  *issuer
	calls  int
	perms  int
	blanks []string // in order of appearance
}

// issuer gives identifiers in order (§4.2.3).
type issuer struct {
	prefix string
	ids    map[string]string
	order  []string
}

func newIssuer(prefix string) *issuer { return &issuer{prefix: prefix, ids: map[string]string{}} }

func (i *issuer) issue(node string) string {
	if id, ok := i.ids[node]; ok {
		return id
	}
	id := i.prefix + strconv.Itoa(len(i.order))
	i.ids[node] = id
	i.order = append(i.order, node)
	return id
}

func (i *issuer) clone() *issuer {
	c := &issuer{prefix: i.prefix, ids: make(map[string]string, len(i.ids)), order: slices.Clone(i.order)}
	for k, v := range i.ids {
		c.ids[k] = v
	}
	return c
}

func canonicalQuads(quads []quad) ([]byte, error) {
	c, err := canonicalize(quads, newSHA256)
	if err != nil {
		return nil, err
	}
	return c.output(), nil
}

func newSHA256() hash.Hash { return sha256.New() }

func isBlank(t string) bool { return strings.HasPrefix(t, "_:") }

// canonicalize issues a canonical identifier for every blank node (§4.4.3).
func canonicalize(quads []quad, newH func() hash.Hash) (*canonicalizer, error) {
	c := &canonicalizer{quads: dedupe(quads), newH: newH, of: map[string][]int{}, first: map[string]string{}, canon: newIssuer("_:c14n")}
	for i, q := range c.quads {
		for _, t := range []string{q.s, q.o, q.g} {
			if !isBlank(t) {
				continue
			}
			l := c.of[t]
			if len(l) == 0 {
				c.blanks = append(c.blanks, t)
			}
			if len(l) == 0 || l[len(l)-1] != i {
				c.of[t] = append(l, i)
			}
		}
	}
	byHash := map[string][]string{}
	for _, n := range c.blanks {
		h := c.hashFirstDegree(n)
		byHash[h] = append(byHash[h], n)
	}
	hashes := make([]string, 0, len(byHash))
	for h := range byHash {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		if len(byHash[h]) == 1 {
			c.canon.issue(byHash[h][0])
		}
	}
	for _, h := range hashes {
		if len(byHash[h]) > 1 {
			if err := c.shared(byHash[h]); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// shared issues identifiers for nodes that share a first degree hash.
func (c *canonicalizer) shared(nodes []string) error {
	type result struct {
		hash   string
		issuer *issuer
	}
	var results []result
	for _, n := range nodes {
		if _, done := c.canon.ids[n]; done {
			continue
		}
		temp := newIssuer("_:b")
		temp.issue(n)
		h, is, err := c.hashNDegree(n, temp)
		if err != nil {
			return err
		}
		results = append(results, result{h, is})
	}
	slices.SortStableFunc(results, func(a, b result) int { return strings.Compare(a.hash, b.hash) })
	for _, r := range results {
		for _, n := range r.issuer.order {
			c.canon.issue(n)
		}
	}
	return nil
}

func dedupe(quads []quad) []quad {
	seen := make(map[quad]struct{}, len(quads))
	out := make([]quad, 0, len(quads))
	for _, q := range quads {
		if _, ok := seen[q]; !ok {
			seen[q] = struct{}{}
			out = append(out, q)
		}
	}
	return out
}

func (c *canonicalizer) sum(parts ...string) string {
	h := c.newH()
	for _, p := range parts {
		h.Write([]byte(p)) // never fails (hash.Hash)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hashFirstDegree hashes the quads of a node as if it alone had a name (§4.6.3).
func (c *canonicalizer) hashFirstDegree(node string) string {
	if h, ok := c.first[node]; ok {
		return h
	}
	mask := func(t string) string {
		switch {
		case t == node:
			return "_:a"
		case isBlank(t):
			return "_:z"
		}
		return t
	}
	lines := make([]string, 0, len(c.of[node]))
	for _, i := range c.of[node] {
		q := c.quads[i]
		lines = append(lines, quad{mask(q.s), q.p, mask(q.o), mask(q.g)}.line())
	}
	slices.Sort(lines)
	h := c.sum(lines...)
	c.first[node] = h
	return h
}

// hashRelated identifies a node by how it is related (§4.7.3).
func (c *canonicalizer) hashRelated(related string, q quad, is *issuer, position string) string {
	input := position
	if position != "g" {
		input += q.p
	}
	if id, ok := c.canon.ids[related]; ok {
		input += id
	} else if id, ok := is.ids[related]; ok {
		input += id
	} else {
		input += c.hashFirstDegree(related)
	}
	return c.sum(input)
}

// hashNDegree tells look-alike nodes apart by what is around them (§4.8.3).
func (c *canonicalizer) hashNDegree(node string, is *issuer) (string, *issuer, error) {
	if c.calls++; c.calls > maxNDegree {
		return "", nil, fmt.Errorf("%w: blank nodes that look alike", ErrLimit)
	}
	related := map[string][]string{}
	for _, i := range c.of[node] {
		q := c.quads[i]
		for _, part := range []struct{ t, position string }{{q.s, "s"}, {q.o, "o"}, {q.g, "g"}} {
			if isBlank(part.t) && part.t != node {
				h := c.hashRelated(part.t, q, is, part.position)
				related[h] = append(related[h], part.t)
			}
		}
	}
	hashes := make([]string, 0, len(related))
	for h := range related {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	var data strings.Builder
	for _, h := range hashes {
		data.WriteString(h)
		path, chosen, err := c.choose(related[h], is)
		if err != nil {
			return "", nil, err
		}
		data.WriteString(path)
		is = chosen
	}
	return c.sum(data.String()), is, nil
}

// choose returns the least path over all orders of the nodes (§4.8.3, step 5).
func (c *canonicalizer) choose(nodes []string, is *issuer) (chosen string, chosenIssuer *issuer, err error) {
	skip := func(path string) bool {
		return chosen != "" && len(path) >= len(chosen) && path > chosen
	}
	for order := range permutations(nodes) {
		// A permutation costs a copy of the issuer.
		if c.perms += 1 + len(is.order)/16; c.perms > maxPermutations {
			return "", nil, fmt.Errorf("%w: blank nodes that look alike", ErrLimit)
		}
		path, next, err := c.path(order, is.clone(), skip)
		if err != nil {
			return "", nil, err
		}
		if next != nil && (chosen == "" || path < chosen) {
			chosen, chosenIssuer = path, next
		}
	}
	return chosen, chosenIssuer, nil
}

func (c *canonicalizer) path(order []string, is *issuer, skip func(string) bool) (string, *issuer, error) {
	path := ""
	var recursion []string
	for _, n := range order {
		if id, ok := c.canon.ids[n]; ok {
			path += id
		} else {
			if _, ok := is.ids[n]; !ok {
				recursion = append(recursion, n)
			}
			path += is.issue(n)
		}
		if skip(path) {
			return "", nil, nil
		}
	}
	for _, n := range recursion {
		h, next, err := c.hashNDegree(n, is)
		if err != nil {
			return "", nil, err
		}
		path += is.issue(n) + "<" + h + ">"
		is = next
		if skip(path) {
			return "", nil, nil
		}
	}
	return path, is, nil
}

// permutations yields every order of nodes (Heap's algorithm).
func permutations(nodes []string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		a := slices.Clone(nodes)
		state := make([]int, len(a))
		if !yield(a) {
			return
		}
		for i := 0; i < len(a); {
			if state[i] >= i {
				state[i] = 0
				i++
				continue
			}
			if i%2 == 0 {
				a[0], a[i] = a[i], a[0]
			} else {
				a[state[i]], a[i] = a[i], a[state[i]]
			}
			if !yield(a) {
				return
			}
			state[i]++
			i = 0
		}
	}
}

// output writes the quads under canonical identifiers, sorted, each once.
func (c *canonicalizer) output() []byte {
	name := func(t string) string {
		if isBlank(t) {
			return c.canon.ids[t]
		}
		return t
	}
	lines := make([]string, 0, len(c.quads))
	for _, q := range c.quads {
		lines = append(lines, quad{name(q.s), q.p, name(q.o), name(q.g)}.line())
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), ""))
}
