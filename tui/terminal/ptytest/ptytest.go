// Package ptytest runs a process on a pseudo-terminal, for tests of what it does
// to its terminal: the bytes that it writes there, and the mode that it leaves.
//
// It is the terminal, but a mute one: it draws nothing, and answers only what it was
// told to.
package ptytest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// patience ends a test that would hang. It is no measurement: it is longer than
// anything takes on a loaded machine, where an incident waits for its turn.
const patience = 5 * time.Minute

// A Session is a process and its terminal.
type Session struct {
	t        testing.TB
	cmd      *exec.Cmd
	pty, tty *os.File
	before   *term.State // the terminal's mode at the start

	gate sync.Mutex // held while nothing is to be read
	mu   sync.Mutex
	more *sync.Cond // seen has grown, or time is up
	seen []byte
	late bool

	answers map[string]string // by query; each is given once
}

// Start starts cmd on a terminal of 80×24. Answers are what the terminal says to
// what the process asks, by query.
func Start(t testing.TB, cmd *exec.Cmd, answers map[string]string) *Session {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{t: t, cmd: cmd, pty: master, tty: tty, answers: answers}
	s.more = sync.NewCond(&s.mu)
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	if s.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = tty, tty
	if cmd.Stderr == nil {
		cmd.Stderr = tty
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // of its standard input
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read()
	limit := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.late = true
		s.more.Broadcast()
		_ = cmd.Process.Kill()
	})
	t.Cleanup(func() {
		limit.Stop()
		_ = cmd.Process.Kill()
		_ = tty.Close()
		_ = master.Close()
	})
	return s
}

func (s *Session) read() {
	buf := make([]byte, 1<<12)
	for {
		n, err := s.pty.Read(buf)
		s.gate.Lock()
		s.mu.Lock()
		s.seen = append(s.seen, buf[:n]...)
		for query, answer := range s.answers {
			if bytes.Contains(s.seen, []byte(query)) {
				delete(s.answers, query)
				_, _ = s.pty.WriteString(answer)
			}
		}
		s.more.Broadcast()
		s.mu.Unlock()
		s.gate.Unlock()
		if err != nil {
			return
		}
	}
}

// Await waits until the process has written something.
func (s *Session) Await(what string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !bytes.Contains(s.seen, []byte(what)) {
		if s.late {
			s.t.Fatalf("%q was never written, but:\n%q", what, s.seen)
		}
		s.more.Wait()
	}
}

// Type presses keys.
func (s *Session) Type(keys string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// Resize gives the terminal another size.
func (s *Session) Resize(columns, rows int) {
	s.t.Helper()
	if err := pty.Setsize(s.pty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		s.t.Fatal(err)
	}
}

// Signal sends the process a signal.
func (s *Session) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Freeze stops reading, as a terminal does whose line is stuck; what it returns
// goes on.
func (s *Session) Freeze() (thaw func()) {
	s.gate.Lock()
	return s.gate.Unlock
}

// HangUp takes the terminal away.
func (s *Session) HangUp() {
	_ = s.pty.Close()
	_, _ = s.tty.WriteString("\n") // wakes read, whose end is what really closes the file
	_ = s.tty.Close()
}

// Wait waits for the process to end and returns its exit code.
func (s *Session) Wait() int {
	s.t.Helper()
	err := s.cmd.Wait()
	if s.late {
		s.t.Fatalf("the process did not end; it wrote:\n%q", s.Seen())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.t.Fatal(err)
	} else if ok && exit.ExitCode() < 0 {
		s.t.Fatalf("the process was ended by %v; it wrote:\n%q", exit, s.Seen())
	}
	return s.cmd.ProcessState.ExitCode()
}

// Seen is all that was written so far.
func (s *Session) Seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.seen)
}

// end is written behind a process's output, to know that all of it was read.
const end = "-- the end --"

// All is all that a process wrote that has ended.
func (s *Session) All() string {
	s.t.Helper()
	if _, err := s.tty.WriteString(end); err != nil {
		s.t.Fatal(err)
	}
	s.Await(end)
	all, _, _ := strings.Cut(s.Seen(), end)
	return all
}

// CheckMode checks that the terminal's mode is what it was before the process.
func (s *Session) CheckMode() {
	s.t.Helper()
	now, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(now, s.before) {
		s.t.Errorf("the terminal's mode is %+v, was %+v", now, s.before)
	}
}

// modes matches what switches a private mode of the terminal.
var modes = regexp.MustCompile(`\x1b\[\?(\d+)([hl])`)

// CheckWhole checks that a process that has ended gave the terminal back as it had
// got it, and returns what it wrote after it was back.
func (s *Session) CheckWhole() (after string) {
	s.t.Helper()
	all := s.All()
	s.CheckMode()
	on := map[string]bool{}
	last := 0
	for _, m := range modes.FindAllStringSubmatchIndex(all, -1) {
		on[all[m[2]:m[3]]] = all[m[4]:m[5]] == "h"
		last = m[1]
	}
	// 25 is the cursor, 1049 the alternate screen; the others are the mouse, the
	// focus and pasting.
	want := map[string]bool{"25": true, "1049": false, "1000": false, "1002": false, "1003": false, "1006": false, "1004": false, "2004": false}
	for mode, want := range want {
		if got, told := on[mode]; told && got != want {
			s.t.Errorf("mode %s was left %v", mode, got)
		}
	}
	if !on["25"] {
		s.t.Error("the cursor was not shown")
	}
	return all[last:]
}
