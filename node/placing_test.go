package node

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trust-me/trustme/internal/store"
	"github.com/trust-me/trustme/node/catalogue"
)

// ownFiles are the shipped catalogue and its translation under another name.
func ownFiles(oldNew ...string) (file []byte, translation catalogue.File) {
	r := strings.NewReplacer(append([]string{"catalogue: openbadges", "catalogue: own"}, oldNew...)...)
	return []byte(r.Replace(string(catalogue.OpenBadges))), catalogue.File{Name: "anything.fr.yaml", Raw: []byte(r.Replace(string(catalogue.ShippedTranslations()[0].Raw)))}
}

// ownTranslation is a French translation of that catalogue which says no more.
func ownTranslation(texts string) catalogue.File {
	return catalogue.File{Name: "own.fr.yaml", Raw: []byte("catalogue: own\nlanguage: fr\n" + texts + "\n")}
}

func inDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, "catalogues"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, "catalogues", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(raw)
	}
	return out
}

// A translation is part of a published version: another one under the same
// number is refused, and names the language.
func TestATranslationIsPublishedWithItsVersionAndNeverChanges(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	file, fr := ownFiles()
	if p, err := n.PublishCatalogue(t.Context(), file, fr); err != nil || !p.New {
		t.Fatalf("%+v, %v", p, err)
	}
	if got := inDir(t, dir); len(got) != 2 || got["own.fr.yaml"] != string(fr.Raw) || got["own.yaml"] != string(file) {
		t.Errorf("kept are %v", slices.Sorted(maps.Keys(got)))
	}
	_, other := ownFiles("80 %", "60 %")
	for name, files := range map[string][]catalogue.File{"another text": {other}, "none": nil} {
		if _, err := n.PublishCatalogue(t.Context(), file, files...); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "with another content in its translation into fr; raise its version") {
			t.Errorf("%s: %v", name, err)
		}
	}
	next, _ := ownFiles("version: 1.1.0 ", "version: 1.1.1 ")
	p, err := n.PublishCatalogue(t.Context(), next, other)
	if err != nil || !p.Changes.Enough || len(p.Changes.List) != 1 || p.Changes.List[0].Of != "translation fr of achievement basics" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "catalogues", "own.fr.yaml"), fr.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.PublishAgain(t.Context()); !errors.Is(err, ErrConfig) {
		t.Errorf("edited where it is, under the same number: %v", err)
	}
	last, _ := ownFiles("version: 1.1.0 ", "version: 2.0.0 ")
	if p, err = n.PublishCatalogue(t.Context(), last); err != nil || !p.Changes.Enough || len(inDir(t, dir)) != 1 {
		t.Errorf("without the translation: %+v, %v, %v", p, err, inDir(t, dir))
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, dir, nil)
}

// A node that ended between the files of a version has all of them when it
// starts again, whichever were written.
func TestAPublicationThatWasInterruptedIsFinished(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, nil)
	file, fr := ownFiles()
	if _, err := n.PublishCatalogue(t.Context(), file, fr); err != nil {
		t.Fatal(err)
	}
	_, other := ownFiles("80 %", "60 %")
	next, _ := ownFiles("version: 1.1.0 ", "version: 1.1.1 ")
	c, err := catalogue.Parse(next, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.publishOne(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before := inDir(t, dir)
	for _, written := range []map[string][]byte{{"own.yaml": next}, {"own.fr.yaml": other.Raw}, {"own.fr.yaml": nil}, {}} {
		for name, raw := range map[string][]byte{"own.yaml": []byte(before["own.yaml"]), "own.fr.yaml": []byte(before["own.fr.yaml"])} {
			if w, ok := written[name]; ok {
				raw = w
			}
			path := filepath.Join(dir, "catalogues", name)
			if err := errors.Join(ignoreAbsent(os.Remove(path)), os.WriteFile(path, raw, 0o600)); err != nil {
				t.Fatal(err)
			}
			if raw == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		err := n.db.Update(t.Context(), func(tx *store.Tx) error {
			return placings.Put(tx, placing{Name: "catalogues/own.yaml", Slug: "own", Version: "1.1.1"})
		})
		if err := errors.Join(err, n.Close()); err != nil {
			t.Fatal(err)
		}
		n = opened(t, dir, nil)
		if got := inDir(t, dir); len(got) != 2 || got["own.yaml"] != string(next) || got["own.fr.yaml"] != string(other.Raw) || n.catalogue("own").Version != "1.1.1" {
			t.Errorf("after %v: %v", slices.Sorted(maps.Keys(written)), slices.Sorted(maps.Keys(got)))
		}
	}
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
