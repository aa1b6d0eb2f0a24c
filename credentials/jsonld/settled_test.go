package jsonld

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/jsondoc"
)

// A process that has read a document keeps to the contexts that it read it by.
// Only a program that is no test can show it.
func TestContextsAreSettledOnceADocumentWasRead(t *testing.T) {
	dir, err := os.MkdirTemp(".", "_settled-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	const program = `package main

import (
	"errors"
	"fmt"

	"github.com/trust-me/trustme/credentials/jsonld"
	"github.com/trust-me/trustme/internal/jsondoc"
)

func check(raw string) error {
	doc, err := jsondoc.Parse([]byte(raw))
	if err != nil {
		panic(err)
	}
	_, err = jsonld.Canonicalize(doc)
	return err
}

func main() {
	const c = "https://c.example/v1"
	fmt.Println("early", jsonld.Accept(c, []byte("{\"@context\":{\"word\":\"https://c.example/word\"}}")), jsonld.AcceptInline())
	fmt.Println("read", check("{\"@context\":[\"" + c + "\",{\"other\":\"https://c.example/other\"}],\"word\":\"x\",\"other\":\"y\"}"))
	fmt.Println("late", errors.Is(jsonld.Accept(c, []byte("{}")), jsonld.ErrContext), errors.Is(jsonld.AcceptInline(), jsonld.ErrContext))
}
`
	if err := os.WriteFile(dir+"/main.go", []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", "./"+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := string(out); got != "early <nil> <nil>\nread <nil>\nlate true true\n" {
		t.Errorf("got %q", got)
	}
}

// A suite that signs JSON would sign these words too, but nobody could say what
// they mean.
func TestWordsOfSignedJSONMustHaveAMeaning(t *testing.T) {
	const good = `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:key:a","credentialSubject":{"name":"x"},"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022"}}`
	for name, r := range map[string][2]string{
		"a type":             {`["VerifiableCredential"]`, `["VerifiableCredential","Unheard"]`},
		"the type of a part": {`{"name":"x"}`, `{"type":"Unheard","name":"x"}`},
		"a member":           {`"name"`, `"unheard"`},
		"an identifier":      {`"did:key:a"`, `"unheard"`},
		"a member of proof":  {`"cryptosuite"`, `"unheard":"x","cryptosuite"`},
	} {
		if err := settledJSON(t, strings.Replace(good, r[0], r[1], 1)); !errors.Is(err, ErrUndefinedTerm) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := settledJSON(t, good); err != nil {
		t.Error(err)
	}
}

func settledJSON(t *testing.T, raw string) error {
	t.Helper()
	v, err := jsondoc.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return Settled(v)
}

func TestAContextThatIsNoJSONIsNotAccepted(t *testing.T) {
	if err := Accept("https://c.example/broken", []byte("{")); !errors.Is(err, ErrContext) || !strings.Contains(err.Error(), "https://c.example/broken") {
		t.Errorf("got %v", err)
	}
	if Known("https://c.example/broken") {
		t.Error("it is known all the same")
	}
}
