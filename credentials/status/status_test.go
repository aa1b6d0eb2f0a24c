package status_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

func list(t *testing.T, encoded string) (status.List, error) {
	t.Helper()
	v, err := jsondoc.ParseLimits([]byte(`{"type":["BitstringStatusListCredential"],"credentialSubject":{"statusPurpose":"revocation","encodedList":"`+encoded+`"}}`), jsondoc.Limits{Size: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return status.ParseList(v)
}

func TestEveryBitstringVectorHasItsAnswer(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "bitstring")
	raw, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Expected, EncodedList, UncompressedSha256 string
		StatusSize, Index                               int
		Set                                             map[string]uint32
		Clear                                           []int
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		l, err := list(t, v.EncodedList)
		entry := func(i int) status.Entry {
			return status.Entry{Purpose: status.Revocation, Index: i, Size: v.StatusSize}
		}
		switch {
		case strings.HasPrefix(v.Name, "bomb"):
			if !errors.Is(err, status.ErrLimit) {
				t.Errorf("%s: %v", v.Name, err)
			}
		case v.Expected == "MALFORMED_VALUE_ERROR":
			if !errors.Is(err, status.ErrMalformed) {
				t.Errorf("%s: %v", v.Name, err)
			}
		case v.Expected == "RANGE_ERROR":
			if _, err := l.Value(entry(v.Index)); !errors.Is(err, status.ErrRange) {
				t.Errorf("%s: %v", v.Name, err)
			}
		default:
			if err != nil {
				t.Errorf("%s: %v", v.Name, err)
				continue
			}
			for at, want := range v.Set {
				i, err := strconv.Atoi(at)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := l.Value(entry(i)); err != nil || got.Code != want {
					t.Errorf("%s: entry %d is %d, want %d (%v)", v.Name, i, got.Code, want, err)
				}
			}
			for _, i := range v.Clear {
				if got, err := l.Value(entry(i)); err != nil || got.Set {
					t.Errorf("%s: entry %d is set (%v)", v.Name, i, err)
				}
			}
			if bits, err := status.Decode(v.EncodedList); v.UncompressedSha256 != "" {
				h := sha256.Sum256(bits)
				if err != nil || hex.EncodeToString(h[:]) != v.UncompressedSha256 {
					t.Errorf("%s: inflates to something else (%v)", v.Name, err)
				}
			}
		}
	}
	if t.Logf("read %s: %d vectors", dir, len(vectors)); len(vectors) != 17 {
		t.Errorf("%d vectors, not 17", len(vectors))
	}
}

func TestAPublishedListReadsBackWithItsBits(t *testing.T) {
	b := status.NewBitmap(status.MinLength)
	b.Set(0, true)
	b.Set(94567, true)
	b.Set(5, true)
	b.Set(5, false)
	from := time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)
	raw, err := status.Unsigned(status.Description{ID: "https://alder.example/status/1/revocation", Issuer: "did:web:alder.example", Purpose: status.Revocation, TTL: 15 * time.Minute, ValidFrom: from, ValidUntil: from.Add(time.Hour)}, b)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	l, err := status.ParseList(v)
	if err != nil || l.TTL != 15*time.Minute || !l.ValidUntil.Equal(from.Add(time.Hour)) || l.Issuer != "did:web:alder.example" {
		t.Fatalf("%+v, %v", l, err)
	}
	for i, want := range map[int]bool{0: true, 94567: true, 5: false, 131071: false} {
		if got, err := l.Value(status.Entry{Purpose: status.Revocation, Index: i, Size: 1}); err != nil || got.Set != want {
			t.Errorf("entry %d: %v, %v", i, got, err)
		}
	}
	if _, err := l.Value(status.Entry{Purpose: status.Suspension, Size: 1}); !errors.Is(err, status.ErrPurpose) {
		t.Errorf("another purpose: %v", err)
	}
}

func TestAShortListIsRefused(t *testing.T) {
	enc, err := status.Encode(make([]byte, 128))
	if err != nil {
		t.Fatal(err)
	}
	l, err := list(t, enc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Value(status.Entry{Purpose: status.Revocation, Size: 1}); !errors.Is(err, status.ErrLength) {
		t.Errorf("got %v", err)
	}
}

func TestEntriesOfTheWrongFormAreRefused(t *testing.T) {
	good := `{"id":"https://a.example/s#1","type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://a.example/s"}`
	read := func(s string) ([]status.Entry, error) {
		v, err := jsondoc.Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return status.ParseEntries(v)
	}
	if es, err := read(good); err != nil || es[0].Index != 7 || es[0].Size != 1 {
		t.Fatalf("%+v, %v", es, err)
	}
	for _, spoil := range [][2]string{
		{`"7"`, `"-1"`}, {`"7"`, `"07"`}, {`"7"`, `"7.0"`}, {`"7"`, `"99999999999"`}, {`"7"`, `"x"`}, {`"revocation"`, `""`},
		{`https://a.example/s#1`, `https://a.example/s`}, {`"statusPurpose"`, `"statusSize":33,"statusPurpose"`}, {`"statusPurpose"`, `"statusSize":2,"statusPurpose"`},
	} {
		if es, err := read(strings.Replace(good, spoil[0], spoil[1], 1)); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: %+v, %v", spoil[1], es, err)
		}
	}
}

func TestTheExpiryListIsTheSiblingOfItsList(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/status/1/revocation":    "https://a.example/status/1/refresh",
		"https://a.example/p/status/12/suspension": "https://a.example/p/status/12/refresh",
		"https://a.example/status/1/refresh":       "",
		"https://a.example/lists/1/revocation":     "",
		"https://a.example/status/x/revocation":    "",
		"https://a.example/status/1":               "",
	} {
		if got, ok := status.Sibling(in); got != want || ok != (want != "") {
			t.Errorf("%s: %q", in, got)
		}
	}
}

func FuzzEncodedBitsComeBack(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		enc, err := status.Encode(in)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := status.Decode(enc); err != nil || !bytes.Equal(out, in) {
			t.Errorf("%v came back as %v, %v", in, out, err)
		}
	})
}

func BenchmarkCheckAtHand(b *testing.B) {
	bits := status.NewBitmap(status.MinLength)
	raw, err := status.Unsigned(status.Description{ID: "https://alder.example/status/1/revocation", Issuer: "did:web:alder.example", Purpose: status.Revocation}, bits)
	if err != nil {
		b.Fatal(err)
	}
	v, err := jsondoc.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	l, err := status.ParseList(v)
	if err != nil {
		b.Fatal(err)
	}
	e := status.Entry{Purpose: status.Revocation, Index: 94567, Size: 1}
	for b.Loop() {
		if _, err := l.Value(e); err != nil {
			b.Fatal(err)
		}
	}
}
