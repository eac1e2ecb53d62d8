package terminal

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/profile"
)

// A Panic is a bug that came to light while a program had the terminal.
type Panic struct {
	Value any
	Stack []byte // of the goroutine, as runtime/debug writes it
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error: %v", p.Value) }

// maxStack bounds the lines of a stack that are written: the ones that tell are at
// its top, and an endless recursion's has a hundred.
const maxStack = 100

// WriteStack writes where it happened, a line a frame. What is in a panic may come
// from outside, so nothing in it reaches a terminal as it is.
func (p *Panic) WriteStack(w io.Writer) {
	for i, line := range bytes.Split(bytes.TrimSpace(p.Stack), []byte("\n")) {
		if i == maxStack {
			fmt.Fprintln(w, "…")
			return
		}
		fmt.Fprintln(w, profile.Clean(string(line)))
	}
}

// spawn runs f on a goroutine of its own; a panic is an error, too.
func spawn(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- &Panic{v, debug.Stack()}
			}
		}()
		done <- f()
	}()
	return done
}

// A guard stands around a model: what panics in it, or in a command that it
// returns, goes to fail, and the program ends in good order.
//
// Bubble Tea would catch these itself, but then prints what it caught to standard
// output as it is, for a command even before it has left the screen.
type guard struct {
	model tea.Model
	fail  func(error)
}

// caught is to be deferred.
func (g *guard) caught() {
	if v := recover(); v != nil {
		g.fail(&Panic{v, debug.Stack()})
	}
}

func (g *guard) Init() tea.Cmd {
	defer g.caught()
	return g.command(g.model.Init())
}

func (g *guard) Update(msg tea.Msg) (same tea.Model, cmd tea.Cmd) {
	same = g // after a panic, too
	defer g.caught()
	g.model, cmd = g.model.Update(msg)
	return same, g.command(cmd)
}

func (g *guard) View() string {
	defer g.caught()
	return g.model.View()
}

// command guards a command, and all that it may turn out to consist of.
func (g *guard) command(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		defer g.caught()
		return g.inside(cmd())
	}
}

// inside guards the commands of a message that is a list of them. That of
// tea.Sequence has a type that is not exported, but it is a list of commands.
func (g *guard) inside(msg tea.Msg) tea.Msg {
	list := reflect.ValueOf(msg)
	if list.Kind() != reflect.Slice || list.Type().Elem() != reflect.TypeFor[tea.Cmd]() {
		return msg
	}
	for i := range list.Len() {
		cmd := list.Index(i)
		cmd.Set(reflect.ValueOf(g.command(cmd.Interface().(tea.Cmd))))
	}
	return msg
}
