package node

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteCSV writes figures as CSV with the columns metric, by, value; one that is
// hidden has the value <5 or hidden.
func (s Stats) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"metric", "by", "value"}}
	for _, f := range s.Figures {
		rows = append(rows, []string{f.Metric, f.By, f.number()})
	}
	return c.WriteAll(rows)
}

// WriteText writes figures for people, times in words.
func (s Stats) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", s.Node, s.period())
	for _, f := range s.Figures {
		if strings.Contains(f.Metric, "seconds") {
			continue
		}
		by := ""
		if f.By != "" {
			by = ": " + f.By
		}
		if f.Metric == "role met" && f.By != "" {
			by += fmt.Sprintf(" (of %s)", s.figure("learners", "").number())
		}
		fmt.Fprintf(&b, "%8s  %s%s\n", f.number(), f.Metric, by)
	}
	for _, f := range s.Figures {
		if strings.Contains(f.Metric, "seconds") {
			fmt.Fprintln(&b, f.sentence())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Stats) period() string {
	since, until := s.Since.Format(time.DateOnly), s.Until.Format(time.DateOnly)
	switch {
	case s.Since.IsZero() && s.Until.IsZero():
		return "since the beginning"
	case s.Until.IsZero():
		return "since " + since
	case s.Since.IsZero():
		return "until " + until
	}
	return since + " to " + until
}

// sentence tells a figure that is a time.
func (f Figure) sentence() string {
	if f.Hidden {
		return strings.TrimSuffix(f.Metric+": "+f.By, ": ") + ": hidden"
	}
	took := inWords(int64(f.Value))
	switch f.Metric {
	case acceptMedian:
		return "half of the accepted badges were accepted within " + took
	case decideMedian:
		return "half of the decisions about applications were made within " + took
	case openOldest:
		return "the oldest application that is " + f.By + " is " + took + " old"
	}
	return "half of the applications that are " + f.By + " are at most " + took + " old"
}

// WritePrometheus writes figures in the text format of Prometheus; what is
// hidden is left out. A total and its parts have different names, so that a sum
// over the parts is the total and not twice that.
func (s Stats) WritePrometheus(w io.Writer) error {
	of := map[string]metric{}
	for _, m := range metrics {
		of[m.name] = m
	}
	var b strings.Builder
	last := ""
	for _, f := range s.Figures {
		if f.Hidden {
			continue
		}
		m := of[f.Metric]
		name, help := m.prometheus(f.By != "")
		if name != last {
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, escapeHelp.Replace(help), name)
			last = name
		}
		fmt.Fprintf(&b, "%s%s %s\n", name, m.labelled(f.By), f.number())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// prometheus returns the name and the help of a metric: of its parts where they
// are beside a total.
func (m metric) prometheus(parts bool) (name, help string) {
	name = "trustme_figure_" + strings.Join(strings.FieldsFunc(m.name, func(r rune) bool { return r == ' ' || r == ',' || r == '-' }), "_")
	if !m.total || !parts {
		return name, m.help
	}
	return name + "_by_" + m.labels[0], strings.TrimSuffix(m.help, ".") + ", by " + m.labels[0] + "."
}

// labelled returns the labels of what a part is told apart by.
func (m metric) labelled(by string) string {
	if by == "" {
		return ""
	}
	values := strings.SplitN(strings.ToValidUTF8(by, "\uFFFD"), " ", len(m.labels))
	var out []string
	for i, v := range values {
		out = append(out, m.labels[i]+`="`+escapeLabel.Replace(v)+`"`)
	}
	return "{" + strings.Join(out, ",") + "}"
}
