package catalogue

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/trust-me/trustme/credentials/baking"
)

// An achievement may bring an image of its own: a PNG within the file, as a
// data: URL, so that a version holds it and each badge carries it. The others
// are drawn.

// image checks the image of an achievement.
func (l *linter) image(n Named[Achievement]) {
	if n.Value.Image == "" {
		return
	}
	raw, err := baking.FromDataURL(n.Value.Image)
	if err == nil {
		err = baking.CheckOwn(raw)
	}
	if err != nil {
		l.err(n.at("image"), "put a PNG into the file with: trustme node catalogue image FILE "+n.Key+" IMAGE.png", "achievement %s: the image: %v", n.Key, err)
	}
}

// SetImage puts a PNG into a catalogue's file as the image of an achievement,
// in place of the one that is there; nil takes it out. Where the achievement
// stands as a block not a byte of the rest changes, else the file is written
// anew. The error wraps [ErrInvalid] or [baking.ErrOwn].
func SetImage(file []byte, slug string, png []byte) ([]byte, error) {
	if png != nil {
		if err := baking.CheckOwn(png); err != nil {
			return nil, err
		}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, &Problems{List: fromYAML(err)}
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, refusef("the file is no catalogue: its top is no mapping of keys")
	}
	root := doc.Content[0]
	_, all := entry(root, "achievements")
	if all == nil || all.Kind != yaml.MappingNode {
		return nil, refusef("the file has no achievements")
	}
	_, one := entry(all, slug)
	if one == nil || one.Kind != yaml.MappingNode {
		return nil, refusef("the file has no achievement %s", slug)
	}
	lines := spliceImage(file, root, all, one, slug, png)
	i := index(one, "image")
	switch value := (&yaml.Node{Kind: yaml.ScalarNode, Value: baking.DataURL(png)}); {
	case png == nil && i < len(one.Content):
		one.Content = append(one.Content[:i], one.Content[i+2:]...)
	case png == nil:
	case i < len(one.Content):
		one.Content[i+1] = value
	default:
		one.Content = append(one.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "image"}, value)
	}
	if lines != nil && same(lines, root) {
		return lines, nil
	}
	whole, err := encode(&doc)
	if err != nil {
		return nil, err
	}
	if !same(whole, root) {
		return nil, refusef("the file cannot be written anew without a change to what else it says; write the achievement %s as a block, one key below the other", slug)
	}
	return whole, nil
}

// spliceImage changes the text of the file alone; nil where it is not written
// in such a way.
func spliceImage(file []byte, root, all, one *yaml.Node, slug string, png []byte) []byte {
	if root.Style&yaml.FlowStyle != 0 || all.Style&yaml.FlowStyle != 0 || one.Style&yaml.FlowStyle != 0 || len(one.Content) == 0 || bytes.ContainsAny(file, "\r\t") {
		return nil
	}
	lines := strings.SplitAfter(string(file), "\n")
	if key, value := entry(one, "image"); key != nil {
		if key.Line != value.Line || value.Style != 0 {
			return nil
		}
		lines = append(lines[:key.Line-1], lines[key.Line:]...)
	}
	if png == nil {
		return []byte(strings.Join(lines, ""))
	}
	at := len(lines)
	if i := index(all, slug) + 2; i < len(all.Content) {
		at = all.Content[i].Line - 1
	} else if i := index(root, "achievements") + 2; i < len(root.Content) {
		at = root.Content[i].Line - 1
	}
	if had, _ := entry(one, "image"); had != nil {
		at-- // it was taken out above
	}
	at = min(at, len(lines))
	for at > 0 && (strings.TrimSpace(lines[at-1]) == "" || strings.HasPrefix(strings.TrimSpace(lines[at-1]), "#")) {
		at-- // what stands before the next key belongs to it
	}
	text := fmt.Sprintf("%simage: %s\n", strings.Repeat(" ", one.Content[0].Column-1), baking.DataURL(png))
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		text = "\n" + text
	}
	return []byte(strings.Join(lines[:at], "") + text + strings.Join(lines[at:], ""))
}
