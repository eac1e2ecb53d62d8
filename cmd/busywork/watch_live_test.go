package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatchInTmux is the terminal UI as people meet it: incident A live, in a
// real terminal, with real keys.
func TestWatchInTmux(t *testing.T) {
	if testing.Short() {
		t.Skip("an incident takes half a minute")
	}
	term := newTmux(t)
	binary := filepath.Join(t.TempDir(), "busywork")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	folder := t.TempDir()
	term.run("cd " + folder + " && " + binary + " demo --watch; echo ended with $?")

	term.showsWithin(5*time.Minute, "LIVE, ") // a window has come; the incidents of other tests come first
	overview := term.shows("measured")
	for _, want := range []string{"LIVE", "refused-work", "stream WAITING", "sign"} {
		if !strings.Contains(overview, want) {
			t.Errorf("the overview does not say %q:\n%s", want, overview)
		}
	}
	term.keys("Enter")
	term.shows("Decide before you prepare")
	term.keys("2")
	term.shows("zoom in")
	term.keys("3")
	term.shows("dispatch-world")
	term.keys("4")
	term.shows("unacked")
	term.keys("5")
	term.shows("key-parse-per-job")

	term.keys("1", "r")
	term.shows("REC")
	term.keys("m")
	term.shows("since")
	term.resize(40, 12)
	term.shows("refused-work")
	term.resize(120, 40)
	time.Sleep(6 * time.Second) // a window is recorded
	term.keys("q")
	end := term.shows("ended with 0")
	if strings.Contains(end, "panic") {
		t.Errorf("it ended with\n%s", end)
	}
	windows, err := filepath.Glob(filepath.Join(folder, "busywork-*", "0*", "evidence.jsonl.gz"))
	if err != nil || len(windows) == 0 {
		t.Errorf("nothing was recorded: %v, %v", windows, err)
	}
}

// tmux is a terminal of its own, on a server of its own.
type tmux struct {
	t      *testing.T
	socket string
}

func newTmux(t *testing.T) *tmux {
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatal("tmux is not installed")
		}
		t.Skip("tmux is not installed")
	}
	m := &tmux{t, filepath.Join(t.TempDir(), "tmux")}
	m.command("-f", os.DevNull, "new-session", "-d", "-x", "120", "-y", "40", "env", "PS1=$ ", "sh")
	t.Cleanup(func() { exec.Command("tmux", "-S", m.socket, "kill-server").Run() })
	return m
}

func (m *tmux) command(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (m *tmux) run(line string)      { m.command("send-keys", line, "Enter") }
func (m *tmux) keys(names ...string) { m.command(append([]string{"send-keys"}, names...)...) }
func (m *tmux) resize(columns, rows int) {
	m.command("resize-window", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows))
}

// shows waits until the terminal shows the text, and returns all that it shows.
func (m *tmux) shows(text string) string {
	m.t.Helper()
	return m.showsWithin(time.Minute, text)
}

func (m *tmux) showsWithin(patience time.Duration, text string) string {
	m.t.Helper()
	var screen string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if screen = m.command("capture-pane", "-p"); strings.Contains(screen, text) {
			return screen
		}
	}
	m.t.Fatalf("there is no %q; the terminal shows:\n%s", text, screen)
	return ""
}
