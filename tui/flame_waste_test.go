package tui

import (
	"math"
	"strings"
	"testing"

	"github.com/muesli/termenv"
)

// What is hatched is what the finding wastes: of incident A 0.46 cores.
func TestFlameHatchesWaste(t *testing.T) {
	exam := examOf(t, "dispatch-waste")
	f := openFlame(t, exam)
	finding := &exam.Report.Findings[0]
	top := f.graph.row(0)[0]
	if got, want := float64(top.waste)/float64(top.w)*f.calls.Cores, finding.Waste.Cores; math.Abs(got-want) > 0.05*want {
		t.Errorf("%.2f cores are hatched, and the finding wastes %.2f", got, want)
	}
	if v := f.View(); !strings.Contains(v, "▒ all findings, 0.46") || !strings.Contains(v, "waste: "+finding.Rule) {
		t.Errorf("not said what is hatched:\n%s", v)
	}
	var seen []string
	for range f.wastes.list {
		f.press(t, "x")
		w := &f.wastes.list[f.wastes.at]
		seen = append(seen, w.name())
		if bare := withoutColours(f.View()); !strings.Contains(bare, "▒ waste: "+w.name()) {
			t.Errorf("not said that %s is hatched:\n%s", w.name(), bare)
		}
	}
	if len(seen) < 3 || seen[len(seen)-1] != "all findings" || seen[0] != finding.Rule {
		t.Errorf("x went through %q", seen)
	}
	f.press(t, "x", "x")
	chosen := f.wastes.choice
	again, err := exam.Calls()
	if err != nil {
		t.Fatal(err)
	}
	if f.Show(flameScene(termenv.Ascii, exam, again)); f.wastes.choice != chosen || accuser(f.wastes.list[f.wastes.at].finding) != chosen {
		t.Error("the choice did not outlive the window")
	}
	s := flameScene(termenv.Ascii, exam, again)
	s.open = rosterOf(exam.Report).rows[0]
	if f.Show(s); accuser(f.wastes.list[f.wastes.at].finding) != accuser(finding) {
		t.Error("the finding that was opened is not the one that is hatched")
	}
}

// After the fix, what the waste was spent on is gone; against itself, nothing has
// changed.
func TestFlameShowsWhatHasChanged(t *testing.T) {
	before, after := examOf(t, "dispatch-waste"), examOf(t, "dispatch-fixed")
	f := openFlame(t, after)
	marked, err := before.Calls()
	if err != nil {
		t.Fatal(err)
	}
	f.Key(keyMsg("d"))
	if !f.diff.wanted {
		t.Error("without a mark d has switched the diff off")
	}
	s := *f.scene
	s.mark = before
	f.Show(&s)
	if f.diff.before != nil {
		t.Error("a diff without the calls of the mark")
	}
	s.markCalls = callsMsg{exam: before, calls: marked}
	f.Show(&s)
	v := withoutColours(f.View())
	if len(f.diff.gone) == 0 || !strings.Contains(f.diff.gone[0].name, "offerFirst") || !strings.Contains(v, "▼0.4") || !strings.Contains(v, "gone: ") {
		t.Errorf("gone: %+v\n%s", f.diff.gone, v)
	}
	f.press(t, "d")
	if v := withoutColours(f.View()); strings.Contains(v, "▼ less") || !strings.Contains(v, "cores since ") {
		t.Errorf("with the diff off:\n%s", v)
	}
	f.press(t, "d")
	s.exam, s.calls = before, s.markCalls
	if f.Show(&s); f.diff.before != nil {
		t.Error("the mark itself has a diff")
	}
	same, err := before.Calls()
	if err != nil {
		t.Fatal(err)
	}
	other := *before
	s.exam, s.calls = &other, callsMsg{exam: &other, calls: same}
	f.Show(&s)
	for i := range same.Nodes {
		if f.graph.changed(int32(i)) != 0 {
			t.Fatalf("%s has changed against itself", callName(same, int32(i)))
		}
	}
	if len(f.diff.gone) != 0 {
		t.Errorf("gone from itself: %+v", f.diff.gone)
	}
}
