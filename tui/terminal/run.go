package terminal

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

const (
	// framesPerSecond is how often the screen is looked at for a change: what costs
	// an idle program 1.7 % of a core at Bubble Tea's 60 costs 0.4 % at 10.
	framesPerSecond = 10
	// endWithin bounds the wait for a program that was told to end. It waits itself
	// if its screen cannot be written to, and the terminal is restored by then.
	endWithin = 2 * time.Second
	// hangUpWithin bounds the wait for the signal that says what the end of the input
	// means: when a terminal goes, its input fails and the signal is on its way.
	hangUpWithin = 200 * time.Millisecond
)

// errQuit ends a run because the user wants it so.
var errQuit = errors.New("the user has quit")

// Run runs a program on the alternate screen, and work beside it, which sends it
// messages; then it restores the terminal and waits for work to return. The program
// ends when it quits, when ctx ends, when work returns an error, or when either of
// them panics; work's context ends with the program. That work returns nil does not
// end the program.
//
// The error is what work returned, or a *[Panic]; that ctx ended is none. Signals
// are the caller's: ctx is what ends when they come.
func (t *Terminal) Run(ctx context.Context, model tea.Model, work func(ctx context.Context, send func(tea.Msg)) error) error {
	defer t.Restore()
	// Whoever is stopped with the screen on leaves it so for the shell. The key for it is
	// one like others here; sent from outside the signal does nothing until the end.
	signal.Ignore(syscall.SIGTSTP)
	defer signal.Reset(syscall.SIGTSTP)
	run, end := context.WithCancelCause(ctx)
	defer end(errQuit)
	p := tea.NewProgram(&guard{model: model, fail: end},
		tea.WithInput(t.in), tea.WithOutput(t), tea.WithFilter(t.lateAnswers()),
		tea.WithAltScreen(), tea.WithMouseCellMotion(), tea.WithFPS(framesPerSecond),
		tea.WithoutSignalHandler(), tea.WithoutCatchPanics())
	overdue := make(chan struct{})
	context.AfterFunc(run, func() {
		t.Restore() // at once: the program may need a while, or not get there
		time.AfterFunc(endWithin, func() { p.Kill(); close(overdue) })
		p.Quit() // and not by way of a context: a program that is killed closes its input while it reads
	})
	program := spawn(func() error { _, err := p.Run(); return err })
	worker := spawn(func() error { return work(run, p.Send) })

	var err error
	for running := true; running; {
		select {
		case err = <-program:
			running = false
		case err := <-worker:
			worker = nil
			if err != nil {
				end(err)
			}
		case <-overdue:
			running = false
		}
	}
	end(t.ended(run, err))
	t.Restore()
	return errors.Join(why(run, ctx), result(worker))
}

// ended is why the program is over, if nobody has told it to end.
func (t *Terminal) ended(run context.Context, err error) error {
	if err == nil || errors.Is(err, tea.ErrInterrupted) {
		return errQuit
	}
	select {
	case <-run.Done():
	case <-time.After(hangUpWithin):
	}
	return err
}

// why is the cause of the end of run, as an error of the program; nil if it was
// told to end, by the user or from outside.
func why(run, outside context.Context) error {
	cause := context.Cause(run)
	if _, bug := errors.AsType[*Panic](cause); bug {
		return cause
	}
	if cause == errQuit || outside.Err() != nil {
		return nil
	}
	return cause
}

// result is what work has returned after the program; worker is nil if it had
// returned before.
func result(worker <-chan error) error {
	if worker == nil {
		return nil
	}
	if err := <-worker; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// maxLate is how many keys an answer can look like: "11;rgb:ffff/ffff/ffff", one by
// one, with its brackets.
const maxLate = 40

// lateAnswers keeps an answer that came too late for Dark from being taken for
// keys: an "r" in the midst of it would record, a "q" quit.
func (t *Terminal) lateAnswers() func(tea.Model, tea.Msg) tea.Msg {
	inside := 0 // how many keys more may belong to the answer
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		key, ok := msg.(tea.KeyMsg)
		if !ok || !t.background.owed {
			return msg
		}
		switch s := key.String(); {
		case s == "alt+]": // ESC ], with which it begins
			inside = maxLate
		case inside > 0 && (s == `alt+\` || s == "ctrl+g"): // ESC \ or BEL, with which it ends
			inside = 0
		case inside > 0:
			inside -= max(1, len(key.Runes))
		default:
			return msg
		}
		return nil
	}
}
