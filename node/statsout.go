package node

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteCSV writes figures as CSV with the columns metric, by, value; a hidden
// group has the value <5.
func (s Stats) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"metric", "by", "value"}}
	for _, f := range s.Figures {
		rows = append(rows, []string{f.Metric, f.By, f.text()})
	}
	return c.WriteAll(rows)
}

func (f Figure) text() string {
	if f.Hidden {
		return fmt.Sprintf("<%d", smallGroup)
	}
	return strconv.FormatInt(f.Value, 10)
}

// WriteText writes figures for people.
func (s Stats) WriteText(w io.Writer) error {
	var b strings.Builder
	since := "since the beginning"
	if !s.Since.IsZero() {
		since = "since " + s.Since.Format("2006-01-02")
	}
	fmt.Fprintf(&b, "%s, %s\n", s.Node, since)
	for _, f := range s.Figures {
		if f.By == "" {
			fmt.Fprintf(&b, "%8s  %s\n", f.text(), f.Metric)
		} else {
			fmt.Fprintf(&b, "%8s  %s: %s\n", f.text(), f.Metric, f.By)
		}
	}
	if s.AcceptedWithin != "" {
		fmt.Fprintf(&b, "half of the accepted badges were accepted within %s\n", s.AcceptedWithin)
	}
	if s.OldestOpen != "" {
		fmt.Fprintf(&b, "the oldest open application is %s old\n", s.OldestOpen)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WritePrometheus writes figures in the text format of Prometheus; hidden
// groups are left out.
func (s Stats) WritePrometheus(w io.Writer) error {
	var b strings.Builder
	last := ""
	for _, f := range s.Figures {
		if f.Hidden {
			continue
		}
		name := "trustme_figure_" + strings.NewReplacer(" ", "_", "-", "_").Replace(f.Metric)
		if name != last {
			fmt.Fprintf(&b, "# TYPE %s gauge\n", name)
			last = name
		}
		if f.By == "" {
			fmt.Fprintf(&b, "%s %d\n", name, f.Value)
		} else {
			fmt.Fprintf(&b, "%s{by=%q} %d\n", name, f.By, f.Value)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
