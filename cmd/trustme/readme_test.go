package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// The tour runs as it stands, but for its port, which another program may have.
func TestReadmeTourWorksAsItStands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, b := range shellBlock.FindAllStringSubmatch(string(readme), -1) {
		script.WriteString(b[1])
	}
	if strings.Count(script.String(), "trustme ") < 15 {
		t.Fatalf("the tour is hardly there:\n%s", script.String())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "trustme")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := strings.ReplaceAll(script.String(), ":8480", fmt.Sprintf(":%d", port))
	out, err := runTour(t, dir, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"connected with Alder", "received Badge Designer from Alder", "satisfied    designer     Badge Designer\n", "valid\n", "Badge Designer is revoked", "refused with exit code 1", "whole: 1 badges", "restored 1 badges"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour does not say %q:\n%s", want, out)
		}
	}
}

// runTour runs a script whose background processes end with it. Its output
// goes to a file: a pipe would stay open as long as they live.
func runTour(t *testing.T, dir, script string) (string, error) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "tour.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the node, which the tour leaves running
	}
	out, readErr := os.ReadFile(log.Name())
	return string(out), errors.Join(err, readErr)
}
