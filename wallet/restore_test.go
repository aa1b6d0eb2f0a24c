package wallet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/wallet"
)

// state is what a wallet holds, as its backup tells, with the keys by name.
func state(t *testing.T, w *wallet.Wallet) map[string]string {
	t.Helper()
	out := map[string]string{}
	for part, raw := range inside(t, backup(t, w)).Body {
		switch part {
		case "transfer": // new in each backup, and with it the sealed keys
			continue
		case "keys":
			var ks []struct{ Public string }
			if err := json.Unmarshal(raw, &ks); err != nil {
				t.Fatal(err)
			}
			var err error
			if raw, err = json.Marshal(ks); err != nil {
				t.Fatal(err)
			}
		}
		out[part] = string(raw)
	}
	return out
}

func restore(t *testing.T, w *wallet.Wallet, raw []byte) wallet.Manifest {
	t.Helper()
	m, err := w.Restore(t.Context(), bytes.NewReader(raw), "p")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// connected is a wallet with two badges, a partner, and a record of what was
// shown to it.
func connected(t *testing.T) (*wallet.Wallet, *verifier) {
	t.Helper()
	v := newVerifier(t)
	w := learner(t, t.TempDir(), time.Now)
	if s, err := w.Present(t.Context(), v.ask(t, "1"), []string{"Welding"}); err != nil || s.State != wallet.ShownAccepted {
		t.Fatalf("%+v, %v", s, err)
	}
	return w, v
}

func TestABackupRestoredTwiceChangesNothing(t *testing.T) {
	w, _ := connected(t)
	raw, before := backup(t, w), state(t, w)
	if m := restore(t, w, raw); m.Badges+m.Keys+m.Connections != 0 {
		t.Errorf("into the wallet that it is of: added %+v", m)
	}
	if after := state(t, w); !maps.Equal(before, after) {
		t.Errorf("its own backup changed %v into %v", before, after)
	}
	other := open(t, t.TempDir(), nil)
	if m := restore(t, other, raw); m.Badges != 2 || m.Keys != 3 || m.Connections != 1 {
		t.Errorf("added %+v", m)
	}
	before = state(t, other)
	if m := restore(t, other, raw); m.Badges+m.Keys+m.Connections != 0 {
		t.Errorf("the second time: added %+v", m)
	}
	if after := state(t, other); !maps.Equal(before, after) {
		t.Errorf("the second time changed %v into %v", before, after)
	}
}

// What a wallet learned after the backup stays: the backup has an older record
// of the same badge, and of the same presentation.
func TestRestoringAnOlderBackupTakesNothingBack(t *testing.T) {
	offset := time.Duration(0)
	v := newVerifier(t)
	w := learner(t, t.TempDir(), func() time.Time { return time.Now().Add(offset) })
	v.down.Store(true)
	if s, _ := w.Present(t.Context(), v.ask(t, "1"), []string{"Welding"}); s.State != wallet.ShownSent {
		t.Fatalf("%+v", s)
	}
	old := backup(t, w)
	v.down.Store(false)
	if s, err := w.Present(t.Context(), v.ask(t, "1"), nil); err != nil || s.State != wallet.ShownAccepted {
		t.Fatalf("%+v, %v", s, err)
	}
	offset = time.Hour
	if _, _, err := w.Verify(t.Context(), "Welding"); err != nil {
		t.Fatal(err)
	}
	before := state(t, w)
	restore(t, w, old)
	if after := state(t, w); !maps.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// Backups of wallets without a badge or partner still bring their keys: a
// badge may be on its way to them.
func TestDIDsOfSeveralBackupsStayTogether(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	want := []string{w.DID().String()}
	var raws [][]byte
	for range 2 {
		o := open(t, t.TempDir(), nil)
		raws, want = append(raws, backup(t, o)), append(want, o.DID().String())
	}
	for _, raw := range slices.Concat(raws, raws) {
		restore(t, w, raw)
		if w.DID().String() != want[1] {
			t.Errorf("the wallet is %s, not the first that was restored into it, %s", w.DID(), want[1])
		}
	}
	var got []string
	if err := json.Unmarshal([]byte(state(t, w)["dids"]), &got); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("DIDs %v, not %v", got, want)
	}
}

func TestARestoreThatWasCutOffIsFinishedByTheNext(t *testing.T) {
	w, _ := connected(t)
	raw := backup(t, w)
	var whole map[string]string
	for n, of := 0, 1; n <= of; n++ {
		o := open(t, t.TempDir(), nil)
		first := o.DID().String()
		var err error
		if of, err = o.RestorePart(t.Context(), bytes.NewReader(raw), "p", n); err != nil {
			t.Fatal(err)
		}
		restore(t, o, raw)
		if o.DID() != w.DID() {
			t.Errorf("cut at %d of %d: the wallet is %s, not %s", n, of, o.DID(), w.DID())
		}
		got := state(t, o)
		delete(got, "keys") // with the one that Init made
		got["dids"] = strings.Replace(got["dids"], first, "own", 1)
		if n == 0 {
			whole = got
		} else if !maps.Equal(got, whole) {
			t.Errorf("cut at %d of %d: %v, not %v", n, of, got, whole)
		}
	}
}

// 40 badges of 60 KB take more than one transaction, which holds 1 MiB.
func TestABackupLargerThanATransactionIsRestoredWhole(t *testing.T) {
	is := newIssuer(t)
	w := open(t, t.TempDir(), nil)
	for i := range 40 {
		name := string(rune('a'+i%26)) + strings.Repeat("x", 60_000+i)
		if _, err := w.Add(t.Context(), is.badge(t, fmt.Sprint(urn, i+1), name, w.DID().String(), time.Time{})); err != nil {
			t.Fatal(err)
		}
	}
	o := open(t, t.TempDir(), nil)
	if m := restore(t, o, backup(t, w)); m.Badges != 40 {
		t.Errorf("added %+v", m)
	}
	if a, b := state(t, w)["badges"], state(t, o)["badges"]; a != b {
		t.Errorf("%d bytes of badges became %d", len(a), len(b))
	}
}
