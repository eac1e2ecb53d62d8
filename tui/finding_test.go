package tui

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile"
)

// examined is the examination of a recorded capture.
func examined(t testing.TB, capture string) *analyze.Examination {
	t.Helper()
	c, err := profile.Load("../fixtures/captures/" + capture)
	if err != nil {
		t.Fatal(err)
	}
	return analyze.Examine(c, analyze.Options{})
}

// opened is the finding that a screen has opened, by its row.
type opened string

func openedBy(id string) tea.Cmd { return func() tea.Msg { return opened(id) } }

// sceneOf shows one window, with its first finding open.
func sceneOf(t testing.TB, e *analyze.Examination) *scene {
	t.Helper()
	s := &scene{
		theme: newTheme(termenv.Ascii, true), keys: newKeyMap(), target: e.Report.Target.Name,
		exam: e, number: 1, newest: true, history: new(history), opens: openedBy,
	}
	s.rows = rosterOf(e.Report).rows
	if s.all = len(s.rows); s.all > 0 {
		s.open = s.rows[0]
	}
	if e.Profile() != nil {
		calls, err := e.Calls()
		s.calls = callsMsg{e, calls, err}
	}
	return s
}

// markedAt is the scene with a mark at an earlier window.
func (s *scene) markedAt(e *analyze.Examination) *scene {
	s.mark, s.change = e, analyze.Compare(e.Report, s.exam.Report)
	return s
}

func findingOf(s *scene, w, h int) *finding {
	f := newFinding().(*finding)
	f.SetSize(w, h)
	f.Show(s)
	return f
}

// whole is all of a finding's text, without what colours and bars it has.
func (f *finding) whole() string {
	f.refresh()
	rows := slices.Clone(f.pager.rows)
	for i := range rows {
		rows[i] = strings.TrimRight(withoutColours(rows[i]), " ")
	}
	return strings.Join(rows, "\n")
}

// firstPage is what is seen before anybody has scrolled, as one line.
func (f *finding) firstPage() string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", "", "┃", "").Replace(f.View())), " ")
}

var allSizes = []struct{ w, h int }{{0, 0}, {1, 1}, {2, 3}, {3, 2}, {8, 4}, {20, 6}, {40, 10}, {59, 10}, {60, 15}, {80, 21}, {120, 37}, {200, 57}}

// Whatever is small enough to be seen at once is: the sentence and the fix begin
// on the first page of the smallest terminal there is, for every finding of every
// recorded incident.
func TestFindingFirstPageSaysWhatToDo(t *testing.T) {
	for _, name := range []string{"dispatch-waste", "beats-waste", "sessions-waste", "reminders-waste", "forks-waste", "stolen-cpu-waste", "swap-waste", "memory-waste", "lock-contention-waste"} {
		s := sceneOf(t, examined(t, name))
		for _, s.open = range s.rows {
			page := findingOf(s, 40, 10).firstPage()
			f := s.open.finding
			for _, want := range []string{f.Rule, string(f.Confidence), f.Message[:15], "fix " + f.Fix[:15]} {
				if !strings.Contains(page, want) {
					t.Errorf("%s, %s: no %q on the first page\n%s", name, f.Rule, want, page)
				}
			}
			whole := strings.Join(strings.Fields(findingOf(s, 40, 10).whole()), " ")
			for _, text := range append([]string{f.Message, f.Fix, f.Settles}, f.RefutedBy...) {
				for _, word := range strings.Fields(text) { // a long one may be broken
					if !strings.Contains(whole, word[:min(len(word), 12)]) {
						t.Errorf("%s, %s: %q of %q is nowhere", name, f.Rule, word, text)
					}
				}
			}
		}
	}
}

func TestFindingAllSizes(t *testing.T) {
	for _, name := range []string{"dispatch-waste", "beats-waste", "sessions-waste"} {
		s := sceneOf(t, examined(t, name))
		for _, size := range allSizes {
			f := findingOf(s, size.w, size.h)
			checkFrame(t, f.View(), size.w, size.h)
			for range 5 {
				f.Wheel(size.h)
				checkFrame(t, f.View(), size.w, size.h)
			}
		}
	}
}

func TestFindingShowsItsPartsInOrder(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	text := findingOf(s, 120, 37).whole()
	at := 0
	for _, want := range []string{
		"HIGH refused-work · measured", "0.46 cores wasted", "is thrown away", "host busy", "fix ", "where ",
		"dispatch.(*Dispatcher).prepare  access.go:84", "calls that it accuses", "← dispatch.(*Dispatcher).takeIn  intake.go:79",
		"evidence", "33 points over", "wrong if", "with it   key-algorithm",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %q after\n%s\nin\n%s", want, text[:at], text)
		}
		at += i
	}
}

// Each call that the finding accuses is as wide as its part of what is accused, and
// the caption says how much that is.
func TestFindingSliceIsOfTheWasteAlone(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	var l slice
	f := s.open.finding
	l.set(s.calls.calls, f)
	if l.cores <= 0 || l.cores > s.calls.calls.Cores || math.Abs(l.cores-f.Waste.Cores) > 0.1 {
		t.Errorf("%.2f cores are accused, of %.2f that run and %.2f that are wasted", l.cores, s.calls.calls.Cores, f.Waste.Cores)
	}
	if at := l.places["busywork/fixtures/dispatch.(*Dispatcher).offerFirst"]; !strings.Contains(at, ".go:") {
		t.Errorf("offerFirst is at %q", at)
	}
	l.cores = -1
	if l.set(s.calls.calls, f); l.cores != -1 {
		t.Error("the same finding of the same tree was looked for again")
	}
	l.set(nil, f)
	if l.calls != nil || l.places != nil {
		t.Error("the tree is kept")
	}
}

func TestFindingStates(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	for state, want := range map[*row]string{
		{state: rowNew}:             "new: found for the first time",
		{state: rowQuiet}:           "not found in the last window",
		{state: rowBlind}:           "not looked for in the last window",
		{state: rowGone, missed: 5}: "gone: not found in the last 5 windows",
	} {
		state.id, state.finding = s.rows[0].id, s.rows[0].finding
		s.open = state
		if got := findingOf(s, 80, 21).firstPage(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// What a suspicion lacks stands above its fix; what was not seen, and why there is
// no graph, is said.
func TestFindingSaysWhatItLacks(t *testing.T) {
	e := *examined(t, "dispatch-waste")
	r := *e.Report
	f := r.Findings[0]
	f.Rule, f.Confidence, f.Settles = "chatty-db", analyze.Suspected, "the statements that the database counts"
	r.Findings, e.Report = []analyze.Finding{f}, &r
	s := sceneOf(t, &e)
	s.calls = callsMsg{exam: &e, err: errors.New("cpu profile: cut off")}
	text := findingOf(s, 80, 21).whole()
	at := 0
	for _, want := range []string{
		"· suspected", "0.46 cores at stake", "? only suspected; what would settle it: the statements", "fix ",
		"calls     cpu profile: cut off", "not seen  postgres: not observed → --postgres DSN",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %q in its place in\n%s", want, text)
		}
		at += i
	}
	s.calls = callsMsg{}
	if text := findingOf(s, 80, 21).whole(); !strings.Contains(text, "the profile is being read …") {
		t.Errorf("got\n%s", text)
	}
}

func TestFindingWithoutAny(t *testing.T) {
	e := examined(t, "healthy-compress")
	s := sceneOf(t, e)
	if got := findingOf(s, 80, 21).firstPage(); !strings.Contains(got, "Nothing was found in this window") {
		t.Errorf("got %q", got)
	}
	s = sceneOf(t, examined(t, "dispatch-waste"))
	s.open = nil
	if got := findingOf(s, 80, 21).firstPage(); !strings.Contains(got, "Choose one of the 1 in the overview") {
		t.Errorf("got %q", got)
	}
	s.exam, s.live, s.target = nil, true, "dispatchd"
	if got := findingOf(s, 80, 21).firstPage(); got != "observing dispatchd …" {
		t.Errorf("got %q", got)
	}
}

func TestFindingKeys(t *testing.T) {
	e := *examined(t, "dispatch-waste")
	list := []analyze.Finding{aFinding("a", 3), aFinding("b", 2), aFinding("c", 1)}
	r := *e.Report
	r.Findings, e.Report = list, &r
	s := sceneOf(t, &e)
	f := findingOf(s, 40, 10)
	asks := func(k, want string) {
		t.Helper()
		cmd, done := f.Key(keyMsg(k))
		got := ""
		if cmd != nil {
			got = string(cmd().(opened))
		}
		if !done || got != want {
			t.Errorf("%s asks for %q, want %q", k, got, want)
		}
	}
	asks("N", "") // there is none before the first
	asks("n", s.rows[1].id)
	s.open = s.rows[2]
	f.Show(s)
	asks("n", "")
	asks("N", s.rows[1].id)
	s.rows = s.rows[:2] // the filter leaves it out
	f.Show(s)
	asks("n", s.rows[0].id)
	for _, k := range []string{"esc", "c", "e", "w", "q", "tab"} {
		if _, done := f.Key(keyMsg(k)); done {
			t.Errorf("%s is not for this screen", k)
		}
	}
}

// The text stays where it was scrolled to when the next window comes, and begins
// at its top when another finding is opened.
func TestFindingStaysWhereItWasScrolledTo(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	f := findingOf(s, 40, 10)
	f.Key(keyMsg("pgdown"))
	f.Key(keyMsg("j"))
	before := f.View()
	f.Show(s)
	if f.View() != before || f.pager.top != 10 {
		t.Errorf("it stands at row %d:\n%s", f.pager.top, f.View())
	}
	other := *s
	other.open = &row{id: "other", finding: s.open.finding}
	f.Show(&other)
	f.View()
	if f.pager.top != 0 {
		t.Errorf("another finding begins at row %d", f.pager.top)
	}
	f.Key(keyMsg("G"))
	end := f.View()
	f.Wheel(1000)
	if f.View() != end {
		t.Error("the end can be scrolled past")
	}
}

func BenchmarkFindingView(b *testing.B) {
	f := findingOf(sceneOf(b, examined(b, "sessions-waste")), 120, 37)
	b.ReportAllocs()
	for b.Loop() {
		_ = f.View()
	}
}

// BenchmarkFindingOpen is the text made anew, with the slice of the profile.
func BenchmarkFindingOpen(b *testing.B) {
	s := sceneOf(b, examined(b, "dispatch-waste"))
	s.theme = newTheme(termenv.TrueColor, true)
	b.ReportAllocs()
	for b.Loop() {
		_ = findingOf(s, 120, 37).View()
	}
}

// BenchmarkFindingWindow is the next window of a finding that is open, with a mark.
func BenchmarkFindingWindow(b *testing.B) {
	e := examined(b, "dispatch-waste")
	s := sceneOf(b, e).markedAt(e)
	f := findingOf(s, 120, 37)
	b.ReportAllocs()
	for b.Loop() {
		f.Show(s)
		_ = f.View()
	}
}
