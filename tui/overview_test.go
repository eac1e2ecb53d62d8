package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/tui/feed"
)

// scenes is what there is to show after each of the windows.
func scenes(reports ...*analyze.Report) []*scene {
	look, keys, t := newTheme(termenv.Ascii, true), newKeyMap(), new(target)
	var list []*scene
	for i, r := range reports {
		e := &analyze.Examination{Report: r}
		t.arrive(feed.Arrival{Number: i + 1, At: time.Unix(1_780_000_000+5*int64(i), 0), Exam: e})
		list = append(list, &scene{
			theme: look, keys: keys, target: "dispatchd", live: true, exam: e, number: i + 1, newest: true,
			opens: openedBy, history: &t.history, rows: slices.Clone(t.roster.rows), all: len(t.roster.rows),
		})
	}
	return list
}

// marked is the scene with a mark at what an earlier one showed.
func (s *scene) marked(at *scene) *scene {
	s.mark, s.change = at.exam, analyze.Compare(at.exam.Report, s.exam.Report)
	return s
}

// overviewOf shows a scene in a body of that size.
func overviewOf(s *scene, w, h int) *overview {
	o := newOverview().(*overview)
	o.SetSize(w, h)
	o.Show(s)
	return o
}

// many is a report with n findings, least waste last.
func many(n int) *analyze.Report {
	r := window()
	r.Host = analyze.ReportHost{Known: true, Cores: 4, User: 0.7, System: 0.1, Idle: 0.2, Sentence: "CPU-bound in user code"}
	for i := range n {
		f := aFinding("refused-work", 3-2*float64(i)/float64(n))
		f.Location.Function = fmt.Sprint("work", i)
		f.Message = fmt.Sprintf("%d is thrown away by work%d", i, i)
		r.Findings = append(r.Findings, f)
	}
	return r
}

// hostileReport has the names of an attacker and figures that nothing has.
func hostileReport() *analyze.Report {
	r := many(0)
	for i, name := range hostile {
		v := []float64{0.5, math.NaN(), math.Inf(1), math.Inf(-1), -3, 1e300}[i%6]
		f := analyze.Finding{Rule: name, Subject: name, Message: name + " " + name, Fix: name, Severity: analyze.SeverityHigh,
			Confidence: analyze.Confidence(name), Waste: analyze.Waste{Cores: v, ShareOfHost: v}, Location: analyze.Location{Function: name}}
		if i%3 == 0 {
			f.Waste.Cores, f.Delay = 0, &analyze.Delay{JobHours: v, Why: name}
			f.Kin = []analyze.Finding{{Rule: name}}
		}
		r.Findings = append(r.Findings, f)
		r.Queues = append(r.Queues, analyze.ReportQueue{Name: name, Depth: v, Growth: v})
		r.Ledger = append(r.Ledger, analyze.LedgerRow{Name: name, Kind: analyze.LedgerProcess, Cores: v})
		r.Gaps = append(r.Gaps, analyze.ReportGap{Signal: "host", Reason: name, Hint: name})
	}
	r.Host.Sentence, r.Host.User, r.Host.Idle, r.Host.Steal = strings.Join(hostile, " "), math.NaN(), math.Inf(1), -1
	r.Backlog = &analyze.ReportBacklog{Queue: hostile[0], Depth: math.NaN(), In: math.Inf(1), Out: -1, Now: analyze.BacklogFuture{Known: true, Seconds: math.NaN()}}
	r.Done = &analyze.ReportDone{What: hostile[1], Source: hostile[2], PerSecond: math.Inf(1), TargetCPU: math.NaN()}
	return r
}

// Whatever there is to show, a frame is as large as it should be, holds nothing
// that drives a terminal, and is the same when drawn again.
func TestOverviewFrames(t *testing.T) {
	unseen := window()
	unseen.Gaps = []analyze.ReportGap{{Signal: "host", Reason: "another machine", Hint: "--host-metrics URL"}}
	reports := map[string]*analyze.Report{
		"nothing": {}, "unseen": unseen, "none": many(0), "one": many(1), "many": many(30), "hostile": hostileReport(),
		"dispatch": examined(t, "dispatch-waste").Report, "reminders": examined(t, "reminders-waste").Report, "idle": examined(t, "healthy-idle").Report,
	}
	dispatch := examined(t, "dispatch-waste").Report
	for name, r := range reports {
		list := scenes(dispatch, r, r)
		list[0].exam = nil
		list[1].filter, list[1].rows = hostile[0]+"nobody", nil
		list[2].marked(list[1]).newest = false
		list = append(list, scenes(r, dispatch)[1])
		if name == "many" {
			list[2].rows, list[2].all = slices.Repeat(list[2].rows, 10_000/30), 10_000/30*30
		}
		for i, s := range list {
			for _, w := range []int{0, 1, 7, 39, 40, 69, 80, 99, 100, 120, 200} {
				for _, h := range []int{0, 1, 3, 9, 10, 16, 21, 30, 37, 57} {
					o := overviewOf(s, w, h)
					view := o.View()
					checkFrame(t, view, w, h)
					if again := o.View(); again != view {
						t.Fatalf("%s, scene %d, %d×%d: drawn twice it is not the same", name, i, w, h)
					}
				}
			}
		}
	}
}

func TestOverviewSaysWhatIsNotThere(t *testing.T) {
	unseen := window()
	unseen.Gaps = []analyze.ReportGap{{Signal: "host", Reason: "another machine", Hint: "--host-metrics URL"}}
	unseen.Rules = []analyze.RuleStatus{{Rule: "a", Status: "clean"}, {Rule: "b", Status: "skipped"}}
	s := scenes(unseen)[0]
	view := overviewOf(s, 120, 37).View()
	for _, want := range []string{"host was not seen (another machine) → --host-metrics URL", "No queue was seen → --nats URL, or --redis URL --queue KEY", "by 1 of 2 rules"} {
		if !strings.Contains(view, want) {
			t.Errorf("it does not say %q:\n%s", want, view)
		}
	}
	s.filter = "sql"
	if view := overviewOf(s, 80, 21).View(); !strings.Contains(view, "No finding matches the filter") {
		t.Error(view)
	}
	s.exam, s.err = nil, fmt.Errorf("pid 77 is gone")
	if view := overviewOf(s, 40, 10).View(); !strings.Contains(view, "pid 77 is gone") {
		t.Error(view)
	}
	stale := scenes(many(1))[0]
	stale.err = s.err
	if view := overviewOf(stale, 80, 21).View(); !strings.Contains(view, "! no newer window: pid 77 is gone") || !strings.Contains(view, "refused-work") {
		t.Error(view)
	}
}

func TestOverviewCountsWhatTheFilterLeaves(t *testing.T) {
	s := scenes(many(12))[0]
	s.filter, s.rows = "work1", (&roster{s.rows}).matching("work1")
	if view := overviewOf(s, 80, 21).View(); !strings.Contains(view, "Findings 3 of 12 match work1") {
		t.Error(view)
	}
}

func TestOverviewShowsChangesSinceTheMark(t *testing.T) {
	list := scenes(examined(t, "dispatch-waste").Report, examined(t, "dispatch-fixed").Report)
	view := overviewOf(list[1].marked(list[0]), 120, 37).View()
	for _, want := range []string{"refused-work gone", "user 33 % ▼23", "of 2 cores ▼0.44", "0.46→", "0.72→0.3", "dispatchd: sign", "▼0.40"} {
		if !strings.Contains(view, want) {
			t.Errorf("it does not show %q:\n%s", want, view)
		}
	}
}

// The cursor stays on its finding, wherever that goes, and where it goes away on
// the nearest.
func TestOverviewCursorStaysOnItsFinding(t *testing.T) {
	first := window(aFinding("a", 3), aFinding("b", 2), aFinding("c", 1))
	then := window(aFinding("d", 9), aFinding("b", 5), aFinding("a", 3), aFinding("c", 1))
	list := scenes(first, then)
	o := overviewOf(list[0], 80, 21)
	at := func(want string) {
		t.Helper()
		if got := o.Subject().finding.Rule; got != want {
			t.Fatalf("the cursor is on %s, not on %s", got, want)
		}
	}
	at("a")
	o.Key(tea.KeyMsg{Type: tea.KeyDown})
	at("b")
	o.Show(list[1])
	at("b")
	o.SetSize(40, 10)
	at("b")
	list[1].rows = (&roster{list[1].rows}).matching("c") // of a filter
	o.Show(list[1])
	at("c")
	list[1].rows = nil
	if o.Show(list[1]); o.Subject() != nil || o.open() != nil {
		t.Fatal("the cursor is on nothing")
	}
}

// What is clicked is what was seen there, at every size.
func TestOverviewClick(t *testing.T) {
	for _, size := range [][2]int{{40, 10}, {80, 21}, {120, 37}, {200, 57}} {
		for _, n := range []int{1, 3, 50} {
			o := overviewOf(scenes(many(n))[0], size[0], size[1])
			o.Wheel(20)
			f := o.parts.Findings
			for y := range size[1] {
				row := strings.Split(o.View(), "\n")[y]
				o.Click(f.X+f.W+5, y) // beside
				before := o.Subject()
				cmd := o.Click(f.X+1, y)
				seen := strings.Contains(row, "refused-work")
				if seen && !f.contains(f.X, y) {
					t.Fatalf("%v: a finding in row %d, outside of %+v", size, y, f)
				}
				now := strings.Split(o.View(), "\n")[y]
				if seen && (!strings.HasPrefix(now, "▸ ") || cmd != nil && o.Subject() != before || cmd == nil && o.Subject() == before) {
					t.Fatalf("%v, %d findings: a click on row %d %q: now %q", size, n, y, row, now)
				}
				if cmd != nil {
					if id := string(cmd().(opened)); id != o.Subject().id {
						t.Fatalf("%q is opened in place of %q", id, o.Subject().id)
					}
				}
			}
		}
	}
}

func TestOverviewEnterOpens(t *testing.T) {
	o := overviewOf(scenes(many(5))[0], 80, 21)
	o.Key(tea.KeyMsg{Type: tea.KeyEnd})
	cmd, done := o.Key(tea.KeyMsg{Type: tea.KeyEnter})
	if !done || cmd == nil || string(cmd().(opened)) != o.scene.rows[4].id {
		t.Error("enter does not open the finding")
	}
	if _, done := o.Key(tea.KeyMsg{Type: tea.KeyTab}); done {
		t.Error("tab is not for the overview")
	}
}

func TestHeadlineFits(t *testing.T) {
	for w := range 120 {
		for _, name := range []int{0, 5, findingName} {
			for _, marked := range []bool{false, true} {
				c := columnsOfFindings(w, name, marked)
				if all := findingSigns + c.name + c.cost + c.share + c.confidence; w >= 40 && all > w || c.name < 0 || w >= 40 && c.name < min(name, 14) {
					t.Fatalf("%d cells: %+v takes %d", w, c, all)
				}
			}
		}
	}
	r := &row{finding: &analyze.Finding{Kin: make([]analyze.Finding, 2)}, state: rowQuiet}
	for w, want := range map[int]string{40: "  not in this window  with it: 2", 25: "  not now  with it: 2", 14: "  not now  +2", 9: "  not now", 8: ""} {
		p := newPage(w, 1)
		if tail(p, style{}, style{}, r); strings.TrimRight(p.String(), " ") != want {
			t.Errorf("%d cells: %q, want %q", w, p.String(), want)
		}
	}
}

func TestFindingsAreNamedAsInRosters(t *testing.T) {
	twice := aFinding("a", 1)
	r := window(aFinding("a", 2), twice, twice)
	r.Findings[0].Kin = []analyze.Finding{aFinding("b", 7)}
	named := findingsOf(r)
	for _, row := range rosterOf(r).rows {
		if named[row.id] != row.finding {
			t.Errorf("%q is another one", row.id)
		}
	}
	kin := aFinding("b", 7)
	if f := named[rowID(&kin)]; f != &r.Findings[0].Kin[0] || len(named) != 4 {
		t.Errorf("%v", named)
	}
}

func TestPiecesLeaveOutWhatDoesNotFit(t *testing.T) {
	list := []piece{{text: "749 waiting", change: "▲12"}, {text: ", empty never"}, {text: ", +32"}}
	for w, want := range map[int]string{40: "749 waiting ▲12, empty never, +32", 30: "749 waiting ▲12, empty never", 20: "749 waiting ▲12, +32", 14: ", empty never", 13: ", empty never", 4: ""} {
		p := newPage(w, 1)
		if p.pieces(list...); strings.TrimRight(p.String(), " ") != want {
			t.Errorf("%d cells: %q, want %q", w, p.String(), want)
		}
	}
}

func BenchmarkOverview(b *testing.B) {
	list := scenes(slices.Repeat([]*analyze.Report{many(1000)}, 60)...)
	s := list[len(list)-1].marked(list[0])
	s.theme = newTheme(termenv.TrueColor, true)
	b.Run("view", func(b *testing.B) {
		o := overviewOf(s, 120, 37)
		b.ReportAllocs()
		for b.Loop() {
			_ = o.View()
		}
	})
	b.Run("key", func(b *testing.B) {
		o := overviewOf(s, 120, 37)
		down := tea.KeyMsg{Type: tea.KeyDown}
		b.ReportAllocs()
		for b.Loop() {
			o.Key(down)
			_ = o.View()
		}
	})
	b.Run("window", func(b *testing.B) {
		o := overviewOf(s, 120, 37)
		b.ReportAllocs()
		for b.Loop() {
			o.Show(s)
			_ = o.View()
		}
	})
}
