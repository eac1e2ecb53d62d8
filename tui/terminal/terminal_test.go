package terminal

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"busywork/profile"
)

// TestOpen: what is no terminal is refused, with the way out.
func TestOpen(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, test := range []struct {
		name, kind string
		in, out    *os.File
		want       string
	}{
		{"fine", "xterm", tty, tty, ""},
		{"output", "xterm", tty, null, "standard output is not a terminal"},
		{"input", "xterm", null, tty, "standard input is not a terminal"},
		{"no output", "xterm", tty, nil, "standard output is not a terminal"},
		{"dumb", "dumb", tty, tty, `(TERM is "dumb")`},
		{"no kind", "", tty, tty, `(TERM is "")`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.kind)
			_, err := Open(test.in, test.out)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			u, ok := errors.AsType[*profile.Unavailable](err)
			if !ok || !strings.Contains(u.Reason, test.want) || !strings.Contains(u.Hint, "busywork diagnose") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestBackground: what the terminal answers is understood, and one that does not
// answer is dark.
func TestBackground(t *testing.T) {
	const device = "\x1b[?62;22c"
	for _, test := range []struct {
		name, env, answer string
		want              string
	}{
		{"black, four digits", "", "\x1b]11;rgb:0000/0000/0000\x1b\\" + device, "dark: true"},
		{"white, two digits, BEL", "", "\x1b]11;rgb:ff/ff/ff\a" + device, "dark: false"},
		{"light grey with alpha", "", "\x1b]11;rgba:eeee/eeee/eeee/ffff\x1b\\" + device, "dark: false"},
		{"pure blue is dark", "", "\x1b]11;rgb:0/0/f\x1b\\" + device, "dark: true"},
		{"the second question only", "", device, "dark: true"},
		{"nonsense", "", "\x1b]11;rgb:zz/zz/zz\x1b\\" + strings.Repeat("q", 2*maxAnswer) + device, "dark: true"},
		{"the environment, light", "0;15", "", "dark: false"},
		{"the environment, dark", "15;default;0", "", "dark: true"},
		{"the environment does not know", "15;default", "\x1b]11;rgb:ff/ff/ff\a" + device, "dark: false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, map[string]string{"\x1b]11;?\a\x1b[c": test.answer}, "COLORFGBG="+test.env)
			s.Await("working")
			s.Type("q")
			s.Wait()
			if after := s.CheckWhole(); !strings.Contains(after, test.want) {
				t.Errorf("%q does not say %q", after, test.want)
			}
			if asked := strings.Contains(s.Seen(), "\x1b]11;?"); asked != (test.answer != "") {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

// TestLateAnswer: a terminal that answers when nobody waits any more presses no
// keys.
func TestLateAnswer(t *testing.T) {
	for _, last := range []string{"\x1b\\", "\a"} {
		s := start(t, nil)
		s.Await("working") // without an answer
		s.Type("\x1b]11;rgb:fdfd/f6f6/e3e3" + last + "\x1b[?62;22c")
		s.Type("z")
		s.Await("keys:z")
		s.Type("q")
		if exit := s.Wait(); exit != 0 {
			t.Errorf("exit code %d", exit)
		}
		if after := s.CheckWhole(); !strings.Contains(after, "dark: true") {
			t.Errorf("%q", after)
		}
	}
}

// TestColours: what the environment promises, and NO_COLOR above all.
func TestColours(t *testing.T) {
	for env, want := range map[string]string{
		"TERM=xterm-256color": "colours: 1",
		"COLORTERM=truecolor": "colours: 0",
		"NO_COLOR=1":          "colours: 3",
	} {
		s := start(t, ready(), env, "CI=")
		s.Await("working")
		s.Type("q")
		s.Wait()
		if after := s.CheckWhole(); !strings.Contains(after, want) {
			t.Errorf("%s: %q does not say %q", env, after, want)
		}
	}
}

// TestCopy: the text is what the sequence carries, in one piece, whatever is
// between.
func TestCopy(t *testing.T) {
	text := base64.StdEncoding.EncodeToString([]byte("the finding"))
	for env, want := range map[string]string{
		"STY=":                "\x1b]52;c;" + text + "\a",
		"STY=1234.pts-0":      "\x1bP\x1b]52;c;" + text + "\a\x1b\\",
		"TMUX=/tmp/tmux-0/de": "\x1b]52;c;" + text + "\a\x1bPtmux;\x1b\x1b]52;c;" + text + "\a\x1b\\",
	} {
		s := start(t, ready(), env)
		s.Await("working")
		s.Type("y")
		s.Await(want)
		s.Type("q")
		s.Wait()
		s.CheckWhole()
	}
	if err := (&Terminal{}).Copy(strings.Repeat("x", MaxCopy+1)); err == nil {
		t.Error("more than a terminal takes was copied")
	}
}

// TestRestored: after Restore nothing is written any more, the screen is left
// once, and not if it was never entered.
func TestRestored(t *testing.T) {
	for _, entered := range []bool{false, true} {
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("TERM", "xterm")
		term, err := Open(tty, tty)
		if err != nil {
			t.Fatal(err)
		}
		if entered {
			if _, err := io.WriteString(term, enterScreen+"a frame"); err != nil {
				t.Fatal(err)
			}
		}
		term.Restore()
		term.Restore()
		if n, err := io.WriteString(term, "too late"); n != len("too late") || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		const end = "-- end --"
		if _, err := tty.WriteString(end); err != nil {
			t.Fatal(err)
		}
		var seen strings.Builder
		for buf := make([]byte, 100); !strings.Contains(seen.String(), end); {
			n, err := master.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			seen.Write(buf[:n])
		}
		left := strings.Count(seen.String(), leaveScreen)
		if entered && left != 1 || !entered && left != 0 || strings.Contains(seen.String(), "too late") ||
			!strings.HasSuffix(seen.String(), showCursor+end) {
			t.Errorf("entered %v: %q", entered, seen.String())
		}
		tty.Close()
		master.Close()
	}
}
