package judges

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/trust-me/trustme/credentials"
)

// verdict runs `trustme verify` and returns its exit code and the codes of the
// checks that say no.
func verdict(t *testing.T, bin, file string) (int, []string) {
	t.Helper()
	cmd := exec.Command(bin, "verify", "--json", "--dir", filepath.Join(filepath.Dir(file), "verifier"), file)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var report struct {
		Checks []struct{ Answer, Code string } `json:"checks"`
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Checks) == 0 {
		t.Fatalf("%s: no report (%v): %s", file, err, out)
	}
	var no []string
	for _, c := range report.Checks {
		if c.Answer == "no" {
			no = append(no, c.Code)
		}
	}
	return cmd.ProcessState.ExitCode(), no
}

func TestBadgesThatDigitalBazaarSignsAreJudgedHereAsTheyDeserve(t *testing.T) {
	bin := built(t)
	dir := filepath.Join(t.TempDir(), "signed")
	judge(t, "7 written", "sign.js", dir)
	for name, want := range map[string]string{ // the check that says no, if any
		"valid-rdfc": "", "valid-rdfc-until": "", "valid-rdfc-text": "", "valid-jcs": "", "valid-jcs-until": "",
		"expired-rdfc": credentials.CodeExpired, "stranger-rdfc": credentials.CodeKeyNotAuthorized,
	} {
		file := filepath.Join(dir, name+".json")
		code, no := verdict(t, bin, file)
		if want == "" && (code != 0 || no != nil) || want != "" && (code != 1 || len(no) != 1 || no[0] != want) {
			t.Errorf("%s: exit %d, no to %v, want no to %q", name, code, no, want)
		}
		if want != "" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		altered := bytes.Replace(raw, []byte("Made elsewhere"), []byte("Made nowhere"), 1)
		if bytes.Equal(altered, raw) {
			t.Fatalf("%s: nothing was altered", name)
		}
		file = filepath.Join(dir, "altered.json")
		if err := os.WriteFile(file, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, no := verdict(t, bin, file); code != 1 || len(no) != 1 || no[0] != credentials.CodeSignature {
			t.Errorf("%s, altered: exit %d, no to %v", name, code, no)
		}
	}
}
