package node

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraped reads figures as Prometheus does.
func scraped(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	all, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return all
}

// Prometheus reads every metric back: one name for a total and another for its
// parts, help, labels with any text, points and seconds.
func TestPrometheusReadsTheFigures(t *testing.T) {
	odd := "did:web:b\\\"\n\u00e9"
	var s Stats
	for _, m := range metrics {
		if m.total || len(m.labels) == 0 {
			s.add(m.name, "", 12)
		}
		if len(m.labels) > 0 {
			s.add(m.name, strings.TrimSuffix(odd+" "+strings.Repeat("x y", len(m.labels)-1), " "), 11.5)
		}
	}
	s.Figures = append(s.Figures, Figure{Metric: "learners", Hidden: true})
	var b strings.Builder
	if err := s.WritePrometheus(&b); err != nil {
		t.Fatal(err)
	}
	all := scraped(t, b.String())
	of := map[string]string{}
	for _, m := range metrics {
		for _, parts := range []bool{false, true} {
			if parts && len(m.labels) == 0 || !parts && len(m.labels) > 0 && !m.total {
				continue
			}
			name, _ := m.prometheus(parts)
			if of[name] != "" {
				t.Errorf("%s is both %s and %s", name, of[name], m.name)
			}
			of[name] = m.name
			f := all[name]
			if f == nil || len(f.GetMetric()) != 1 || f.GetHelp() == "" || !regexp.MustCompile("^[a-z][a-z0-9_]*$").MatchString(name) {
				t.Errorf("%s: %v", name, f)
				continue
			}
			labels := f.GetMetric()[0].GetLabel()
			if want := map[bool]float64{false: 12, true: 11.5}[parts]; f.GetMetric()[0].GetGauge().GetValue() != want {
				t.Errorf("%s: %v", name, f)
			}
			if parts && (len(labels) != len(m.labels) || !slices.ContainsFunc(labels, func(l *dto.LabelPair) bool { return l.GetValue() == odd })) {
				t.Errorf("%s: %v", name, labels)
			}
		}
	}
	if len(of) != len(all) {
		t.Errorf("%d metrics were read of %d", len(all), len(of))
	}
}

// The administration answers a scrape; the parts of a metric sum up to its
// total, which is told once.
func TestTheAdministrationAnswersAScrape(t *testing.T) {
	n := filled(t, 90)
	get := func(query string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		n.AdminHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/stats"+query, nil))
		return w
	}
	w := get("?format=prometheus")
	all := scraped(t, w.Body.String())
	sum := 0.0
	for _, m := range all["trustme_figure_issued_by_achievement"].GetMetric() {
		sum += m.GetGauge().GetValue()
	}
	if total := all["trustme_figure_issued"].GetMetric()[0].GetGauge().GetValue(); total != 30 || sum != total || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%v in all, %v by achievement, %s", total, sum, w.Header())
	}
	var s Stats
	if err := json.Unmarshal(get("").Body.Bytes(), &s); err != nil || s.Value("issued", "") != 30 {
		t.Errorf("%v, %v", s.Value("issued", ""), err)
	}
	if w := get("?format=csv&since=2000-01-01&until=2000-12-31&shared"); !strings.Contains(w.Body.String(), "\nissued,,0\n") {
		t.Errorf("%s", w.Body)
	}
	for _, query := range []string{"?format=xml", "?since=yesterday", "?since=2026-02-01&until=2026-01-01"} {
		if w := get(query); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// Figures of JSON read back as they were; of what is hidden there is no value.
func TestFiguresReadBackFromJSON(t *testing.T) {
	for _, f := range []Figure{{Metric: "issued", Value: 12}, {Metric: "credits in", By: "did:web:b uri", Value: 0.5}, {Metric: "issued", By: "a", Hidden: true, Under: 5}, {Metric: "issued", Hidden: true}, {Metric: "x", Value: math.Pow(2, 40)}} {
		raw, err := json.Marshal(f)
		var got Figure
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil || got != f || f.Hidden == strings.Contains(string(raw), "value") {
			t.Errorf("%+v became %s, %v", f, raw, err)
		}
	}
}
