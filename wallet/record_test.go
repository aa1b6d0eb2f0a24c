package wallet_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/seal"
	"github.com/trust-me/trustme/wallet"
)

// recorded makes a record with a file of evidence.
func recorded(t *testing.T, w *wallet.Wallet, name, words string) wallet.Record {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.txt")
	if err := os.WriteFile(file, []byte(words), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := w.AddRecord(t.Context(), wallet.RecordRequest{Name: name, Setting: "formal", Kind: "skill", From: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Evidence: []wallet.EvidenceFrom{{From: file, Name: "Log"}, {From: "text:I did"}, {From: "https://example.org/x"}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARecordIsABadgeOfTheLearnersOwnWithDigestsOfItsFiles(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	r := recorded(t, w, "Welding", "three gates")
	h, raw, err := w.Get(t.Context(), "Welding")
	if err != nil || h.ID != r.ID || !h.SelfAsserted || h.Issuer != w.DID().String() || h.Subject != h.Issuer {
		t.Fatalf("%+v, %v", h, err)
	}
	if p := credentials.Lint(raw); len(p) > 0 {
		t.Error(p)
	}
	c, err := credentials.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Facts().Setting; got != "http://data.europa.eu/snb/learning-setting/6fd4685715" {
		t.Errorf("the setting is told as %q", got)
	}
	id := c.Doc().Get("evidence").At(0).ID()
	for content, want := range map[string]credentials.Verdict{"three gates": credentials.Valid, "four gates": credentials.Invalid} {
		rep := newIssuer(t).party.Verifier.Report(t.Context(), raw, credentials.ReportOptions{Resources: map[string][]byte{id: []byte(content)}})
		if rep.Verdict != want || !rep.SelfAsserted {
			t.Errorf("%q: %s %s", content, rep.Verdict, rep.Why())
		}
	}
	holdings, err := w.Holdings(t.Context())
	if err != nil || holdings == nil {
		t.Fatal(err)
	}
	if _, err := w.Endorse(t.Context(), raw, "", "", time.Now().Add(time.Hour)); !errors.Is(err, wallet.ErrInput) {
		t.Errorf("who endorses themself: %v", err)
	}
}

func TestBackupsHoldRecordsWithTheirFilesAndRestoreAsAUnion(t *testing.T) {
	ana, other := open(t, t.TempDir(), nil), open(t, t.TempDir(), nil)
	mine := recorded(t, ana, "Welding", "three gates")
	recorded(t, ana, "Welding again", "three gates") // the same file once
	theirs := recorded(t, other, "Painting", "four walls")
	dir, _ := published(t, ana, wallet.PortfolioRequest{Badges: []string{"Welding"}, Title: "Mine"})
	var backup bytes.Buffer
	if _, err := ana.Backup(t.Context(), &backup, seal.Options{Passphrase: "secret", WorkFactor: 10}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second changes nothing
		if _, err := other.Restore(t.Context(), bytes.NewReader(backup.Bytes()), "secret"); err != nil {
			t.Fatal(err)
		}
		all, err := other.Records(t.Context())
		if err != nil || len(all) != 3 {
			t.Fatalf("%d records, %v", len(all), err)
		}
		for _, r := range all {
			raw, ending, err := other.RecordFile(r, 1)
			want := map[bool]string{true: "four walls", false: "three gates"}[r.ID == theirs.ID]
			if err != nil || string(raw) != want || ending != ".txt" {
				t.Errorf("%s: %q%s, %v", r.Name, raw, ending, err)
			}
		}
	}
	got, err := other.WithdrawPublication(t.Context(), dir) // known after the restore
	if err != nil || got.Withdrawn.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the withdrawn site: %v", err)
	}
	if _, err := other.RemoveRecord(t.Context(), mine.ID); err != nil {
		t.Fatal(err)
	}
	again, _, err := other.Record(t.Context(), "Welding again")
	if err != nil {
		t.Fatal(err)
	}
	if raw, _, err := other.RecordFile(again, 1); err != nil || string(raw) != "three gates" {
		t.Errorf("the file that another record needs: %q, %v", raw, err)
	}
}

func TestARecordThatSaysTooLittleOrTooMuchIsRefusedAndNothingIsKept(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	file := filepath.Join(t.TempDir(), "photo.png")
	if err := os.WriteFile(file, []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := wallet.RecordRequest{Name: "Welding", Setting: "informal"}
	for say, spoil := range map[string]func(*wallet.RecordRequest){
		"name: say what":                 func(q *wallet.RecordRequest) { q.Name = " " },
		"in at most 200 bytes":           func(q *wallet.RecordRequest) { q.Name = strings.Repeat("x", 201) },
		`setting ""`:                     func(q *wallet.RecordRequest) { q.Setting = "" },
		`kind "talent"`:                  func(q *wallet.RecordRequest) { q.Kind = "talent" },
		"--from is no later than":        func(q *wallet.RecordRequest) { q.From = time.Now().AddDate(0, 0, 2) },
		`align "x"`:                      func(q *wallet.RecordRequest) { q.Align = []string{"x"} },
		"evidence 1: photo.png":          func(q *wallet.RecordRequest) { q.Evidence = []wallet.EvidenceFrom{{From: file}} },
		`evidence 1: not in this wallet`: func(q *wallet.RecordRequest) { q.Evidence = []wallet.EvidenceFrom{{From: "badge:none"}} },
		"is no address":                  func(q *wallet.RecordRequest) { q.Evidence = []wallet.EvidenceFrom{{From: "https://"}} },
		"at most 20 are taken":           func(q *wallet.RecordRequest) { q.Evidence = slices.Repeat([]wallet.EvidenceFrom{{From: "text:x"}}, 21) },
		"1 to 16384 are taken": func(q *wallet.RecordRequest) {
			q.Evidence = []wallet.EvidenceFrom{{From: "text:" + strings.Repeat("x", application.MaxText+1)}}
		},
	} {
		q := good
		spoil(&q)
		if _, err := w.AddRecord(t.Context(), q); (!errors.Is(err, wallet.ErrInput) && !errors.Is(err, wallet.ErrNotHeld)) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
	if all, err := w.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := w.AddRecord(t.Context(), good); err != nil {
		t.Error(err)
	}
}

// A backup in which a file of evidence is missing or altered is not whole.
func TestABackupWithoutItsFilesIsRefused(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	recorded(t, w, "Welding", "three gates")
	var backup bytes.Buffer
	if _, err := w.Backup(t.Context(), &backup, seal.Options{Passphrase: "secret", WorkFactor: 10}); err != nil {
		t.Fatal(err)
	}
	a, err := seal.OpenArchive(bytes.NewReader(backup.Bytes()), "wallet", "secret")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(a.Payload)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(backup.Bytes()), "secret")
	if err != nil || m.Files != 1 || !bytes.HasSuffix(raw, []byte("\nthree gates")) {
		t.Fatalf("%+v, %v, and the payload ends with %q", m, err, raw[len(raw)-20:])
	}
	sum := sha256.Sum256([]byte("three gates"))
	digest := []byte(hex.EncodeToString(sum[:]))
	listed := bytes.LastIndex(raw, digest) // after that in the record
	for _, tt := range []struct {
		name, want string
		raw        []byte
	}{
		{"another file", "a file of evidence is not the one it was", bytes.Replace(raw, []byte("\nthree gates"), []byte("\nthree gAtes"), 1)},
		{"a file cut short", "a file of evidence is not the one it was", raw[:len(raw)-1]},
		{"no file", "a file of evidence is not the one it was", raw[:len(raw)-len("three gates")]},
		{"more than is listed", "there is more in it than it lists", append(bytes.Clone(raw), '!')},
		{"a list without it", `a file of the record "Welding" is missing`, append(append(bytes.Clone(raw[:listed]), bytes.Repeat([]byte("0"), len(digest))...), raw[listed+len(digest):]...)},
		{"no end of the content", "its content has no end", bytes.Replace(raw, []byte("\nthree gates"), []byte("three gates"), 1)},
	} {
		var spoilt bytes.Buffer
		if err := seal.WriteArchive(&spoilt, "wallet", m, seal.Options{Passphrase: "secret", WorkFactor: 10}, func(out io.Writer) error { _, err := out.Write(tt.raw); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := wallet.VerifyBackup(t.Context(), bytes.NewReader(spoilt.Bytes()), "secret"); !errors.Is(err, seal.ErrAltered) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		other := open(t, t.TempDir(), nil)
		if _, err := other.Restore(t.Context(), bytes.NewReader(spoilt.Bytes()), "secret"); !errors.Is(err, seal.ErrAltered) {
			t.Errorf("%s: restored: %v", tt.name, err)
		}
		if all, err := other.List(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%s: %v, %v", tt.name, all, err)
		}
	}
}
