package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials"
	"github.com/trust-me/trustme/credentials/dataintegrity"
)

// selective issues a badge of which parts can be shown.
func selective(t *testing.T) string {
	t.Helper()
	k, issuer, err := newBenchP256()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	unsigned, err := credentials.Build(credentials.Award{ID: "urn:x:1", Issuer: credentials.Profile{ID: issuer.String(), Name: "Alder"}, Achievement: []byte(benchAchievement),
		Subject: credentials.Subject{ID: issuer.String()}, ValidFrom: now.Add(-time.Hour), Narrative: "What she did is nobody's business.",
		Evidence: []credentials.Evidence{{Name: "First work"}, {Name: "Second work"}}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := dataintegrity.AddProof(t.Context(), unsigned, dataintegrity.Options{Cryptosuite: dataintegrity.ECDSASD, Created: now,
		Mandatory: []string{"/issuer", "/validFrom", "/credentialSubject/achievement"}}, k)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "badge.json")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestALearnerShowsAPartOfABadgeAndAnyoneVerifiesIt(t *testing.T) {
	badge, dir := selective(t), t.TempDir()
	shown := filepath.Join(dir, "shown.json")
	try := func(args ...string) (string, int) {
		var b bytes.Buffer
		err := runQuietly(append([]string{"trustme"}, args...), &b)
		if err == nil {
			return b.String(), exitYes
		}
		return b.String() + err.Error(), codeOf(err)
	}
	for _, tt := range []struct {
		show        []string
		has, hasNot string
	}{
		{nil, "Badge Designer", "nobody's business"},
		{[]string{"/evidence/1"}, "Second work", "First work"},
		{[]string{"/credentialSubject/narrative", "/evidence"}, "nobody's business", "\x00"},
	} {
		args := []string{"derive", "--force", "-o", shown}
		for _, p := range tt.show {
			args = append(args, "--show", p)
		}
		if out, code := try(append(args, badge)...); code != exitYes {
			t.Fatalf("%v: %s", tt.show, out)
		}
		raw, err := os.ReadFile(shown)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), tt.has) || strings.Contains(string(raw), tt.hasNot) {
			t.Errorf("%v shows %s", tt.show, raw)
		}
		if out, code := try("verify", "--dir", filepath.Join(dir, "v"), shown); code != exitYes || !strings.Contains(out, "signed with ecdsa-sd-2023") {
			t.Errorf("%v: exit %d, %s", tt.show, code, out)
		}
		altered := filepath.Join(dir, "altered.json")
		if err := os.WriteFile(altered, bytes.Replace(raw, []byte("Badge Designer"), []byte("Badge Master"), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := try("verify", "--dir", filepath.Join(dir, "v"), altered); code != exitNo {
			t.Errorf("altered: exit %d, %s", code, out)
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"derive", "-o", filepath.Join(dir, "x"), "--show", "/nothing", badge}, exitUsage, `JSON pointer leads nowhere: "/nothing"; --show wants a pointer such as`},
		{[]string{"derive", "-o", filepath.Join(dir, "x"), shown}, exitNo, "ask the issuer for one of ecdsa-sd-2023"},
		{[]string{"derive", badge}, exitUsage, "name the file to write"},
		{[]string{"derive", "-o", shown, badge}, exitUsage, "exists already"},
		{[]string{"verify", "--dir", filepath.Join(dir, "v"), badge}, exitNo, "a base proof of ecdsa-sd-2023 is for its holder, who derives from it what is shown"},
	} {
		if out, code := try(tt.args...); code != tt.code || !strings.Contains(out, tt.says) {
			t.Errorf("%v: exit %d, %s", tt.args, code, out)
		}
	}
}
