package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzAFactIsReadAsAnyReaderOfJSONDoes: the short way and the long one read the
// same, and the short way takes nothing that the long one refuses.
func FuzzAFactIsReadAsAnyReaderOfJSONDoes(f *testing.F) {
	prev := strings.Repeat("0a", 32)
	for _, x := range []Fact{
		{Seq: 1, Time: time.Unix(1, 5).UTC(), Kind: "award.issued", Body: json.RawMessage(`{"credential":"urn:1"}`), Prev: prev},
		{Seq: 9, Time: time.Unix(9, 0).UTC(), Kind: `a"b\c<`, Body: json.RawMessage(`{"x":"\",\"prev\":\"","y":[1,2]}`), Prev: prev},
		{Seq: 18446744073709551615, Kind: "", Body: json.RawMessage(`null`), Prev: prev},
	} {
		raw, err := json.Marshal(x)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"seq":1,"time":"2026-11-27T12:00:00Z","kind":"k","body":{},"prev":"` + prev + `","more":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		short, ok := asAppended(raw, prev)
		if !ok || !json.Valid(raw) {
			return
		}
		var long Fact
		if err := json.Unmarshal(raw, &long); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if again, err := json.Marshal(long); err != nil || string(again) != string(raw) {
			return // not as Append writes it
		}
		if !short.Time.Equal(long.Time) {
			t.Errorf("%s: %s and %s", raw, short.Time, long.Time)
		}
		short.Time = long.Time
		if !reflect.DeepEqual(short, long) {
			t.Errorf("%s: %+v and %+v", raw, short, long)
		}
	})
}
