package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// self is this binary under the name trustme, in a folder for PATH.
func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trustme")
	if err := os.Symlink(exe, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask lets a shell complete a line, in a folder with the file badge.png.
func ask(t *testing.T, shell, script string) []string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		if os.Getenv("TRUSTME_SHARED") != "" {
			t.Fatalf("this run has to have every tool: %v", err)
		}
		t.Skipf("the completion of %s is not tried, since it is not on this machine: %v", shell, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "badge.png"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{"bash": {"--norc", "--noprofile", "-c"}, "zsh": {"-f", "-c"}, "fish": {"--no-config", "-c"}}[shell]
	cmd := exec.Command(path, append(args, script)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(self(t))+":"+os.Getenv("PATH"), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

// Each shell is asked for real: bash and zsh through the function that they
// registered, fish as if Tab was pressed.
func TestEveryShellCompletesCommandsFlagsAndFiles(t *testing.T) {
	ways := map[string]func(words ...string) string{
		"bash": func(words ...string) string {
			return `source <(trustme completion bash)
complete -p trustme | grep -q -- '-o default -F _trustme trustme' || exit 1
COMP_WORDS=('` + strings.Join(words, "' '") + `') COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_trustme
printf '%s\n' "${COMPREPLY[@]}"
[ ${#COMPREPLY[@]} != 0 ] || compgen -f -- "${COMP_WORDS[COMP_CWORD]}" # as -o default does
true`
		},
		"zsh": func(words ...string) string {
			return `autoload -Uz compinit && compinit -u -D
source <(trustme completion zsh)
[[ $_comps[trustme] = _trustme ]] || exit 1
words=('` + strings.Join(words, "' '") + `') CURRENT=$#words
_describe() { local o; for o in "${(@P)2}"; do o=${o%%:*}; [[ $o = ${words[CURRENT]}* ]] && { print -r -- $o; found=1 }; done; [[ -n $found ]] }
_files() { print -l -- ${words[CURRENT]}*(N) }
found=; _trustme; true`
		},
		"fish": func(words ...string) string {
			return "trustme completion fish | source\ncomplete -C '" + strings.Join(words, " ") + "' | string replace -r '\\t.*' ''\ntrue"
		},
	}
	for shell, script := range ways {
		t.Run(shell, func(t *testing.T) {
			for _, tt := range []struct{ words, want string }{
				{"trustme wal", "wallet"},
				{"trustme wallet ba", "backup"},
				{"trustme wallet backup ver", "verify"},
				{"trustme wallet list --off", "--offline"},
				{"trustme completion z", ""},
				{"trustme verify ba", "badge.png"},
				{"trustme wallet import --unchecked ba", "badge.png"},
			} {
				got := slices.DeleteFunc(ask(t, shell, script(strings.Fields(tt.words)...)), func(s string) bool { return s == "help" || s == "h" })
				if !slices.Equal(got, strings.Fields(tt.want)) {
					t.Errorf("%s: %q, not %q", tt.words, got, tt.want)
				}
			}
			all := ask(t, shell, script("trustme", "wallet", "list", "--"))
			if !slices.Contains(all, "--dir") || !slices.Contains(all, "--json") || len(all) > 12 {
				t.Errorf("the flags of a verb: %q", all)
			}
			if all = ask(t, shell, script("trustme", "node", "issue", "-")); !slices.Contains(all, "--csv") {
				t.Errorf("the flags of another: %q", all)
			}
		})
	}
}
