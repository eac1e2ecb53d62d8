package profile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// gatherBuild runs the source as Gather would.
func gatherBuild(t *testing.T, pid int) *Capture {
	t.Helper()
	c := new(Capture)
	gatherAll(t.Context(), []Source{buildSource(pid)}, c)
	return c
}

func TestBuildOfThisProgram(t *testing.T) {
	c := gatherBuild(t, os.Getpid())
	if len(c.Builds) != 1 || len(c.Gaps) != 0 {
		t.Fatalf("builds %v, gaps %v", c.Builds, c.Gaps)
	}
	b := c.Builds[0]
	if b.GoVersion != runtime.Version() || b.Main != "busywork" || !strings.HasPrefix(b.Package, "busywork/profile") ||
		b.PID != os.Getpid() || !filepath.IsAbs(b.Path) {
		t.Errorf("%+v", b)
	}
	if b.Settings["GOARCH"] != runtime.GOARCH || b.Settings["GOOS"] != runtime.GOOS {
		t.Errorf("settings: %v", b.Settings)
	}
}

func TestBuildOfAProgramNotInGo(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	startCommand(t, sleep)
	c := gatherBuild(t, sleep.Process.Pid)
	if len(c.Builds) != 0 || len(c.Gaps) != 1 || c.Gaps[0] != (Gap{Signal: "build", Reason: "not a Go program"}) {
		t.Errorf("builds %v, gaps %v", c.Builds, c.Gaps)
	}
}

func TestBuildOfAProcessThatEnded(t *testing.T) {
	gone := exec.Command("sleep", "0")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	c := gatherBuild(t, gone.Process.Pid)
	if len(c.Builds) != 0 || len(c.Gaps) != 1 || c.Gaps[0].Reason == "not a Go program" {
		t.Errorf("builds %v, gaps %v", c.Builds, c.Gaps)
	}
}

// TestBuildKeepsNoSecrets builds a program the way a careless release script
// does.
func TestBuildKeepsNoSecrets(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example.com/main\n\ngo 1.24\n\nrequire example.com/dep v0.0.0\n\nreplace example.com/dep => ./dep\n",
		"main.go":    "package main\n\nimport \"example.com/dep\"\n\nvar apiKey, pepper string\n\nfunc main() { println(apiKey, pepper, dep.X) }\n",
		"dep/go.mod": "module example.com/dep\n\ngo 1.24\n",
		"dep/dep.go": "package dep\n\nvar X int\n",
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", program, "-tags", "token="+plain,
		"-ldflags", "-s -X main.apiKey="+plain+" -X 'main.pepper="+plain+" "+canary+"'", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := readBuild(program)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Settings["-ldflags"]; got != `"-s -X [cut]` && got != "-s -X [cut]" {
		t.Errorf("-ldflags is %q", got)
	}
	if got := b.Deps["example.com/dep"]; b.Main != "example.com/main" || !strings.HasPrefix(got, "v0.0.0 => ./dep") {
		t.Errorf("%+v", b)
	}
	for key, value := range b.Settings {
		if strings.Contains(value, plain) || strings.Contains(value, canary) {
			t.Errorf("%s is %q", key, value)
		}
	}
}

func TestBuildIsBounded(t *testing.T) {
	if got := buildText(strings.Repeat("x", 1<<20)); len(got) > maxBuildText {
		t.Errorf("a text of 1 MiB is kept in %d bytes", len(got))
	}
	m := &debug.Module{Path: "a", Version: "v1.0.0", Replace: &debug.Module{Path: "../fork\x1b[2J"}}
	if got := moduleVersion(m); got != "v1.0.0 => ../fork[2J" {
		t.Errorf("moduleVersion = %q", got)
	}
}

// startCommand runs a command for as long as the test.
func startCommand(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}
