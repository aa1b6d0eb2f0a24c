package catalogue

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// unknownKeys refuses the keys of a mapping that the type behind into does not
// know. Types that decode themselves check their own keys.
func unknownKeys(n *yaml.Node, into any) error {
	t := reflect.TypeOf(into).Elem()
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, own := reflect.New(t).Interface().(yaml.Unmarshaler); own {
		return nil
	}
	var wrong []error
	switch {
	case t.Kind() == reflect.Pointer:
		return unknownKeys(n, reflect.New(t.Elem()).Interface())
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for _, e := range n.Content {
			wrong = append(wrong, unknownKeys(e, reflect.New(t.Elem()).Interface()))
		}
	case t.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		fields := fieldsOf(t)
		for i := 0; i+1 < len(n.Content); i += 2 {
			f, ok := fields[n.Content[i].Value]
			if !ok {
				wrong = append(wrong, fmt.Errorf("line %d: field %s not found in type %s", n.Content[i].Line, n.Content[i].Value, t.Name()))
				continue
			}
			wrong = append(wrong, unknownKeys(n.Content[i+1], reflect.New(f).Interface()))
		}
	}
	return mistakes(wrong...)
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case opts == "inline":
			for k, v := range fieldsOf(f.Type) {
				out[k] = v
			}
		case f.IsExported() && name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}
