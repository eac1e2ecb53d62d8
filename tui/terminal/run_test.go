package terminal

import (
	"bufio"
	"os"
	"strings"
	"syscall"
	"testing"

	"busywork/tui/terminal/ptytest"
)

// TestWhole: however the program ends, the terminal is as it was, and what there is
// to say stands behind it.
func TestWhole(t *testing.T) {
	tests := []struct {
		name string
		keys string // one after the other
		exit int
		says string // after the terminal is back
	}{
		{"quit", "q", 0, "worked: true"},
		{"panic in Update", "u", 3, "internal error: boom"},
		{"panic in View", "v", 3, "internal error: boom"},
		{"panic in a command", "c", 3, "internal error: boom"},
		{"panic in a batch in a sequence in a batch", "b", 3, "internal error: boom"},
		{"panic in the work", "w", 3, "internal error: boom"},
		{"the work fails", "e", 1, "error: the work has failed"},
		{"the work is done, and then the user quits", "dq", 0, "worked: true"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, ready())
			s.Await("working")
			for i := range test.keys {
				s.Await("keys:" + test.keys[:i])
				s.Type(test.keys[i : i+1])
			}
			if exit := s.Wait(); exit != test.exit {
				t.Errorf("exit code %d, want %d", exit, test.exit)
			}
			after := s.CheckWhole()
			if !strings.Contains(after, test.says) {
				t.Errorf("%q is not said after the terminal is back, but %q", test.says, after)
			}
			if test.exit == 3 && !strings.Contains(after, "main_test.go") {
				t.Errorf("the stack does not say where: %q", after)
			}
			if strings.Contains(s.Seen(), "\x1b]0;") {
				t.Error("a panic's text reached the terminal as it was")
			}
		})
	}
}

// TestSignals: the same when the program is ended from outside.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := start(t, ready())
			s.Await("working")
			s.Signal(sig)
			if exit := s.Wait(); exit != 0 {
				t.Errorf("exit code %d", exit)
			}
			if after := s.CheckWhole(); !strings.Contains(after, "worked: true") {
				t.Errorf("the work was not waited for: %q", after)
			}
		})
	}
}

// TestStuck: a terminal that takes no more output does not keep the program from
// ending, and its mode is restored all the same.
func TestStuck(t *testing.T) {
	told, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	defer tell.Close()
	cmd := command(t)
	cmd.Stderr = tell
	s := ptytest.Start(t, cmd, ready())
	s.Await("working")
	thaw := s.Freeze()
	s.Resize(400, 200) // frames of 80 kB: more than a line holds
	s.Type("f")
	if word, err := bufio.NewReader(told).ReadString('\n'); word != "stuck\n" {
		t.Fatal(word, err)
	}
	s.Signal(syscall.SIGTERM)
	exit := s.Wait()
	thaw()
	if exit != 0 {
		t.Errorf("exit code %d", exit)
	}
	s.CheckMode()
}

// TestHangUp: when the terminal is gone the program ends, too.
func TestHangUp(t *testing.T) {
	s := start(t, ready())
	s.Await("working")
	s.HangUp()
	if exit := s.Wait(); exit != 0 {
		t.Errorf("exit code %d", exit)
	}
}

// TestResize: the output is seen as a terminal, with a size.
func TestResize(t *testing.T) {
	s := start(t, ready())
	s.Await("80x24")
	s.Resize(120, 40)
	s.Await("120x40")
	s.Type("q")
	s.Wait()
	s.CheckWhole()
}
