package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"busywork/tui/terminal/ptytest"
)

// device is what a terminal answers that is asked what it is: the sign that it
// answers no more about its background.
const device = "\x1b[?62;22c"

// onTerminal runs the program on a terminal. One that answers does so at once.
func onTerminal(t *testing.T, answers bool, args ...string) *ptytest.Session {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: exe, Args: append([]string{"busywork"}, args...)}
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORFGBG=", "TMUX=", "STY=", "NO_COLOR=", "DISPLAY=", "WAYLAND_DISPLAY=")
	if !answers {
		return ptytest.Start(t, cmd, nil)
	}
	return ptytest.Start(t, cmd, map[string]string{"\x1b[c": device})
}

// TestNoQuery: a command without a UI asks the terminal nothing. Bubble Tea's init
// would; a terminal that never answers then holds up every command for five
// seconds.
func TestNoQuery(t *testing.T) {
	for _, args := range [][]string{{"rules"}, {"--help"}, {"diagnose", "./nothing/here"}} {
		s := onTerminal(t, false, args...)
		s.Wait()
		if all := s.All(); strings.Contains(all, "\x1b]11;?") || strings.Contains(all, "\x1b[6n") || strings.Contains(all, "\x1b[c") || all == "" {
			t.Errorf("%v: %q", args, all)
		}
	}
}

// TestWatchRecorded: a capture on the screen, and away again.
func TestWatchRecorded(t *testing.T) {
	s := onTerminal(t, true, "watch", "../../fixtures/captures/dispatch-waste")
	s.Await("refused-work")
	s.Type("q")
	if exit := s.Wait(); exit != exitFine {
		t.Errorf("exit code %d", exit)
	}
	if after := s.CheckWhole(); after != "" {
		t.Errorf("behind the screen: %q", after)
	}
}

// TestWatchSignals: a live watch that records is ended from outside. The terminal
// is as it was, the recording is whole, and the exit code tells the signal.
func TestWatchSignals(t *testing.T) {
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGQUIT: 131, syscall.SIGINT: 130} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "rec")
			s := onTerminal(t, true, "watch", "host", "--seconds", "1", "-o", dir)
			s.Await(" CPUs") // of the verdict: the first window is on the screen
			s.Signal(sig)
			if exit := s.Wait(); exit != code {
				t.Errorf("exit code %d, want %d", exit, code)
			}
			if after := s.CheckWhole(); !strings.Contains(after, dir+": ") || !strings.Contains(after, " windows, ") {
				t.Errorf("behind the screen: %q", after)
			}
			check := exec.Command(os.Args[0], "diagnose", dir)
			check.Args[0] = "busywork"
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestWatchIsNotStopped: a program that is stopped with its screen on leaves that to
// the shell.
func TestWatchIsNotStopped(t *testing.T) {
	s := onTerminal(t, true, "watch", "../../fixtures/captures/dispatch-waste")
	s.Await("refused-work")
	s.Signal(syscall.SIGTSTP)
	s.Type("5")
	s.Await("clean: looked")
	s.Type("q")
	if exit := s.Wait(); exit != exitFine {
		t.Errorf("exit code %d", exit)
	}
	s.CheckWhole()
}

// TestWatchNobody: a target that is not there is told of where it can be read.
func TestWatchNobody(t *testing.T) {
	s := onTerminal(t, true, "watch", "no-such-process-name")
	if exit := s.Wait(); exit != exitCannot {
		t.Errorf("exit code %d", exit)
	}
	if after := s.CheckWhole(); !strings.Contains(after, "no process is named no-such-process-name") || !strings.Contains(after, "hint: ") {
		t.Errorf("behind the screen: %q", after)
	}
}

// TestWatchHangUp: when the terminal is gone, so is the watch.
func TestWatchHangUp(t *testing.T) {
	s := onTerminal(t, true, "watch", "../../fixtures/captures/dispatch-waste")
	s.Await("refused-work")
	s.HangUp()
	if exit := s.Wait(); exit != 129 {
		t.Errorf("exit code %d", exit)
	}
}

// TestDemoWatch: the incident comes up, its service is on the screen, and what is
// left is a clean terminal and the command for the repaired form.
func TestDemoWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("brings the incident up")
	}
	s := onTerminal(t, true, "demo", "--watch", "--seconds", "1")
	s.Await("dispatchd") // in the ledger
	s.Type("q")
	if exit := s.Wait(); exit != exitFine {
		t.Errorf("exit code %d", exit)
	}
	if after := s.CheckWhole(); !strings.Contains(after, "busywork demo dispatch --watch --fixed") {
		t.Errorf("behind the screen: %q", after)
	}
}

// TestWatchMixed: what is on disk and what is live are not watched together, and the
// error shows no secret of a URL.
func TestWatchMixed(t *testing.T) {
	s := onTerminal(t, true, "watch", "http://user:hunter2@127.0.0.1:1/?token=s3cret", "../../fixtures/captures/dispatch-waste")
	if exit := s.Wait(); exit != exitCannot {
		t.Errorf("exit code %d", exit)
	}
	if all := s.All(); !strings.Contains(all, "http://127.0.0.1:1/") || strings.Contains(all, "hunter2") || strings.Contains(all, "s3cret") {
		t.Errorf("%q", all)
	}
}

// TestLastWords: a terminal that takes nothing does not keep the program.
func TestLastWords(t *testing.T) {
	nobodyReads, out := io.Pipe()
	defer nobodyReads.Close()
	w := &lastWords{to: out}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			fmt.Fprintln(w, "recorded 3 windows")
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * leaveWithin):
		t.Error("it waits for a terminal that is stuck")
	}
}
