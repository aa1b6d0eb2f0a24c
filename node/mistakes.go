package node

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	atLine    = regexp.MustCompile(`^line (\d+): (.*)$`)
	wrongKind = regexp.MustCompile(`^cannot unmarshal !!\w+ ?(.*) into (.*)$`)
	// wanted says what a Go type is in a settings file.
	wanted = map[string]string{
		"int": "a whole number", "bool": "true or false", "string": "one text", "[]string": "a list such as [openbadges]", "node.Settings": "settings, a line each such as name: Alder",
	}
)

// mistakes tells what a decoder of settings says with line and key.
func mistakes(raw []byte, err error) string {
	typed, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	var out []string
	for _, text := range typed.Errors {
		m := atLine.FindStringSubmatch(text)
		if m == nil {
			out = append(out, text)
			continue
		}
		line, what := m[1], m[2]
		if field, ok := strings.CutSuffix(what, " not found in type node.Settings"); ok {
			out = append(out, "line "+line+": "+field+" is no setting; `trustme node config` lists them")
			continue
		}
		if k := wrongKind.FindStringSubmatch(what); k != nil {
			what = strings.TrimSpace("write " + wanted[k[2]] + " instead of " + k[1])
			what = strings.TrimSuffix(what, " instead of")
		}
		out = append(out, "line "+line+": "+keyAt(raw, line)+what)
	}
	return strings.Join(out, "\n  ")
}

// keyAt names the setting to which a line belongs.
func keyAt(raw []byte, line string) string {
	at, err := strconv.Atoi(line)
	var doc yaml.Node
	if err != nil || yaml.Unmarshal(raw, &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return "" // the line tells enough
	}
	key := ""
	for i, n := range doc.Content[0].Content {
		if i%2 == 0 && n.Line <= at {
			key = n.Value + ": "
		}
	}
	return key
}
