package catalogue

import (
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
// reach into a custom type, so the keys of T are checked by decoding again.
func (o *Ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected a mapping of names", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		for _, e := range *o {
			if e.Key == k.Value {
				return fmt.Errorf("line %d: %q stands here twice", k.Line, k.Value)
			}
		}
		e := Named[T]{Key: k.Value, Line: k.Line}
		if err := strictly(v, &e.Value); err != nil {
			return err
		}
		*o = append(*o, e)
	}
	return nil
}

// strictly decodes a node with unknown keys refused. The node is padded to its
// line, so that errors name the line of the file.
func strictly(n *yaml.Node, into any) error {
	if err := unknownKeys(n, into); err != nil {
		return err
	}
	return n.Decode(into)
}

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
