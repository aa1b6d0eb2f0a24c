package application

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/jsondoc"
)

var digest = strings.Repeat("0a", 32)

func TestEvidenceThatCannotBeTakenIsNamed(t *testing.T) {
	file := Evidence{Kind: File, Name: "photo.jpg", Digest: digest, Size: 10, Media: "image/jpeg"}
	for _, tt := range []struct {
		name  string
		spoil func(*Submission)
		want  string
	}{
		{"nothing", func(*Submission) {}, ""},
		{"route", func(s *Submission) { s.Route = "short-cut" }, `the route "short-cut" is not known: it is regular or prior-learning`},
		{"too many", func(s *Submission) { s.Evidence = make([]Evidence, 21) }, "21 items of evidence; at most 20 are taken: put some together in one file"},
		{"too large", func(s *Submission) { s.Evidence[1].Size = MaxFile + 1 }, "evidence 2: photo.jpg has 32.0 MiB; a file has at most 32.0 MiB: make it smaller, or give a link"},
		{"too large together", func(s *Submission) {
			file.Size = MaxFile
			s.Evidence = []Evidence{file, file, file}
		}, "the files have 96.0 MiB together; at most 64.0 MiB are taken: make them smaller, or give links"},
		{"empty", func(s *Submission) { s.Evidence[1].Size = 0 }, "evidence 2: photo.jpg is empty; give the file that shows your work"},
		{"no name", func(s *Submission) { s.Evidence[1].Name = "" }, "evidence 2: give it a name of at most 200 bytes"},
		{"media", func(s *Submission) { s.Evidence[1].Media = "application/x-msdownload" }, `evidence 2: photo.jpg is declared as "application/x-msdownload", which is not taken`},
		{"digest", func(s *Submission) { s.Evidence[1].Digest = "abc" }, `evidence 2: its digest "abc" is no SHA-256 in lower-case hexadecimal`},
		{"kind", func(s *Submission) { s.Evidence[1].Kind = "dance" }, `evidence 2: the kind "dance" is not known: it is file, url, text or credential`},
		{"link", func(s *Submission) { s.Evidence[0].URL = "javascript:alert(1)" }, `evidence 1: "javascript:alert(1)" is no address`},
		{"text", func(s *Submission) {
			s.Evidence[0] = Evidence{Kind: Text, Name: "n", Text: strings.Repeat("x", MaxText+1)}
		}, "evidence 1: the text has 16385 bytes; 1 to 16384 are taken: put a longer one in a file"},
	} {
		s := Submission{Route: RouteRegular, Evidence: []Evidence{{Kind: Link, Name: "work", URL: "https://example.org/work"}, file}}
		tt.spoil(&s)
		err := s.Check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestAFileThatIsNotWhatItClaimsIsRefused(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\nrest")
	for _, tt := range []struct {
		declared string
		bytes    []byte
		ok       bool
	}{
		{"image/png", png, true},
		{"image/jpeg", png, false},
		{"application/pdf", []byte("%PDF-1.7\n"), true},
		{"application/pdf", []byte("<html>"), false},
		{"text/plain", []byte("words\n"), true},
		{"text/plain", png, false},
		{"text/plain", append(bytes.Repeat([]byte("x"), 100_000), 0xff), false}, // no UTF-8, far behind
		{"text/markdown", append(bytes.Repeat([]byte("x"), 100_000), 0), false},
		{"application/json", []byte(" {\"a\": 1}"), true},
		{"application/json", []byte("words"), false},
		{"application/vnd.oasis.opendocument.text", []byte("PK\x03\x04rest"), true},
		{"application/vnd.oasis.opendocument.text", []byte("MZ\x90\x00"), false},
		{"application/octet-stream", []byte("?"), false},
	} {
		err := CheckMedia(tt.declared, bytes.NewReader(tt.bytes))
		if _, refused := errors.AsType[Refusal](err); tt.ok != (err == nil) || !tt.ok && !refused {
			t.Errorf("%s, %.12q: %v", tt.declared, tt.bytes, err)
		}
	}
}

// What is read of a stranger's submission reads back the same.
func FuzzSubmission(f *testing.F) {
	f.Add([]byte(`{"achievement":"openbadges/designer","revision":1,"level":2,"route":"regular","evidence":[{"kind":"url","name":"n","url":"https://example.org"}]}`))
	f.Add([]byte(`{"evidence":{}}`))
	f.Add([]byte(`{"revision":-1}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, _, err := ReadSubmission(Message(TypeSubmit, "m", "t", doc))
		if err != nil {
			if _, ok := errors.AsType[*didcomm.Problem](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		raw, err := jsondoc.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := ReadSubmission(Message(TypeSubmit, "m", "t", raw))
		if err != nil {
			t.Fatal(err)
		}
		if third, err := jsondoc.Marshal(again); err != nil || !bytes.Equal(raw, third) {
			t.Errorf("%s became %s, %v", raw, third, err)
		}
	})
}
