package conformance_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trust-me/trustme/credentials/dataintegrity"
	"github.com/trust-me/trustme/credentials/status"
	"github.com/trust-me/trustme/internal/sharedtest"
	"github.com/trust-me/trustme/testnet/conformance"
)

// published are the status lists of somebody outside of the door.
type published map[string][]byte

func (p published) StatusList(_ context.Context, url string) (status.Fetched, error) {
	raw, ok := p[url]
	if !ok {
		return status.Fetched{}, status.ErrNoList
	}
	return status.Fetched{Body: raw, At: time.Now()}, nil
}

const farList = "https://lists.example/"

// ours are the problems that the vectors leave to a verifier's policy.
var ours = map[string]string{"bomb-64MiB": "MALFORMED_VALUE_ERROR"}

// Every status list of the vectors is published by an issuer, whose credentials
// name entries of it, and judged through HTTP.
func TestTheStatusListsThroughTheDoor(t *testing.T) {
	dir := sharedtest.Dir(t, "conformance", "vectors", "bitstring")
	var vectors []struct {
		Name, Expected, EncodedList string
		Size                        int `json:"statusSize"`
		Index                       int
		Set                         map[string]uint32
		Clear                       []int
	}
	if err := json.Unmarshal(files(t, dir)["vectors.json"], &vectors); err != nil {
		t.Fatalf("%s: %v", filepath.Join(dir, "vectors.json"), err)
	}
	lists := published{}
	c := open(t, conformance.Config{Lists: lists})
	p := newParty(t, "lists")
	verify := func(url string, index, size int, purpose string) (int, object) {
		vc := credential2()
		entry := object{"type": "BitstringStatusListEntry", "statusPurpose": purpose, "statusListIndex": strconv.Itoa(index), "statusListCredential": url}
		if size > 1 || purpose == status.Message {
			var messages []any
			for i := range 1 << size {
				messages = append(messages, object{"status": "0x" + strconv.FormatInt(int64(i), 16), "message": "message " + strconv.Itoa(i)})
			}
			entry["statusSize"], entry["statusMessage"] = size, messages
		}
		vc["issuer"], vc["credentialStatus"] = p.id, entry
		return c.verify(read(t, c.proved(vc, p, dataintegrity.Options{})), object{"checks": []string{"proof", "credentialStatus"}})
	}
	publish := func(name, encoded, purpose string) string {
		url := farList + name
		lists[url] = c.proved(object{"@context": []string{"https://www.w3.org/ns/credentials/v2"}, "id": url, "type": []string{"VerifiableCredential", "BitstringStatusListCredential"}, "issuer": p.id,
			"credentialSubject": object{"id": url + "#list", "type": "BitstringStatusList", "statusPurpose": purpose, "encodedList": encoded}}, p, dataintegrity.Options{})
		return url
	}
	problem := func(answer object) string { return text(t, answer["problemDetails"]) }
	for _, v := range vectors {
		url := publish(v.Name, v.EncodedList, status.Revocation)
		if v.Expected != "ok" {
			want, known := ours[v.Name]
			if !known {
				want = v.Expected
			}
			code, answer := verify(url, v.Index, v.Size, status.Revocation)
			if code != http.StatusBadRequest || !strings.Contains(problem(answer), status.ProblemBase+want+`"`) {
				t.Errorf("%s: %d %s, want %s", v.Name, code, problem(answer), want)
			}
			continue
		}
		for _, i := range v.Clear {
			code, answer := verify(url, i, v.Size, status.Revocation)
			want(t, v.Name+" at "+strconv.Itoa(i), code, true, answer)
		}
		told := publish(v.Name+"-message", v.EncodedList, status.Message)
		for at, value := range v.Set {
			i, err := strconv.Atoi(at)
			if err != nil {
				t.Fatal(err)
			}
			code, answer := verify(url, i, v.Size, status.Revocation)
			want(t, v.Name+" set at "+at, code, false, answer)
			code, answer = verify(told, i, v.Size, status.Message)
			want(t, v.Name+" with a message at "+at, code, true, answer)
			if says := "the issuer says: message " + strconv.Itoa(int(value)) + `"`; !strings.Contains(text(t, answer["report"]), says) {
				t.Errorf("%s at %s does not say %s", v.Name, at, says)
			}
		}
	}
	t.Logf("read %s: %d lists", dir, len(vectors))
	bits, err := status.Encode(status.NewBitmap(0))
	if err != nil {
		t.Fatal(err)
	}
	url := publish("purpose", bits, status.Suspension)
	short, err := status.Encode(make(status.Bitmap, 1000))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		url, purpose, want string
	}{
		"another purpose": {url, status.Revocation, "STATUS_VERIFICATION_ERROR"}, "nowhere": {farList + "none", status.Revocation, "STATUS_RETRIEVAL_ERROR"},
		"too short": {publish("short", short, status.Revocation), status.Revocation, "STATUS_LIST_LENGTH_ERROR"},
	} {
		code, answer := verify(tt.url, 5, 1, tt.purpose)
		if code != http.StatusBadRequest || !strings.Contains(problem(answer), status.ProblemBase+tt.want+`"`) {
			t.Errorf("%s: %d %s, want %s", name, code, problem(answer), tt.want)
		}
	}
	lists[url] = []byte(strings.Replace(string(lists[url]), bits, short, 1)) // forged
	code, answer := verify(url, 5, 1, status.Suspension)
	want(t, "a forged list", code, false, answer)
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestWithoutListsOfOthersTheirStatusCannotBeTold(t *testing.T) {
	c := open(t, conformance.Config{})
	p := newParty(t, "lists")
	vc := credential2()
	vc["issuer"], vc["credentialStatus"] = p.id, object{"type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "5", "statusListCredential": farList + "x"}
	signed := read(t, c.proved(vc, p, dataintegrity.Options{}))
	code, answer := c.verify(signed, nil)
	want(t, "its status wanted", code, false, answer)
	if answer["verdict"] != "undecided" {
		t.Errorf("the verdict is %v", answer["verdict"])
	}
	code, answer = c.verify(signed, object{"checks": []string{"proof"}})
	want(t, "its proof wanted", code, true, answer)
}
