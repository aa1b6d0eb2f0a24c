// Package sharedtest finds the conformance data beside the project, for tests.
package sharedtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Dir returns a folder of the shared data: $TRUSTME_SHARED, or the folder
// shared beside the checkout. Where it is absent the test is skipped, unless
// the variable is set, since then somebody counts on it.
func Dir(t testing.TB, sub ...string) string {
	t.Helper()
	root := os.Getenv("TRUSTME_SHARED")
	if root == "" {
		_, file, _, ok := runtime.Caller(0)
		if !ok {
			t.Fatal("cannot tell where the project is")
		}
		root = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
		if _, err := os.Stat(root); err != nil {
			t.Skip("shared conformance data is absent: set TRUSTME_SHARED to run this test")
		}
	}
	dir := filepath.Join(append([]string{root}, sub...)...)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%s: no data (%v)", dir, err)
	}
	return dir
}
