package tui

import (
	"slices"
	"strings"
	"testing"

	"busywork/analyze"
)

func TestFindingSinceTheMark(t *testing.T) {
	waste, fixed := examined(t, "dispatch-waste"), examined(t, "dispatch-fixed")
	same := findingOf(sceneOf(t, waste).markedAt(waste), 120, 37).whole()
	since := "since " + clock(waste.Report.Window.End)
	if !strings.Contains(same, since+" cores =, host busy =, after the fix =") {
		t.Errorf("nothing has changed:\n%s", same)
	}

	s := sceneOf(t, fixed).markedAt(waste)
	was := sceneOf(t, waste).rows[0]
	s.open = &row{id: was.id, finding: was.finding, state: rowGone}
	gone := findingOf(s, 120, 37).whole()
	for _, want := range []string{"not found in this window; the figures are as it was last seen", since + " gone", "host busy was to be"} {
		if !strings.Contains(gone, want) {
			t.Errorf("no %q in\n%s", want, gone)
		}
	}

	came := findingOf(sceneOf(t, waste).markedAt(fixed), 120, 37).whole()
	if !strings.Contains(came, "against "+clock(fixed.Report.Window.End)+" not found there") { // the waste was before the fix
		t.Errorf("it was not there at the mark:\n%s", came)
	}

	less := *waste.Report
	less.Findings = slices.Clone(less.Findings)
	f := &less.Findings[0]
	f.Waste.Cores -= 0.2
	f.Evidence = slices.Clone(f.Evidence)
	f.Evidence[0].Value -= 50
	marked := *waste
	marked.Report = &less
	more := findingOf(sceneOf(t, waste).markedAt(&marked), 120, 37).whole()
	for _, want := range []string{"cores ▲0.20", "▲50"} {
		if !strings.Contains(more, want) {
			t.Errorf("no %q in\n%s", want, more)
		}
	}
}

// A finding is found again at the mark by its name, twins by their place, and
// beneath another finding as well.
func TestFindingAt(t *testing.T) {
	a, twin, b := aFinding("a", 1), aFinding("a", 2), aFinding("b", 3)
	kin := aFinding("c", 4)
	b.Kin = []analyze.Finding{kin}
	r := window(a, twin, b)
	for id, want := range map[string]float64{
		rowID(&a): 1, rowID(&a) + "+": 2, rowID(&a) + "++": 0, rowID(&b): 3, rowID(&kin): 4, "nothing": 0,
	} {
		got := 0.0
		if f := findingsOf(r)[id]; f != nil {
			got = f.Waste.Cores
		}
		if got != want {
			t.Errorf("%q: %v cores, want %v", id, got, want)
		}
	}
}
