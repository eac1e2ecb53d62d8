package tui

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/exp/teatest"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/tui/feed"
)

// updating says that the golden frames are to be written anew. The flag comes
// with teatest.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// sizes are those that frames are drawn at: the smallest of use, the usual, a
// large and a very large terminal.
var sizes = []struct{ w, h int }{{40, 12}, {80, 24}, {120, 40}, {200, 60}}

// recording lays captures of the fixtures down as the windows of a recording.
func recording(t testing.TB, captures ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "incident")
	for i, name := range captures {
		if err := os.CopyFS(filepath.Join(dir, fmt.Sprintf("%06d", i+1)), os.DirFS("../fixtures/captures/"+name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open is a feed over recordings, and all that it sends.
func open(t testing.TB, paths ...string) (feed.Feed, []feed.Arrival) {
	t.Helper()
	f, err := feed.OpenRecorded(paths, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	windows := 0
	for _, p := range paths {
		n, _ := filepath.Glob(filepath.Join(p, "0*"))
		windows += max(1, len(n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var list []feed.Arrival
	err = f.Follow(ctx, func(a feed.Arrival) {
		list = append(list, a)
		if len(list) == windows {
			cancel()
		}
	})
	if err != nil || len(list) < windows {
		t.Fatalf("%d of %d windows, %v", len(list), windows, err)
	}
	return f, list
}

// live makes the windows of a recording come as those of a running service do.
type live struct{ feed.Feed }

func (live) Live() bool { return true }

// played is the program after the windows of the captures have come one after
// another, as if live.
func played(t testing.TB, w, h int, captures ...string) *Model {
	t.Helper()
	f, list := open(t, recording(t, captures...))
	m := New(live{f}, Options{Profile: termenv.Ascii})
	m.fold(tea.WindowSizeMsg{Width: w, Height: h})
	for n := range captures {
		for _, a := range list {
			if a.Number == n+1 {
				a.Indexed = false
				m.fold(arrivalMsg{a})
			}
		}
	}
	return m
}

func (m *Model) press(t testing.TB, keys ...string) *Model {
	t.Helper()
	for _, k := range keys {
		m.fold(keyMsg(k))
		checkFrame(t, m.View(), m.w, m.h)
	}
	return m
}

// TestFrames draws every screen of real incidents at every size.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		name     string
		captures []string
		keys     string
		sizes    int // how many of the sizes, from the smallest
	}{
		{"overview", []string{"dispatch-waste"}, "", 4},
		{"overview-clean", []string{"healthy-compress"}, "", 2},
		{"overview-marked", []string{"dispatch-waste", "dispatch-fixed"}, "[ m }", 3},
		{"overview-paused", []string{"dispatch-waste", "dispatch-waste", "dispatch-fixed", "dispatch-fixed"}, "p [ [ [", 2},
		{"overview-backlog", []string{"sessions-waste"}, "", 2},
		{"finding", []string{"dispatch-waste"}, "enter", 4},
		{"finding-queue", []string{"reminders-waste"}, "enter", 2},
		{"finding-respawn", []string{"beats-waste"}, "enter", 2},
		{"flame", []string{"dispatch-waste"}, "2", 4},
		{"flame-finding", []string{"dispatch-waste"}, "enter 2 down down enter", 2},
		{"flame-marked", []string{"dispatch-waste", "dispatch-fixed"}, "[ m } 2", 2},
		{"flame-search", []string{"reminders-waste"}, "2 / I n d e x enter", 2},
		{"processes", []string{"beats-waste"}, "3", 4},
		{"processes-forks", []string{"forks-waste"}, "3", 2},
		{"queues", []string{"sessions-waste"}, "4", 4},
		{"queues-redis", []string{"reminders-waste"}, "4", 2},
		{"rules", []string{"dispatch-waste"}, "5", 4},
		{"rules-open", []string{"dispatch-waste"}, "5 enter", 2},
		{"filter", []string{"forks-waste"}, "/ f o r k", 2},
		{"help", []string{"dispatch-waste"}, "?", 3},
	} {
		for _, s := range sizes[:c.sizes] {
			name := fmt.Sprintf("%s-%dx%d", c.name, s.w, s.h)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := played(t, s.w, s.h, c.captures...).press(t, strings.Fields(c.keys)...)
				golden(t, name+".txt", m.View())
			})
		}
	}
}

// TestFramesOfSeveralTargets: the one that wastes most is first, and the one that
// was selected stays so.
func TestFramesOfSeveralTargets(t *testing.T) {
	f, list := open(t, recording(t, "healthy-idle"), recording(t, "beats-waste"), recording(t, "reminders-waste"))
	for _, s := range sizes[1:3] {
		m := New(live{f}, Options{Profile: termenv.Ascii})
		m.fold(tea.WindowSizeMsg{Width: s.w, Height: s.h})
		for _, a := range list {
			m.fold(arrivalMsg{a})
		}
		m.press(t, "t")
		golden(t, fmt.Sprintf("targets-%dx%d.txt", s.w, s.h), m.View())
	}
}

// golden holds a frame against the one that was judged good.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "frames", name)
	var trimmed strings.Builder
	for row := range strings.SplitSeq(got, "\n") {
		trimmed.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	if updating() {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(trimmed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), trimmed.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// TestWiring runs the program as Bubble Tea does, once: keys go in, frames come
// out, and q ends it.
func TestWiring(t *testing.T) {
	f, list := open(t, recording(t, "dispatch-waste"))
	m := teatest.NewTestModel(t, New(f, Options{Profile: termenv.Ascii}), teatest.WithInitialTermSize(120, 40))
	m.Send(arrivalMsg{list[0]})
	shows := func(text string) {
		t.Helper()
		teatest.WaitFor(t, m.Output(), func(b []byte) bool { return bytes.Contains(b, []byte(text)) }, teatest.WithDuration(10*time.Second))
	}
	shows("refused-work")
	m.Send(keyMsg("enter"))
	shows("wrong if")
	m.Send(keyMsg("q"))
	m.WaitFinished(t, teatest.WithFinalTimeout(10*time.Second))
}

// TestAnyKeysAnySize: whatever is pressed, clicked and resized in whatever order,
// a frame is as large as the terminal, and nothing breaks.
func TestAnyKeysAnySize(t *testing.T) {
	keys := strings.Fields("j k g G h l n N u d x f a s - + enter esc tab shift+tab 1 2 3 4 5 t / ? p m m [ [ ] { } c up down left right pgup pgdown backspace q0 é 漢")
	m := played(t, 120, 40, "dispatch-waste", "beats-waste", "forks-waste", "sessions-waste", "reminders-waste", "healthy-idle")
	r := rand.New(rand.NewPCG(5, 6))
	steps := 4000
	if testing.Short() {
		steps = 500
	}
	for range steps {
		switch r.IntN(10) {
		case 0:
			m.fold(tea.WindowSizeMsg{Width: r.IntN(220), Height: r.IntN(70)})
		case 1:
			m.fold(tea.MouseMsg{X: r.IntN(220), Y: r.IntN(70), Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
		case 2:
			m.fold(tea.MouseMsg{X: r.IntN(220), Y: r.IntN(70), Action: tea.MouseActionPress, Button: tea.MouseButtonWheelUp + tea.MouseButton(r.IntN(2))})
		default:
			m.fold(keyMsg(keys[r.IntN(len(keys))]))
		}
		checkFrame(t, m.View(), m.w, m.h)
	}
}

// TestKeysThatComeTogether: over a slow line several keys are read at once.
func TestKeysThatComeTogether(t *testing.T) {
	one := played(t, 80, 24, "forks-waste").press(t, "2", "3", "j", "j", "/", "r", "q", "enter")
	all := played(t, 80, 24, "forks-waste").press(t, "23jj/rq", "enter")
	if diff := cmp.Diff(one.View(), all.View()); diff != "" {
		t.Error(diff)
	}
	quick := played(t, 80, 24, "forks-waste") // nothing that a key leads to comes after the next key
	for _, k := range []string{"enter", "2"} {
		quick.Update(keyMsg(k))
	}
	if quick.at != atFlame || quick.before != atOverview || quick.selected.openID == "" {
		t.Errorf("at %d, from %d, open %q", quick.at, quick.before, quick.selected.openID)
	}
	pasted := played(t, 80, 24, "forks-waste")
	want := pasted.View()
	pasted.fold(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("2jq"), Paste: true})
	if diff := cmp.Diff(want, pasted.View()); diff != "" {
		t.Error(diff)
	}
}

// TestResizingStorm: ten thousand sizes, none of which may leave anything behind.
func TestResizingStorm(t *testing.T) {
	m := played(t, 80, 24, "dispatch-waste")
	want := m.View()
	r := rand.New(rand.NewPCG(7, 8))
	for range 10_000 {
		m.fold(tea.WindowSizeMsg{Width: r.IntN(300) - 20, Height: r.IntN(120) - 20})
		_ = m.View()
	}
	m.fold(tea.WindowSizeMsg{Width: 80, Height: 24})
	if diff := cmp.Diff(want, m.View()); diff != "" {
		t.Error(diff)
	}
}
