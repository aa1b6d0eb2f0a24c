package catalogue

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Objectives of frameworks come from files that their publishers hand out:
// nobody is called.

// ReadESCO reads the skills of an ESCO CSV file, as the European Commission
// publishes it (skills_en.csv), as objectives. The error wraps [ErrInvalid]
// and names the row.
func ReadESCO(raw []byte) ([]Objective, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, refusef("this is no ESCO file: %v", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.TrimSpace(name)] = i
	}
	for _, need := range []string{"conceptUri", "preferredLabel"} {
		if _, ok := column[need]; !ok {
			return nil, refusef("this is no ESCO file: it has no column %s; download the skills as CSV from the ESCO portal", need)
		}
	}
	var out []Objective
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, refusef("reading the ESCO file: %v", err)
		}
		get := func(name string) string {
			if i, ok := column[name]; ok && i < len(row) {
				return oneLine(row[i])
			}
			return ""
		}
		line, _ := r.FieldPos(0)
		uri, label := get("conceptUri"), get("preferredLabel")
		if !isURI(uri) || label == "" {
			return nil, refusef("line %d of the ESCO file has no conceptUri, or no preferredLabel", line)
		}
		if s := get("status"); s != "" && s != "released" {
			continue // obsolete, or not in force yet
		}
		kind := "skill"
		if get("skillType") == "knowledge" {
			kind = "knowledge"
		}
		out = append(out, Objective{Kind: kind, Text: cmp.Or(get("description"), label), Align: []string{uri + " " + label}})
	}
}

// casePackage is what is read of a CASE 1.0 CFPackage.
type casePackage struct {
	Document struct {
		Title string `json:"title"`
	} `json:"CFDocument"`
	Items []struct {
		Identifier  string `json:"identifier"`
		URI         string `json:"uri"`
		Statement   string `json:"fullStatement"`
		Abbreviated string `json:"abbreviatedStatement"`
		Code        string `json:"humanCodingScheme"`
		Status      string `json:"statusEndDate"`
	} `json:"CFItems"`
}

// ReadCASE reads the items of a CASE 1.0 package (CFPackage, JSON) as
// objectives of the type CFItem. The error wraps [ErrInvalid] and names the
// item.
func ReadCASE(raw []byte) ([]Objective, error) {
	var p casePackage
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\ufeff")), &p); err != nil {
		return nil, refusef("this is no CASE package: %v", err)
	}
	if len(p.Items) == 0 {
		return nil, refusef("this is no CASE package with items: CFItems is missing or empty; ask its publisher for the CFPackage as JSON")
	}
	var out []Objective
	for i, it := range p.Items {
		text := oneLine(it.Statement)
		if !isURI(it.URI) || text == "" {
			return nil, refusef("CFItems[%d] (%s) has no uri, or no fullStatement", i, it.Identifier)
		}
		if it.Status != "" {
			continue // it ended
		}
		out = append(out, Objective{Text: text, Type: "CFItem", Framework: oneLine(p.Document.Title), Code: oneLine(it.Code), Align: []string{it.URI + " " + cmp.Or(oneLine(it.Abbreviated), text)}})
	}
	return out, nil
}

// Choose keeps the objectives whose text, name or code holds one of the words,
// and those of a URI among them; all for no words.
func Choose(list []Objective, words []string) []Objective {
	if len(words) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(o Objective) bool {
		whole := strings.ToLower(o.Text + "\n" + o.Code + "\n" + strings.Join(o.Align, "\n"))
		return !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(whole, strings.ToLower(w)) })
	})
}

// oneLine writes text without line breaks and surplus spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func isURI(s string) bool {
	return !strings.ContainsAny(s, " \t\n") && (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"))
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slugOf makes a slug of an objective's code or name, other than those taken.
func slugOf(o Objective, taken map[string]bool) string {
	_, name, _ := strings.Cut(o.Align[0], " ")
	s := "lo-" + strings.Trim(notSlug.ReplaceAllString(strings.ToLower(cmp.Or(o.Code, name)), "-"), "-")
	if len(s) > 48 {
		s = strings.TrimRight(s[:48], "-")
	}
	if s == "lo-" {
		s = "lo-item"
	}
	free := s
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s-%d", s, i)
	}
	taken[free] = true
	return free
}
