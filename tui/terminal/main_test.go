package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/tui/terminal/ptytest"
)

// playing tells this executable to be the program on the terminal.
const playing = "BUSYWORK_TERMINAL_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(playing) != "" {
		os.Exit(play())
	}
	os.Exit(m.Run())
}

// start plays the program on a terminal of the given kind.
func start(t *testing.T, answers map[string]string, env ...string) *ptytest.Session {
	t.Helper()
	return ptytest.Start(t, command(t, env...), answers)
}

func command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), playing+"=1", "TERM=xterm-256color", "COLORFGBG=", "TMUX=", "STY=", "NO_COLOR=", "COLORTERM=")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// ready is a terminal that answers at once, so that tests do not wait for it.
func ready() map[string]string {
	return map[string]string{"\x1b[c": "\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62;22c"}
}

// play is the program: it says how the terminal is, shows the keys that are
// pressed, and does what the key stands for.
func play() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	t, err := Open(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	dark := t.Dark()
	work := &work{doom: make(chan string, 1)}
	err = t.Run(ctx, &program{t: t, work: work, keys: "keys:"}, work.run)
	fmt.Fprintf(os.Stderr, "dark: %v, colours: %d, worked: %v\n", dark, t.Colours(), work.done)
	if err != nil {
		if p, ok := errors.AsType[*Panic](err); ok {
			p.WriteStack(os.Stderr)
			fmt.Fprintln(os.Stderr, strings.ReplaceAll(p.Error(), "\x1b", "ESC"))
			return 3
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

// boom has what a hostile name may carry: a title for the window.
const boom = "boom \x1b]0;owned\a"

// work waits for its doom.
type work struct {
	doom chan string
	done bool
}

func (w *work) run(ctx context.Context, send func(tea.Msg)) error {
	defer func() { w.done = true }()
	send(said("working"))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case how := <-w.doom:
		switch how {
		case "panic":
			panic(boom)
		case "fail":
			return errors.New("the work has failed")
		}
	}
	return nil
}

type said string

type program struct {
	t      *Terminal
	work   *work
	keys   string
	said   string
	size   tea.WindowSizeMsg
	frames int
	flood  bool
	doomed bool // the next View panics
}

func (p *program) Init() tea.Cmd { return nil }

func explode() tea.Msg { panic(boom) }

func nothing() tea.Msg { return nil }

// Update does what a key stands for.
func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.size = msg
	case said:
		p.said = string(msg)
	case time.Time:
		return p, tick()
	case tea.KeyMsg:
		return p, p.key(msg.String())
	}
	return p, nil
}

func tick() tea.Cmd { return tea.Tick(time.Millisecond, func(t time.Time) tea.Msg { return t }) }

func (p *program) key(key string) tea.Cmd {
	p.keys += key
	switch key {
	case "q":
		return tea.Quit
	case "u":
		panic(boom)
	case "v":
		p.doomed = true
	case "c":
		return explode
	case "b":
		return tea.Batch(nothing, tea.Sequence(nothing, tea.Batch(nothing, explode)))
	case "w":
		p.work.doom <- "panic"
	case "e":
		p.work.doom <- "fail"
	case "d":
		p.work.doom <- "done"
	case "y":
		if err := p.t.Copy("the finding"); err != nil {
			panic(err)
		}
	case "f":
		p.flood = true
		go p.t.tellStuck()
		return tick()
	}
	return nil
}

// tellStuck says so when a write takes longer than any that gets through.
func (t *Terminal) tellStuck() {
	for held := 0; held < 50; time.Sleep(10 * time.Millisecond) {
		if held++; len(t.turn) == 0 {
			held = 0
		}
	}
	fmt.Fprintln(os.Stderr, "stuck")
}

// View shows the keys; a flood, each frame with as many other letters as it has
// room for.
func (p *program) View() string {
	if p.doomed {
		panic(boom)
	}
	p.frames++
	top := fmt.Sprintf("%dx%d %s %s", p.size.Width, p.size.Height, p.said, p.keys)
	if !p.flood {
		return top
	}
	row := strings.Repeat(string(rune('a'+p.frames%26)), max(1, p.size.Width))
	return top + " flooding" + strings.Repeat("\n"+row, max(1, p.size.Height-1))
}
