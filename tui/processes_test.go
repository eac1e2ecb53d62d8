package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile"
)

// listScene is a window with nothing but these processes and queues.
func listScene(rows []analyze.ProcessRow, list []analyze.ReportQueue) *scene {
	r := &analyze.Report{Queues: list, Window: analyze.ReportWindow{Seconds: 10}}
	return examScene(&analyze.Examination{Report: r, Processes: rows})
}

func examScene(e *analyze.Examination) *scene {
	h := new(history)
	h.add(1, time.Unix(1_780_000_000, 0), e.Report)
	return &scene{theme: newTheme(termenv.Ascii, true), keys: newKeyMap(), target: "dispatchd", live: true, exam: e, number: 1, newest: true, history: h}
}

// captured is the window of a recorded capture.
func captured(t testing.TB, name string) *scene {
	t.Helper()
	c, err := profile.Load("../fixtures/captures/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return examScene(analyze.Examine(c, analyze.Options{}))
}

// listSizes are sizes of a body, from none to very large.
var listSizes = [][2]int{{0, 0}, {1, 1}, {3, 2}, {12, 4}, {40, 1}, {40, 9}, {40, 10}, {60, 16}, {80, 21}, {100, 30}, {120, 37}, {150, 45}, {200, 57}}

// hostileRows are processes with the names of an attacker and figures that no
// kernel gives.
func hostileRows() []analyze.ProcessRow {
	var rows []analyze.ProcessRow
	for i, name := range hostile {
		for _, v := range []float64{0.5, math.NaN(), math.Inf(1), math.Inf(-1), -3, 1e300} {
			rows = append(rows, analyze.ProcessRow{
				PID: math.MaxInt, Parent: -5, Depth: min(i, 3), Name: name, Command: name + " " + name, State: name,
				Cores: v, Dead: v, Tree: v, RSS: math.MaxUint64, Threads: math.MaxInt, Births: v, Deaths: v, Target: i%5 == 0,
			})
		}
	}
	return rows
}

func TestProcessesFrames(t *testing.T) {
	one := []analyze.ProcessRow{{PID: 1, Name: "init", Cores: 0.5, Tree: 0.5}}
	for name, rows := range map[string][]analyze.ProcessRow{"nothing": nil, "one": one, "family": family(), "10,000": bush(10_000), "hostile": hostileRows()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, filter := range []string{"", "o", "nobody at all"} {
				plain := listScene(rows, nil)
				plain.filter = filter
				marked := *plain
				marked.mark = plain.exam
				throughFrames(t, newProcesses, plain, &marked)
			}
		})
	}
}

// throughFrames draws a screen at every size, and presses its keys.
func throughFrames(t *testing.T, newScreen func() screen, scenes ...*scene) {
	t.Helper()
	c := newScreen()
	for i, k := range []string{"j", "a", "G", "s", "-", "+", "pgup", "enter", "s", "g", "h", "l", "s", "s"} {
		c.Show(scenes[i%len(scenes)])
		c.Key(keyMsg(k))
		for _, size := range listSizes {
			c.SetSize(size[0], size[1])
			checkFrame(t, c.View(), size[0], size[1])
		}
		c.Click(5, 2+i)
		c.Click(5, 2+i)
		c.Wheel(10*i - 20)
	}
}

// TestProcessesBeforeTheFirstWindow: there is something to read at any time.
func TestProcessesBeforeTheFirstWindow(t *testing.T) {
	s := listScene(nil, nil)
	s.exam = nil
	for _, c := range []screen{newProcesses(), newQueues()} {
		c.SetSize(80, 21)
		checkFrame(t, c.View(), 80, 21) // not even a scene
		c.Show(s)
		view := c.View()
		checkFrame(t, view, 80, 21)
		if !strings.Contains(view, "observing dispatchd") {
			t.Errorf("%T says nothing:\n%s", c, view)
		}
		c.Key(keyMsg("j"))
		c.Key(keyMsg("enter"))
		c.Click(3, 3)
	}
}

// TestProcessesSayWhyThereAreNone: an empty list has a reason and a way out.
func TestProcessesSayWhyThereAreNone(t *testing.T) {
	s := listScene(nil, nil)
	s.exam.Report.Gaps = []analyze.ReportGap{{Signal: "processes", Reason: "the target is on another machine", Hint: "run busywork there"}}
	c := newProcesses()
	c.SetSize(80, 21)
	c.Show(s)
	for _, want := range []string{"the target is on another machine", "→ run busywork there"} {
		if !strings.Contains(c.View(), want) {
			t.Errorf("%q is missing:\n%s", want, c.View())
		}
	}
}

// TestBeatsInProcesses: the incident of a respawn loop, as its screen tells it:
// the dead of the supervisor are the CPU, and ten have ended.
func TestBeatsInProcesses(t *testing.T) {
	c := newProcesses()
	c.SetSize(120, 37)
	c.Show(captured(t, "beats-waste"))
	view := c.View()
	for _, want := range []string{"0.73 dead", "born ≥2.0/s", "◆ ", " target", "+ ~20 ended, 0.73 cores", "††††", "! only the processes of this container are visible"} {
		if !strings.Contains(view, want) {
			t.Errorf("%q is missing:\n%s", want, view)
		}
	}
	c.Key(keyMsg("a"))
	if n := strings.Count(c.View(), " ended "); n != 10 {
		t.Errorf("%d ended processes one by one, want 10:\n%s", n, c.View())
	}
}

// pidUnder is the pid that the cursor is on.
func pidUnder(c *processes) int { return c.place().pid }

// TestCursorStaysOnTheProcess while others come and go around it.
func TestCursorStaysOnTheProcess(t *testing.T) {
	c := newProcesses().(*processes)
	c.SetSize(80, 21)
	rows := family()
	c.Show(listScene(rows, nil))
	for pidUnder(c) != 30 {
		c.Key(keyMsg("j"))
	}
	more := slices.Insert(slices.Clone(rows), 1, analyze.ProcessRow{PID: 5, Parent: 1, Depth: 1, Name: "early", Cores: 1})
	c.Show(listScene(more, nil))
	if pidUnder(c) != 30 || c.list.at != 5 {
		t.Errorf("the cursor is on pid %d, line %d", pidUnder(c), c.list.at)
	}
	c.Key(keyMsg("s")) // by cores
	if pidUnder(c) != 30 {
		t.Errorf("in another order the cursor is on pid %d", pidUnder(c))
	}
	c.Key(keyMsg("s"))
	c.Key(keyMsg("s"))
	c.Key(keyMsg("s"))
	gone := slices.DeleteFunc(slices.Clone(more), func(r analyze.ProcessRow) bool { return r.PID == 30 })
	c.Show(listScene(gone, nil))
	if pidUnder(c) != 1 {
		t.Errorf("after it is gone the cursor is on pid %d, and not on its parent", pidUnder(c))
	}
}

func TestOpenAndClose(t *testing.T) {
	c := newProcesses().(*processes)
	c.SetSize(80, 21)
	c.Show(listScene(family(), nil))
	lines := func() string { return outline(c.forest, c.branches) }
	start := lines()
	c.Key(keyMsg("g"))
	c.Key(keyMsg("j")) // on 10
	c.Key(keyMsg("-"))
	if want := "1 >10[3] >30 >(+ 2 quiet) (+ 2 quiet)"; lines() != want || pidUnder(c) != 10 {
		t.Errorf("closed: %s, on %d", lines(), pidUnder(c))
	}
	c.Key(keyMsg("h")) // it is closed already: up
	if pidUnder(c) != 1 {
		t.Errorf("up is pid %d", pidUnder(c))
	}
	c.Key(keyMsg("j"))
	c.Key(keyMsg("enter"))
	if lines() != start {
		t.Errorf("opened again: %s, want %s", lines(), start)
	}
	c.Key(keyMsg("j"))
	c.Key(keyMsg("j")) // on the fold below 10
	c.Key(keyMsg("+"))
	if want := "1 >10 >>11 >>12 >>13 >30 >(+ 2 quiet) (+ 2 quiet)"; lines() != want {
		t.Errorf("the fold opened: %s", lines())
	}
	c.Key(keyMsg("G"))
	c.Key(keyMsg("enter"))
	if !strings.HasSuffix(lines(), " 2 >(+ 1 quiet)") {
		t.Errorf("the fold of the roots opened: %s", lines())
	}
}

// TestProcessesShowTheirChange: with a mark, a process that was restarted is held
// against what it was.
func TestProcessesShowTheirChange(t *testing.T) {
	s, mark := captured(t, "dispatch-fixed"), captured(t, "dispatch-waste")
	s.mark = mark.exam
	c := newProcesses()
	c.SetSize(120, 37)
	c.Show(s)
	var line string
	for row := range strings.SplitSeq(c.View(), "\n") {
		if strings.Contains(row, "◆ dispatchd") {
			line = row
		}
	}
	target := func(e *analyze.Examination) float64 {
		for _, r := range e.Processes {
			if r.Target {
				return r.Cores
			}
		}
		return math.NaN()
	}
	want := fmt.Sprintf("▼%.2f", target(mark.exam)-target(s.exam))
	if !strings.Contains(line, want) {
		t.Errorf("%q is missing in %q\n%s", want, line, c.View())
	}
}

func BenchmarkProcesses(b *testing.B) {
	for _, n := range []int{300, 10_000} {
		s := listScene(bush(n), nil)
		s.theme = newTheme(termenv.TrueColor, true)
		for _, marked := range []bool{false, true} {
			s := *s
			if marked {
				s.mark = s.exam
			}
			c := newProcesses()
			c.SetSize(120, 37)
			c.Show(&s)
			c.Key(keyMsg("a"))
			b.Run(fmt.Sprintf("View/%d/marked=%v", n, marked), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = c.View()
				}
			})
			b.Run(fmt.Sprintf("Show/%d/marked=%v", n, marked), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e := *s.exam // another window
					s := s
					s.exam = &e
					c.Show(&s)
				}
			})
		}
	}
}
