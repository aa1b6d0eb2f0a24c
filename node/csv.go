package node

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Columns of a CSV file of awards. The first line names them; badge and one of
// email, did and connection are required.
var csvColumns = []string{"badge", "email", "did", "connection", "level", "date", "until", "narrative", "evidence", "language"}

// RowError is what is to be said of a row; rows count from 1, the header.
type RowError struct {
	Row     int    `json:"row"`
	Message string `json:"message"`
}

// CSVError is every error of a file. Nothing was issued. Rows has the first
// of them, Wrong counts all.
type CSVError struct {
	Rows  []RowError
	Wrong int
}

func (e *CSVError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows are wrong; nothing was issued:", e.Wrong)
	for _, r := range e.Rows {
		fmt.Fprintf(&b, "\n  row %d: %s", r.Row, r.Message)
	}
	if more := e.Wrong - len(e.Rows); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more; correct these first", more)
	}
	return b.String()
}

// Unwrap makes errors.Is(err, [ErrInput]) hold.
func (e *CSVError) Unwrap() error { return ErrInput }

// maxRowErrors bounds a report.
const maxRowErrors = 1000

// Progress of a CSV run.
type Progress struct {
	Done     int `json:"done"`
	Total    int `json:"total"`
	Issued   int `json:"issued"`
	Existing int `json:"existing"`
}

// CSVResult sums a run up. Proofs is the share of the machine's time that went
// into building, signing and verifying; the rest is the store and waiting.
type CSVResult struct {
	Progress
	Seconds float64    `json:"seconds"`
	Proofs  float64    `json:"proofs"`
	Held    []RowError `json:"held,omitempty"`    // rows of who holds the level, or a higher one, already, at most 1000
	Claims  []string   `json:"claims"`            // "row,email,link" of each claim link, at most 100,000
	LeftOut int        `json:"leftOut,omitempty"` // claim links that are not among Claims
}

// maxClaims bounds the claim links of one answer.
const maxClaims = 100_000

// csvWorkers is how many rows are under way at once: most wait for the disk,
// which serves all that wait together, while a few sign.
const csvWorkers = 64

// IssueCSV grants every row of a file. All rows are checked first; with an
// error nothing is issued ([*CSVError]). The same row twice, in one file or
// two, issues once, also when the badge was revoked meanwhile, so a run that was
// cut off is simply run again. progress is
// called after each row, from one goroutine at a time.
func (n *Node) IssueCSV(ctx context.Context, path string, progress func(Progress)) (CSVResult, error) {
	if !n.csvRunning.CompareAndSwap(false, true) {
		return CSVResult{}, fmt.Errorf("%w: another CSV run is under way", ErrInput)
	}
	defer n.csvRunning.Store(false)
	total, err := n.checkCSV(ctx, path)
	if err != nil {
		return CSVResult{}, err
	}
	start := time.Now()
	res := CSVResult{Progress: Progress{Total: total}, Claims: []string{}}
	rows := make(chan csvRow)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var proofs atomic.Int64
	var wg sync.WaitGroup
	for range csvWorkers {
		wg.Go(func() {
			for r := range rows {
				g, err := n.Grant(withTimer(ctx, &proofs), r.request)
				if err != nil {
					cancel(fmt.Errorf("row %d: %w", r.row, err))
					return
				}
				mu.Lock()
				res.count(r.row, g)
				if progress != nil {
					progress(res.Progress)
				}
				mu.Unlock()
			}
		})
	}
	err = n.feed(ctx, path, rows)
	wg.Wait()
	slices.SortFunc(res.Held, func(a, b RowError) int { return a.Row - b.Row })
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	res.Seconds = time.Since(start).Seconds()
	res.Proofs = min(1, time.Duration(proofs.Load()).Seconds()/(res.Seconds*float64(runtime.GOMAXPROCS(0))))
	return res, err
}

func (r *CSVResult) count(row int, g Granted) {
	r.Done++
	if g.New {
		r.Issued++
	} else {
		r.Existing++
		if why := g.Holds(); why != "" && len(r.Held) < maxRowErrors {
			r.Held = append(r.Held, RowError{row, why})
		}
	}
	switch {
	case g.Claim == nil:
	case len(r.Claims) < maxClaims:
		r.Claims = append(r.Claims, fmt.Sprintf("%d,%s,%s", row, g.Award.Recipient.Email, g.Claim.Link))
	default:
		r.LeftOut++
	}
}

type csvRow struct {
	row     int
	request GrantRequest
}

func (n *Node) feed(ctx context.Context, path string, rows chan<- csvRow) error {
	defer close(rows)
	return n.readCSV(path, func(r csvRow, err error) error {
		if err != nil {
			return err
		}
		select {
		case rows <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// checkCSV reads the file once and collects the errors.
func (n *Node) checkCSV(ctx context.Context, path string) (int, error) {
	var bad CSVError
	total := 0
	err := n.readCSV(path, func(r csvRow, err error) error {
		total++
		if err == nil {
			if _, err = n.newAward(ctx, r.request); err != nil && !refusal(err) {
				return err // nothing is known about this row
			}
		}
		if err == nil {
			return nil
		}
		if bad.Wrong++; len(bad.Rows) < maxRowErrors {
			bad.Rows = append(bad.Rows, RowError{r.row, strings.TrimPrefix(err.Error(), ErrInput.Error()+": ")})
		}
		return nil
	})
	if err == nil && bad.Wrong > 0 {
		err = &bad
	}
	if err == nil && total == 0 {
		err = fmt.Errorf("%w: the file has no rows below its header", ErrInput)
	}
	return total, err
}

// readCSV yields the rows of a file; err tells a row that cannot be read.
func (n *Node) readCSV(path string, yield func(csvRow, error) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the CSV file: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord, r.TrimLeadingSpace, r.FieldsPerRecord = true, true, -1
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("%w: the file has no header; its first line names the columns: %s", ErrInput, strings.Join(csvColumns, ","))
	}
	columns := slices.Clone(head)
	for i, c := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(c, "\ufeff")))
		if !slices.Contains(csvColumns, columns[i]) {
			return fmt.Errorf("%w: unknown column %q in row 1; known are: %s", ErrInput, c, strings.Join(csvColumns, ", "))
		}
	}
	for row := 2; ; row++ {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var malformed *csv.ParseError
		if err != nil && !errors.As(err, &malformed) {
			return fmt.Errorf("reading the CSV file: %w", err)
		}
		req := csvRow{row: row, request: GrantRequest{row: true, route: routeCSV}}
		if err == nil && len(fields) != len(columns) {
			err = fmt.Errorf("%d fields instead of %d", len(fields), len(columns))
		}
		if err == nil {
			err = req.fill(columns, fields)
		}
		if err := yield(req, err); err != nil {
			return err
		}
	}
}

func (r *csvRow) fill(columns, fields []string) (err error) {
	g := &r.request
	for i, c := range columns {
		v := strings.TrimSpace(fields[i])
		if v == "" {
			continue
		}
		v = strings.Clone(v)
		switch c {
		case "badge":
			g.Achievement = v
		case "email":
			g.To.Email = v
		case "did":
			g.To.DID = v
		case "connection":
			g.To.Connection = v
		case "language":
			g.Language = v
		case "narrative":
			g.Narrative = v
		case "evidence":
			g.Evidence = strings.Fields(strings.ReplaceAll(v, ";", " "))
		case "level":
			if g.Level, err = strconv.Atoi(v); err != nil {
				return fmt.Errorf("level %q is no number", v)
			}
		case "date":
			if g.Awarded, err = day(v); err != nil {
				return err
			}
		case "until":
			if g.ValidUntil, err = day(v); err != nil {
				return err
			}
		}
	}
	if g.Achievement == "" {
		return errors.New("badge is missing")
	}
	return nil
}

func day(v string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date; write 2026-11-27", v)
}

// A timer in the context collects the time that goes into proofs.
type timerKey struct{}

func withTimer(ctx context.Context, t *atomic.Int64) context.Context {
	return context.WithValue(ctx, timerKey{}, t)
}

func countProof(ctx context.Context, since time.Time) {
	if t, ok := ctx.Value(timerKey{}).(*atomic.Int64); ok {
		t.Add(int64(time.Since(since)))
	}
}
