package main

import (
	"syscall"
	"testing"
	"time"
)

func TestTheConformanceDoorServesUntilItIsStopped(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		code, took := ends(t, sig, "manifest http://127.0.0.1:", "conformance", "serve")
		if code != exitYes || took > 5*time.Second {
			t.Errorf("%v: exit %d after %v", sig, code, took)
		}
	}
	if code, _ := ends(t, syscall.SIGTERM, `  "manifest": "http://127.0.0.1:`, "conformance", "serve", "--json"); code != exitYes {
		t.Errorf("in JSON: exit %d", code)
	}
}
