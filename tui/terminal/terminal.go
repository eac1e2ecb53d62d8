// Package terminal lends a terminal to a program with a screen of its own, and
// gets it back whole.
//
// A program on the alternate screen has the terminal in raw mode, its cursor
// hidden, its mouse reporting. If it goes without putting that right, the user
// sits before a shell that shows nothing of what is typed. Bubble Tea puts it right
// after a normal end and after most panics, but not after SIGHUP or SIGQUIT, not
// when the screen cannot be written to, and it prints a panic's text, raw, into the
// screen that is about to vanish. So a [Terminal] stands between the two: it is the
// program's output, it knows what was switched on, and [Terminal.Restore] puts it
// back at once and for good, whatever the program still tries to write.
//
//	t, err := terminal.Open(os.Stdin, os.Stdout)
//	err = t.Run(ctx, model, work) // until the user quits, or ctx ends, or a panic
//
// Tour: terminal.go is the Terminal as an output, restore.go how it gets back,
// run.go a program on it, guard.go what becomes of panics, background.go the
// question whether it is dark, copy.go the clipboard. Package mute is what keeps
// the libraries quiet in commands that have no UI.
package terminal

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/muesli/termenv"
	"golang.org/x/term"

	"busywork/profile"
	_ "busywork/tui/terminal/mute" // before Bubble Tea is initialised
)

// A Terminal is an interactive terminal that a program may take over. It is safe
// for concurrent use.
type Terminal struct {
	in, out *os.File
	cooked  *term.State // of in, as it was found
	around  multiplexer

	turn     chan struct{} // holds the one token of whoever writes
	screen   bool          // the alternate screen is up; of whoever has the turn
	restored atomic.Bool   // nothing is written any more
	leave    sync.Once

	background background
}

// hint is what to do without a terminal.
const hint = "the terminal UI needs one; `busywork diagnose TARGET` reports without"

// Open makes a Terminal of a program's input and output. The error is a
// *[profile.Unavailable] if one of them is not a terminal, or if the terminal says
// that it understands no escape sequences.
func Open(in, out *os.File) (*Terminal, error) {
	for _, f := range []struct {
		file *os.File
		name string
	}{{out, "standard output"}, {in, "standard input"}} {
		if f.file == nil || !term.IsTerminal(int(f.file.Fd())) {
			return nil, &profile.Unavailable{Reason: f.name + " is not a terminal", Hint: hint}
		}
	}
	if kind := os.Getenv("TERM"); kind == "" || kind == "dumb" {
		return nil, &profile.Unavailable{Reason: "this terminal has no screen to draw on (TERM is \"" + kind + "\")", Hint: hint}
	}
	cooked, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, &profile.Unavailable{Reason: "the terminal's mode cannot be read: " + err.Error(), Hint: hint}
	}
	return &Terminal{in: in, out: out, cooked: cooked, around: surrounding(), turn: make(chan struct{}, 1)}, nil
}

// Colours says how many colours may be used: none with NO_COLOR, else what TERM and
// COLORTERM promise.
func (t *Terminal) Colours() termenv.Profile {
	return termenv.NewOutput(t.out).EnvColorProfile()
}

// Write writes to the screen, one writer at a time. After [Terminal.Restore] it
// writes nothing and says that it did: a program that is ending must not fail for
// it.
func (t *Terminal) Write(p []byte) (int, error) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.restored.Load() {
		return len(p), nil
	}
	t.note(p)
	return t.out.Write(p)
}

// Fd makes Bubble Tea see that its output is a terminal, whose size it can ask for;
// Read and Close belong to the interface that it looks for.
func (t *Terminal) Fd() uintptr { return t.out.Fd() }

// Read reads from the terminal.
func (t *Terminal) Read(p []byte) (int, error) { return t.in.Read(p) }

// Close restores the terminal. The files stay open, they are not ours.
func (t *Terminal) Close() error {
	t.Restore()
	return nil
}
