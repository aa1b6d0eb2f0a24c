package node

import (
	"bytes"
	"strings"
	"testing"

	"github.com/trust-me/trustme/node/catalogue"
)

// An endorsement of a draft counts for that file at that address alone.
func TestAnEndorsementOfADraftCountsForThatFileAlone(t *testing.T) {
	n := opened(t, t.TempDir(), nil)
	const base = "https://birch.example"
	e, err := n.Endorse(t.Context(), EndorseRequest{Of: base, Draft: catalogue.OpenBadges, Comment: "Well done."})
	if err != nil {
		t.Fatal(err)
	}
	other := func(old, new string) []byte {
		return bytes.Replace(catalogue.OpenBadges, []byte(old), []byte(new), 1)
	}
	for _, tt := range []struct {
		name, address string
		file, signed  []byte
		why           string // "" for one that counts
	}{
		{"as it was signed", base + "/openbadges", catalogue.OpenBadges, e.Credential, ""},
		{"another content of the version", base + "/openbadges", other("pass: 2", "pass: 1"), e.Credential, "differs"},
		{"another version", base + "/openbadges", other("version: 1.1.0 ", "version: 1.1.1 "), e.Credential, "it is of another version"},
		{"another address", "https://cedar.example/openbadges", catalogue.OpenBadges, e.Credential, "it is about " + base + "/openbadges/catalogue.json"},
		{"another comment", base + "/openbadges", catalogue.OpenBadges, bytes.Replace(e.Credential, []byte("Well done."), []byte("Well sung."), 1), "proof"},
		{"no endorsement", base + "/openbadges", catalogue.OpenBadges, []byte(`{"type":["VerifiableCredential"]}`), "/"},
	} {
		c, err := catalogue.Parse(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		got := n.judgeEndorsement(t.Context(), tt.signed, tt.address, c)
		if (got.Why == "") != (tt.why == "") || !strings.Contains(got.Why, tt.why) {
			t.Errorf("%s: %q, want %q", tt.name, got.Why, tt.why)
		}
		if tt.why == "" && (got.Version != "1.1.0" || got.Comment != "Well done.") {
			t.Errorf("%+v", got)
		}
	}
}
