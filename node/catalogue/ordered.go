package catalogue

import (
	"errors"
	"fmt"
	"iter"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Named is one entry of a YAML mapping.
type Named[T any] struct {
	Key   string
	Value T
	Line  int

	keys map[string]int // the lines of its own keys
}

// at returns the line of a key of the entry, else that of the entry.
func (n Named[T]) at(key string) int {
	if line, ok := n.keys[key]; ok {
		return line
	}
	return n.Line
}

// Ordered is a YAML mapping in the order of the file.
type Ordered[T any] []Named[T]

// Get returns the value of a key.
func (o Ordered[T]) Get(key string) (T, bool) {
	for _, n := range o {
		if n.Key == key {
			return n.Value, true
		}
	}
	var none T
	return none, false
}

// line returns where a key stands.
func (o Ordered[T]) line(key string) int {
	for _, n := range o {
		if n.Key == key {
			return n.Line
		}
	}
	return 0
}

// All yields keys and values in order.
func (o Ordered[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, n := range o {
			if !yield(n.Key, n.Value) {
				return
			}
		}
	}
}

// UnmarshalYAML reads a mapping strictly: a decoder's KnownFields does not
// reach into a custom type, so the keys of T are checked by decoding again. Its
// error is a [*yaml.TypeError] of all mistakes, so that decoding goes on.
func (o *Ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return mistakes(fmt.Errorf("line %d: expected a mapping of names", n.Line))
	}
	var wrong []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if _, twice := o.Get(k.Value); twice {
			wrong = append(wrong, fmt.Errorf("line %d: %q stands here twice; keep one of them", k.Line, k.Value))
			continue
		}
		e := Named[T]{Key: k.Value, Line: k.Line, keys: map[string]int{}}
		for j := 0; v.Kind == yaml.MappingNode && j+1 < len(v.Content); j += 2 {
			e.keys[v.Content[j].Value] = v.Content[j].Line
		}
		if err := strictly(v, &e.Value); err != nil {
			wrong = append(wrong, err)
		}
		*o = append(*o, e)
	}
	return mistakes(wrong...)
}

// mistakes joins errors into one of the decoder's kind; nil for none.
func mistakes(wrong ...error) error {
	var all []string
	for _, err := range wrong {
		if te, ok := errors.AsType[*yaml.TypeError](err); ok {
			all = append(all, te.Errors...)
		} else if err != nil {
			all = append(all, err.Error())
		}
	}
	if all == nil {
		return nil
	}
	return &yaml.TypeError{Errors: all}
}

// strictly decodes a node with unknown keys refused. The node is padded to its
// line, so that errors name the line of the file.
func strictly(n *yaml.Node, into any) error {
	return mistakes(unknownKeys(n, into), n.Decode(into))
}

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
