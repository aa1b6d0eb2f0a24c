package status_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/jsondoc"
	"github.com/trust-me/trustme/internal/sharedtest"
)

func parse(t testing.TB, s string) jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseLimits([]byte(s), jsondoc.Limits{Size: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// messages writes statusMessage with one text for each of n values.
func messages(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"status":"0x%x","message":"m%d"}`, i, i))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func sized(size int, messages string) string {
	return fmt.Sprintf(`{"id":"https://a.example/s#1","type":"BitstringStatusListEntry","statusPurpose":"message","statusListIndex":"3",
		"statusListCredential":"https://a.example/s","statusSize":%d,"statusReference":"https://a.example/why","statusMessage":%s}`, size, messages)
}

func TestEntriesOfEverySizeAreReadMostSignificantBitFirst(t *testing.T) {
	// Bits 1011 0111 0001 1110 1101 0010 1100 0011 and then none: entry 3 of
	// size n is bits 3n up to 4n-1.
	head := []byte{0b10110111, 0b00011110, 0b11010010, 0b11000011}
	want := map[int]uint32{1: 0b1, 2: 0b11, 3: 0b001, 4: 0b1110, 5: 0b01101, 6: 0b010010, 7: 0b0101100, 8: 0b11000011}
	for size, code := range want {
		bits := status.NewBitmap(size * status.MinLength)
		copy(bits, head)
		enc, err := status.Encode(bits)
		if err != nil {
			t.Fatal(err)
		}
		l, err := status.ParseList(parse(t, `{"type":"BitstringStatusListCredential","credentialSubject":{"statusPurpose":["refresh","message"],"encodedList":"`+enc+`"}}`))
		if err != nil {
			t.Fatal(err)
		}
		es, err := status.ParseEntries(parse(t, sized(size, messages(1<<size))))
		if err != nil {
			t.Fatal(err)
		}
		v, err := l.Value(es[0])
		if err != nil || v.Code != code || v.Set != (code != 0) || v.Message != fmt.Sprintf("m%d", code) {
			t.Errorf("size %d: %+v, %v; want %b", size, v, err, code)
		}
		if es[0].Reference[0] != "https://a.example/why" {
			t.Errorf("size %d: reference %q", size, es[0].Reference)
		}
		last := es[0]
		last.Index = status.MinLength // one behind the last
		if _, err := l.Value(last); !errors.Is(err, status.ErrRange) {
			t.Errorf("size %d: index %d: %v", size, last.Index, err)
		}
	}
	if _, err := (status.List{Purposes: []string{"message"}}).Value(status.Entry{Purpose: "message", Size: 9}); !errors.Is(err, status.ErrUnsupported) {
		t.Errorf("size 9: %v", err)
	}
}

func TestStatusMessagesMustNameEachValueOnce(t *testing.T) {
	for name, in := range map[string]string{
		"one missing":       sized(2, messages(3)),
		"one too many":      sized(1, messages(3)),
		"one twice":         sized(1, `[{"status":"0x0","message":"a"},{"status":"0x0","message":"b"},{"status":"0x1","message":"c"}]`),
		"a value too large": sized(1, `[{"status":"0x0","message":"a"},{"status":"0x2","message":"b"}]`),
		"no prefix":         sized(1, `[{"status":"0","message":"a"},{"status":"1","message":"b"}]`),
		"no text":           sized(1, `[{"status":"0x0"},{"status":"0x1","message":"b"}]`),
		"no messages":       strings.Replace(sized(1, "[]"), `"statusMessage":[]`, `"x":1`, 1),
		"size 0":            sized(0, messages(1)),
		"size 9":            sized(9, messages(512)),
		"size as text":      strings.Replace(sized(1, messages(2)), `"statusSize":1`, `"statusSize":"1"`, 1),
		"reference 7":       strings.Replace(sized(1, messages(2)), `"https://a.example/why"`, `7`, 1),
	} {
		if _, err := status.ParseEntries(parse(t, in)); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABombIsRefusedBeforeItIsUnpacked(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "bitstring")
	raw, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, EncodedList string }
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	bombs := 0
	for _, v := range vectors {
		if !strings.HasPrefix(v.Name, "bomb") {
			continue
		}
		bombs++
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := status.Decode(v.EncodedList); !errors.Is(err, status.ErrLimit) {
					b.Fatalf("%s: %v", v.Name, err)
				}
			}
		})
		if got := r.AllocedBytesPerOp(); got > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", v.Name, got)
		}
		t.Logf("%s: %s %s", v.Name, r, r.MemString())
	}
	if bombs == 0 {
		t.Errorf("no bomb in %s", dir)
	}
}

func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// resize changes the size that a gzip stream announces in its last four bytes.
func resize(packed []byte, by int) []byte {
	out := bytes.Clone(packed)
	size := out[len(out)-4:]
	binary.LittleEndian.PutUint32(size, binary.LittleEndian.Uint32(size)+uint32(by))
	return out
}

func TestEncodedListsOfTheWrongFormAreRefused(t *testing.T) {
	good := packed(t, make([]byte, status.MinLength/8))
	b64 := base64.RawURLEncoding.EncodeToString
	if _, err := status.Decode("u" + b64(good)); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"empty":                   "",
		"only a prefix":           "u",
		"base58 prefix":           "z" + b64(good),
		"cut":                     "u" + b64(good[:len(good)-1]),
		"two gzip members":        "u" + b64(append(bytes.Clone(good), good...)),
		"a byte behind":           "u" + b64(append(bytes.Clone(good), 0)),
		"a line break within":     "u" + b64(good)[:8] + "\n" + b64(good)[8:],
		"a size too large by one": "u" + b64(resize(good, 1)),
		"a size too small by one": "u" + b64(resize(good, -1)),
		"a size beyond its bytes": "u" + b64(resize(good, 1<<20)),
		"not gzip":                "u" + b64(make([]byte, 64)),
	} {
		if _, err := status.Decode(in); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnsignedListIsTheSameBytesEachTimeAndSaysEnough(t *testing.T) {
	from := time.Date(2026, 11, 27, 4, 0, 0, 999, time.UTC)
	d := status.Description{ID: "https://a.example/status/1/refresh", Issuer: "did:web:a.example", Purpose: status.Refresh, TTL: 90 * time.Second, ValidFrom: from, ValidUntil: from.Add(time.Hour)}
	bits := status.NewBitmap(status.MinLength)
	one, err := status.Unsigned(d, bits)
	if err != nil {
		t.Fatal(err)
	}
	two, err := status.Unsigned(d, bits)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("two writings differ: %v", err)
	}
	want := `{"@context":["https://www.w3.org/ns/credentials/v2"],"id":"https://a.example/status/1/refresh","type":["VerifiableCredential","BitstringStatusListCredential"],` +
		`"issuer":"did:web:a.example","validFrom":"2026-11-27T04:00:00Z","validUntil":"2026-11-27T05:00:00Z",` +
		`"credentialSubject":{"id":"https://a.example/status/1/refresh#list","type":"BitstringStatusList","statusPurpose":"refresh","ttl":90000,"encodedList":"u`
	if !bytes.HasPrefix(one, []byte(want)) {
		t.Errorf("got %.420s", one)
	}
	if _, err := status.Unsigned(d, bits[1:]); !errors.Is(err, status.ErrLength) {
		t.Errorf("a short list: %v", err)
	}
	for _, spoil := range []func(*status.Description){
		func(d *status.Description) { d.ID = "" }, func(d *status.Description) { d.Issuer = "" }, func(d *status.Description) { d.Purpose = "" },
	} {
		bad := d
		spoil(&bad)
		if _, err := status.Unsigned(bad, bits); !errors.Is(err, status.ErrMalformed) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
