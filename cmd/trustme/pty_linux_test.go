package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal returns both ends of a pseudo-terminal.
func terminal(t *testing.T) (screen, end *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	var unlocked, number int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	if end, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close() })
	return screen, end
}

// trustme is a command of this program, as a process of its own.
func trustme(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(self(t), args...)
	cmd.Env = append(os.Environ(), "TRUSTME_CLOCK="+filepath.Join(t.TempDir(), "clock"), "TRUSTME_ALLOW_LOOPBACK=true", "HOME="+t.TempDir(), "TERM=xterm")
	return cmd
}

func TestALongRunShowsABarOnATerminalAndNowhereElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "n")
	if out, err := trustme(t, "node", "init", "--unattended", "--dir", dir, "--name", "Alder").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	issue := func(name string, errs *os.File) string {
		rows := "badge,email\n"
		for i := range 40 {
			rows += fmt.Sprintf("basics,%s%d@example.org\n", name, i)
		}
		file := filepath.Join(t.TempDir(), "rows.csv")
		if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := trustme(t, "node", "issue", "--dir", dir, "--csv", file)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		return out.String()
	}
	screen, end := terminal(t)
	seen := make(chan string, 1)
	go func() {
		raw, _ := io.ReadAll(screen) // ends with an error once nobody has the other end
		seen <- string(raw)
	}()
	out := issue("ana", end)
	end.Close()
	bar := <-seen
	var done []string
	for _, m := range regexp.MustCompile(`\rissuing .*?\((\d+)/40\)`).FindAllStringSubmatch(bar, -1) {
		done = append(done, fmt.Sprintf("%2s", m[1]))
	}
	if len(done) == 0 || !slices.IsSorted(done) || !strings.HasSuffix(bar, " \r") { // and wiped at the end
		t.Errorf("on the terminal: %q", bar)
	}
	if !strings.HasPrefix(out, "40 issued") || strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("the answer: %q", out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out = issue("ben", w)
	w.Close()
	told, err := io.ReadAll(r)
	if err != nil || len(told) != 0 || !strings.HasPrefix(out, "40 issued") {
		t.Errorf("beside a terminal: %q, answer %q, %v", told, out, err)
	}
}

// At a terminal a new catalogue is asked for, question by question, and an
// answer that must be given is asked for again.
func TestANewCatalogueIsAskedForAtATerminal(t *testing.T) {
	screen, end := terminal(t)
	file := filepath.Join(t.TempDir(), "new.yaml")
	cmd := trustme(t, "node", "catalogue", "new", file)
	cmd.Stdin, cmd.Stderr = end, end
	if _, err := io.WriteString(screen, "\nwelding\nWelding\nmetal\n\nBE\nSafe at work\nWorks safely.\n"); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "wrote ") {
		t.Fatalf("%s, %v", out, err)
	}
	raw, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(raw, []byte(`name: "Safe at work"`)) || !bytes.Contains(raw, []byte(`country: "BE"`)) {
		t.Errorf("%s, %v", raw, err)
	}
}
