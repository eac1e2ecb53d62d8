package terminal

import (
	"bytes"
	"io"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// What switches the alternate screen, the one mode that must not be left without
// having been entered: terminals then put the cursor where they saved it last, or
// into the corner.
const (
	enterScreen = ansi.SetModeAltScreenSaveCursor
	leaveScreen = ansi.ResetModeAltScreenSaveCursor
)

// What a program may have switched on besides, switched off. To do it twice, or in
// vain, changes nothing.
const (
	quietInput = ansi.ResetModeMouseNormal + ansi.ResetModeMouseButtonEvent + ansi.ResetModeMouseAnyEvent + ansi.ResetModeMouseExtSgr +
		ansi.ResetModeFocusEvent + ansi.ResetModeBracketedPaste
	plainOutput = ansi.ResetStyle
	showCursor  = ansi.SetModeTextCursorEnable
)

// leaveWithin bounds the wait for a terminal that takes no more output: a frozen
// ssh must not keep the process from ending.
const leaveWithin = 500 * time.Millisecond

// note keeps account of the alternate screen. The caller has the turn.
func (t *Terminal) note(p []byte) {
	on, off := bytes.LastIndex(p, []byte(enterScreen)), bytes.LastIndex(p, []byte(leaveScreen))
	if on >= 0 || off >= 0 {
		t.screen = on > off
	}
}

// Restore puts the terminal back as it was found: its mode, its screen, its cursor,
// its mouse. From then on nothing more is written to it. It may be called from any
// goroutine and as often as one likes; when it returns, others may write.
func (t *Terminal) Restore() {
	t.restored.Store(true)
	// The mode first: it takes no turn, so not even a stuck writer keeps it. And each
	// time: a program that was just starting may have switched to raw mode since.
	_ = term.Restore(int(t.in.Fd()), t.cooked) // fails if the terminal is gone, and there is none to restore
	t.leave.Do(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			t.turn <- struct{}{}
			defer func() { <-t.turn }()
			t.writeLeave()
		}()
		select {
		case <-done:
		case <-time.After(leaveWithin):
		}
	})
}

// writeLeave writes what undoes the program's escapes. The caller has the turn.
func (t *Terminal) writeLeave() {
	leave := quietInput + plainOutput
	if t.screen {
		leave += leaveScreen
		t.screen = false
	}
	_, _ = io.WriteString(t.out, leave+showCursor)
}
