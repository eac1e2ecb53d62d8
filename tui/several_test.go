package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile"
	"busywork/tui/feed"
)

// A services feed is of running services, whose windows the test makes. None is held
// but the newest, and those from holds on.
type services struct {
	names     []string
	holds     int
	recording bool
}

func (f *services) Targets() []string                              { return f.names }
func (*services) Live() bool                                       { return true }
func (*services) Follow(context.Context, func(feed.Arrival)) error { return nil }
func (f *services) StopRecording() (profile.Recorded, error) {
	f.recording = false
	return profile.Recorded{}, nil
}
func (f *services) Load(_, number int) (*analyze.Examination, error) {
	if f.holds == 0 || number < f.holds {
		return nil, fmt.Errorf("window %d is no longer held", number)
	}
	return &analyze.Examination{Report: service(f.names[0], number, 1)}, nil
}

func (f *services) Record(string) (string, error) {
	if f.recording {
		return "", errors.New("a recording is being made")
	}
	f.recording = true
	return "kept", nil
}

// service is a report of a window with that many findings.
func service(name string, number, findings int) *analyze.Report {
	r := many(findings)
	r.Target.Name = name
	r.Window.End = endOf(number)
	return r
}

func endOf(number int) time.Time { return time.Unix(1_780_000_000+5*int64(number), 0) }

func watching(w, h int, names ...string) (*Model, *services) {
	f := &services{names: names}
	m := New(f, Options{Profile: termenv.Ascii, Copy: func(string) error { return nil }})
	m.fold(tea.WindowSizeMsg{Width: w, Height: h})
	return m, f
}

// comes folds a window in.
func (m *Model) comes(target, number int, e *analyze.Examination, err error) {
	m.fold(arrivalMsg{feed.Arrival{Target: target, Number: number, At: endOf(number), Exam: e, Err: err}})
}

func (m *Model) reports(target, number int, r *analyze.Report) {
	m.comes(target, number, &analyze.Examination{Report: r}, nil)
}

func (m *Model) rows() []string { return strings.Split(withoutColours(m.View()), "\n") }

// A window that cannot be loaded changes nothing of what is shown; and the oldest is
// the oldest that can.
func TestScrubToWhatIsNotHeld(t *testing.T) {
	m, f := watching(80, 24, "a")
	for n := 1; n <= 30; n++ {
		m.reports(0, n, service("a", n, 1))
	}
	for _, key := range []string{"[", "{"} {
		m.press(t, key)
		if m.said.err == nil || m.scene.number != 30 || !strings.Contains(m.rows()[0], "LIVE") {
			t.Errorf("%s: error %v, window %d, %q", key, m.said.err, m.scene.number, m.rows()[0])
		}
	}
	m.reports(0, 31, service("a", 31, 1))
	if m.scene.number != 31 {
		t.Errorf("window %d is shown, not the newest", m.scene.number)
	}
	f.holds = 12
	if m.press(t, "{"); m.scene.number != 12 || !m.scene.exam.Report.Window.End.Equal(endOf(12)) {
		t.Errorf("window %d is the oldest", m.scene.number)
	}
	if m.press(t, "]", "]"); m.scene.number != 14 {
		t.Errorf("window %d is two on", m.scene.number)
	}
}

// Two presses of r that are on their way at once begin one recording.
func TestRecordTwice(t *testing.T) {
	m, _ := watching(80, 24, "a")
	m.reports(0, 1, service("a", 1, 1))
	_, first := m.Update(keyMsg("r"))
	_, second := m.Update(keyMsg("r"))
	m.fold(first())
	m.fold(second())
	if m.recording != "kept" || !strings.Contains(m.rows()[0], "REC") {
		t.Errorf("recording %q, %q", m.recording, m.rows()[0])
	}
	if m.press(t, "r"); m.recording != "" || m.said.err != nil {
		t.Errorf("still recording %q: %v", m.recording, m.said.err)
	}
}

// What has happened is said for a while, also before the clock has gone for the first
// time; what went wrong, until a key is pressed.
func TestNotices(t *testing.T) {
	m, _ := watching(80, 24, "a")
	at := endOf(1)
	tick := func(after time.Duration) string {
		at = at.Add(after)
		m.Update(tickMsg(at))
		return m.said.text
	}
	m.press(t, "r")
	if tick(time.Second) == "" || tick(noticeFor/2) == "" {
		t.Error("the notice is gone at once")
	}
	if text := tick(noticeFor); text != "" {
		t.Errorf("%q is still there", text)
	}
	m.press(t, "e") // there is no report yet
	if tick(time.Second); m.said.err == nil {
		t.Fatal("no error")
	}
	if tick(10 * noticeFor); m.said.err == nil {
		t.Error("the error is gone before it was read")
	}
}

// What was opened, closed or zoomed into of one target is not there of another.
func TestTargetsAreApart(t *testing.T) {
	m, _ := watching(120, 30, "a", "b")
	tree := func(of string) []analyze.ProcessRow {
		return []analyze.ProcessRow{
			{PID: 1, Name: "init-" + of, Cores: 0.1, Tree: 0.9},
			{PID: 7, Parent: 1, Depth: 1, Name: "service-" + of, Target: true, Cores: 0.8, Tree: 0.8},
		}
	}
	m.comes(0, 1, &analyze.Examination{Report: service("same", 1, 3), Processes: tree("a")}, nil)
	m.comes(1, 1, &analyze.Examination{Report: service("same", 1, 0), Processes: tree("b")}, nil)
	if list := strings.Join(m.rows()[2:5], "\n"); !strings.Contains(list, "a: same") || !strings.Contains(list, "b: same") {
		t.Errorf("two of one name cannot be told apart:\n%s", list)
	}
	if m.press(t, "enter", "t"); m.at != atOverview || m.scene.open != nil {
		t.Errorf("on screen %d, with %v open", m.at, m.scene.open)
	}
	m.press(t, "T", "3", "g", "-")
	if v := m.View(); strings.Contains(v, "service-a") {
		t.Errorf("it is not closed:\n%s", v)
	}
	if m.press(t, "t"); !strings.Contains(m.View(), "service-b") {
		t.Errorf("the other target's is closed, too:\n%s", m.View())
	}
}

// A service that was away at first brings nothing new: nobody has seen it without.
func TestFirstWindowsAfterErrors(t *testing.T) {
	m, _ := watching(80, 24, "a")
	for n := 1; n <= 4; n++ {
		m.comes(0, n, nil, errors.New("connection refused"))
	}
	m.reports(0, 5, service("a", 5, 2))
	for _, r := range m.scene.rows {
		if r.state != rowThere {
			t.Errorf("%s is in state %d", r.finding.Rule, r.state)
		}
	}
}

// Where there is little room, how things stand matters more than what they are called.
func TestHeaderOfFortyCells(t *testing.T) {
	m, _ := watching(40, 12, "service")
	m.reports(0, 1, service("service", 1, 1))
	m.press(t, "m", "r", "p")
	for n := 2; n < 14; n++ {
		m.reports(0, n, service("service", n, 1))
	}
	for _, want := range []string{"service", "REC", "PAUSED, 12 behind"} {
		if !strings.Contains(m.rows()[0], want) {
			t.Errorf("no %q in %q", want, m.rows()[0])
		}
	}
}

// The wheel scrolls the help, and goes through the list of targets.
func TestWheel(t *testing.T) {
	m, _ := watching(100, 12, "a", "b")
	m.reports(0, 1, service("a", 1, 1))
	wheel := tea.MouseMsg{X: 3, Y: 3, Action: tea.MouseActionPress, Button: tea.MouseButtonWheelDown}
	if m.fold(wheel); m.selected.name != "b" {
		t.Errorf("%s is selected", m.selected.name)
	}
	m.press(t, "?")
	if m.fold(wheel); !m.helping || m.guide.top == 0 {
		t.Errorf("helping %v, from row %d", m.helping, m.guide.top)
	}
	m.fold(tea.MouseMsg{X: 3, Y: 3, Action: tea.MouseActionMotion, Button: tea.MouseButtonLeft})
	if !m.helping {
		t.Error("a drag has closed the help")
	}
	m.fold(tea.MouseMsg{X: 3, Y: 3, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	if m.helping {
		t.Error("a click has not")
	}
}

// The prompt shows the cursor where the next letter goes, however long the text.
func TestPrompt(t *testing.T) {
	m, _ := watching(40, 12, "a")
	m.reports(0, 1, service("a", 1, 1))
	last := func() string { rows := m.rows(); return rows[len(rows)-1] }
	if m.press(t, "/", "a", "b", "c", "left", "left", "X"); !strings.HasPrefix(last(), "/aXbc ") {
		t.Errorf("%q", last())
	}
	m.press(t, "end")
	for _, r := range "dispatch.(*Dispatcher).prepare.offerFirst.func1" {
		m.press(t, string(r))
	}
	if !strings.Contains(last(), "offerFirst.func1") {
		t.Errorf("%q", last())
	}
}

// What is wasted as waiting shows its change since the mark, as cores do.
func TestWaitingSinceTheMark(t *testing.T) {
	m, _ := watching(100, 24, "a")
	for n, waits := range []float64{672, 12} {
		r := service("a", n+1, 0)
		f := aFinding("idle-with-backlog", 0)
		f.Delay = &analyze.Delay{JobHours: waits}
		r.Findings = append(r.Findings, f)
		if m.reports(0, n+1, r); n == 0 {
			m.press(t, "m")
		}
	}
	if v := m.View(); !strings.Contains(v, "672→12 waiting") {
		t.Error(v)
	}
}

// A mark in which something was not seen is nothing to compare with.
func TestMarkThatDidNotSee(t *testing.T) {
	m, _ := watching(120, 30, "a")
	m.reports(0, 1, service("a", 1, 0))
	m.press(t, "m")
	r := service("a", 2, 0)
	r.Queues = []analyze.ReportQueue{{Name: "jobs", System: "jetstream", Depth: 672}}
	m.comes(0, 2, &analyze.Examination{Report: r, Processes: []analyze.ProcessRow{{PID: 1, Name: "init", Cores: 1.75, Tree: 1.75}}}, nil)
	for _, screen := range []string{"3", "4"} {
		if v := m.press(t, screen).View(); strings.ContainsAny(v, "▲▼") || strings.Contains(v, "new") {
			t.Errorf("screen %s:\n%s", screen, v)
		}
	}
}
