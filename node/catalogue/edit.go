package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Added is a catalogue file with objectives added.
type Added struct {
	File    []byte   `json:"-"`
	Slugs   []string `json:"added"`
	Skipped []string `json:"skipped"` // URIs that the file has already
}

// AddObjectives adds objectives to a catalogue's file: comments, order and
// every other key stay. One whose URI an objective of the file aligns with is
// skipped. Where the objectives stand as a block, as in the catalogue that
// ships, not a byte of the rest changes; else the file is written anew. The
// error wraps [ErrInvalid].
func AddObjectives(file []byte, list []Objective) (Added, error) {
	out := Added{File: file, Slugs: []string{}, Skipped: []string{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return out, &Problems{List: fromYAML(err)}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return out, refusef("the file is no catalogue: its top is no mapping of keys")
	}
	root := doc.Content[0]
	_, old := entry(root, "objectives")
	taken, known := map[string]bool{}, map[string]bool{}
	if old != nil && old.Kind == yaml.MappingNode {
		var have Ordered[Objective]
		if err := old.Decode(&have); err != nil {
			return out, &Problems{List: fromYAML(err)}
		}
		for slug, o := range have.All() {
			taken[slug] = true
			for _, s := range o.Align {
				uri, _, _ := strings.Cut(s, " ")
				known[uri] = true
			}
		}
	}
	fresh := &yaml.Node{Kind: yaml.MappingNode}
	for _, o := range list {
		uri, _, _ := strings.Cut(o.Align[0], " ")
		if known[uri] {
			out.Skipped = append(out.Skipped, uri)
			continue
		}
		known[uri] = true
		slug := slugOf(o, taken)
		var v yaml.Node
		if err := v.Encode(o); err != nil {
			return out, fmt.Errorf("writing the objective %s: %w", slug, err)
		}
		fresh.Content = append(fresh.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: slug}, &v)
		out.Slugs = append(out.Slugs, slug)
	}
	if len(out.Slugs) == 0 {
		return out, nil
	}
	var err error
	out.File, err = insert(file, &doc, fresh)
	return out, err
}

// insert adds the entries of fresh to the objectives, as text if that gives
// the same file but for them, else by writing the file anew.
func insert(file []byte, doc, fresh *yaml.Node) ([]byte, error) {
	lines, err := splice(file, doc.Content[0], fresh)
	if err != nil {
		return nil, err
	}
	root := doc.Content[0]
	key, old := entry(root, "objectives")
	switch {
	case key == nil:
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "objectives"}, fresh)
	case old.Kind == yaml.MappingNode:
		old.Content = append(old.Content, fresh.Content...)
	case old.Tag == "!!null":
		old.Kind, old.Tag, old.Value, old.Content = yaml.MappingNode, "", "", fresh.Content
	default:
		return nil, refusef("line %d: objectives is no mapping of names", old.Line)
	}
	if lines != nil && same(lines, root) {
		return lines, nil
	}
	whole, err := encode(doc)
	if err != nil {
		return nil, err
	}
	if !same(whole, root) {
		return nil, refusef("the file cannot be written anew without a change to what else it says; write its objectives as a block, one below the other")
	}
	return whole, nil
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := errors.Join(enc.Encode(n), enc.Close())
	return b.Bytes(), err
}

// splice inserts the text of the new entries behind the last objective, or a
// new block before the achievements. It returns nil where the file is not
// written in such a way.
func splice(file []byte, root, fresh *yaml.Node) ([]byte, error) {
	key, old := entry(root, "objectives")
	indent, before := 2, index(root, "achievements")
	switch {
	case root.Style&yaml.FlowStyle != 0 || bytes.ContainsAny(file, "\r\t"):
		return nil, nil
	case key == nil:
	case old.Kind != yaml.MappingNode || old.Style&yaml.FlowStyle != 0 || len(old.Content) == 0 || old.Line == key.Line:
		return nil, nil
	default:
		indent, before = old.Content[0].Column-1, index(root, "objectives")+2
	}
	text, err := encode(fresh)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(file), "\n")
	at := len(lines)
	if before < len(root.Content) {
		at = min(root.Content[before].Line-1, len(lines))
	}
	for at > 0 && (strings.TrimSpace(lines[at-1]) == "" || strings.HasPrefix(lines[at-1], "#")) {
		at-- // what stands before the next key belongs to it
	}
	var b strings.Builder
	b.WriteString(strings.Join(lines[:at], ""))
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		b.WriteString("\n")
	}
	if key == nil {
		b.WriteString("\nobjectives:\n")
	}
	for l := range strings.SplitAfterSeq(string(text), "\n") {
		if l != "" {
			b.WriteString(strings.Repeat(" ", indent) + l)
		}
	}
	b.WriteString(strings.Join(lines[at:], ""))
	return []byte(b.String()), nil
}

// same reports whether a file says what the tree does, keys in any order.
func same(file []byte, root *yaml.Node) bool {
	var doc yaml.Node
	if yaml.Unmarshal(file, &doc) != nil || len(doc.Content) != 1 {
		return false
	}
	return equal(doc.Content[0], root, 0)
}

// equal compares trees; the keys of the topmost mapping in any order.
func equal(a, b *yaml.Node, depth int) bool {
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.AliasNode {
		return true // of the same name
	}
	for i := 0; i < len(a.Content); i++ {
		other := b.Content[i]
		if depth == 0 && i%2 == 1 {
			if _, other = entry(b, a.Content[i-1].Value); other == nil {
				return false
			}
		} else if depth == 0 {
			continue
		}
		if !equal(a.Content[i], other, depth+1) {
			return false
		}
	}
	return true
}

// entry returns the key of a mapping and its value, nil for none.
func entry(m *yaml.Node, name string) (key, value *yaml.Node) {
	if i := index(m, name); i < len(m.Content) {
		return m.Content[i], m.Content[i+1]
	}
	return nil, nil
}

// index is the place of a key in a mapping's content; its length for none.
func index(m *yaml.Node, name string) int {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			return i
		}
	}
	return len(m.Content)
}
