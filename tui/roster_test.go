package tui

import (
	"math/rand/v2"
	"slices"
	"testing"

	"busywork/analyze"
)

func aFinding(rule string, cores float64) analyze.Finding {
	return analyze.Finding{
		Rule: rule, Confidence: analyze.Measured, Severity: analyze.SeverityHigh, Waste: analyze.Waste{Cores: cores},
		Location: analyze.Location{Function: "own." + rule},
	}
}

// window is a report in which the rules looked, and found that.
func window(findings ...analyze.Finding) *analyze.Report {
	r := &analyze.Report{Findings: findings}
	for _, rule := range []string{"a", "b", "c"} {
		status := "clean"
		if slices.ContainsFunc(findings, func(f analyze.Finding) bool { return f.Rule == rule }) {
			status = "found"
		}
		r.Rules = append(r.Rules, analyze.RuleStatus{Rule: rule, Status: status})
	}
	return r
}

func states(s *roster) (list []string) {
	words := map[rowState]string{rowThere: "", rowNew: "+", rowQuiet: "~", rowBlind: "?", rowGone: "-"}
	for _, r := range s.rows {
		list = append(list, words[r.state]+r.finding.Rule)
	}
	return list
}

func (s *roster) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := states(s); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestRosterMarksWhatIsNewAndWhatIsGone(t *testing.T) {
	s := new(roster)
	s.next(window(aFinding("a", 0.5)), true)
	s.expect(t, "a") // at the start nothing is new
	s.next(window(aFinding("a", 0.5), aFinding("b", 0.8)), false)
	s.expect(t, "+b", "a")
	for range newWindows {
		s.next(window(aFinding("a", 0.5), aFinding("b", 0.8)), false)
	}
	s.expect(t, "b", "a")

	s.next(window(aFinding("a", 0.5)), false)
	s.expect(t, "~b", "a") // one miss may be chance: it keeps its place
	s.next(window(aFinding("a", 0.5), aFinding("b", 0.8)), false)
	s.expect(t, "b", "a")

	for range goneAfter {
		s.next(window(aFinding("a", 0.5)), false)
	}
	s.expect(t, "a", "-b")
	s.next(window(aFinding("a", 0.5), aFinding("b", 0.8)), false)
	s.expect(t, "+b", "a") // it has come back

	for range goneAfter {
		s.next(window(aFinding("a", 0.5)), false)
	}
	s.next(window(aFinding("a", 0.5), aFinding("b", 3)), false)
	if b := s.rows[0]; b.finding.Rule != "b" || b.waste != 3 { // and wastes what it wastes now
		t.Errorf("%s with %g cores is first", b.finding.Rule, b.waste)
	}

	for range forgetAfter {
		s.next(window(aFinding("a", 0.5)), false)
	}
	s.expect(t, "a")
}

// A rule that could not look, for want of samples or because its counters are
// away, has not found that something is gone.
func TestRosterKeepsWhatNobodyLookedFor(t *testing.T) {
	s := new(roster)
	s.next(window(aFinding("a", 0.5)), true)
	blind := &analyze.Report{Rules: []analyze.RuleStatus{{Rule: "a", Status: "skipped"}}}
	for range 2 * forgetAfter {
		s.next(blind, false)
	}
	s.expect(t, "?a")
	s.next(window(aFinding("a", 0.5)), false)
	s.expect(t, "a")
}

// What other rules say of the same cause stands beneath a finding. One that comes out
// from there is not new, and one that goes there has not gone.
func TestRosterFollowsFindingsBeneathOthers(t *testing.T) {
	s := new(roster)
	over := aFinding("a", 0.5)
	over.Kin = []analyze.Finding{aFinding("b", 0.4)}
	s.next(window(over), true)
	s.next(window(over), false)
	s.expect(t, "a")
	s.next(window(aFinding("b", 0.4)), false)
	s.expect(t, "~a", "b")
	for range newWindows {
		s.next(window(aFinding("b", 0.4)), false)
	}
	s.expect(t, "b", "-a")
	for range goneAfter {
		s.next(window(over), false)
	}
	s.expect(t, "+a")
}

// Findings whose waste differs by less than its error do not change places,
// whatever the noise; one that has grown does.
func TestRosterKeepsItsOrder(t *testing.T) {
	s := new(roster)
	r := rand.New(rand.NewPCG(1, 2))
	noise := func() float64 { return 0.95 + 0.1*r.Float64() }
	s.next(window(aFinding("a", 0.52), aFinding("b", 0.50)), true)
	for range 1000 {
		s.next(window(aFinding("b", 0.50*noise()), aFinding("a", 0.50*noise())), false)
		s.expect(t, "a", "b")
	}
	for range 10 {
		s.next(window(aFinding("b", 0.9*noise()), aFinding("a", 0.5*noise())), false)
	}
	s.expect(t, "b", "a")
}

func TestRosterPutsSuspicionsLast(t *testing.T) {
	s := new(roster)
	suspected := aFinding("a", 2)
	suspected.Confidence = analyze.Suspected
	s.next(window(suspected, aFinding("b", 0.1)), true)
	s.expect(t, "b", "a")
}

func TestRosterTellsTwinsApart(t *testing.T) {
	s := new(roster)
	for range 4 {
		s.next(window(aFinding("a", 0.5), aFinding("a", 0.4)), false)
	}
	s.expect(t, "a", "a")
	if s.rows[0].id == s.rows[1].id || s.rows[0].seen != 4 || s.rows[1].seen != 4 {
		t.Errorf("%+v %+v", s.rows[0], s.rows[1])
	}
}

func TestRosterMatching(t *testing.T) {
	s := new(roster)
	s.next(window(aFinding("a", 0.5), aFinding("b", 0.4)), true)
	if got := s.matching("OWN.B"); len(got) != 1 || got[0].finding.Rule != "b" {
		t.Errorf("got %v", got)
	}
	if got := s.matching("nothing like it"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// None stands behind one that it overtakes, however many that are close stand
// between them; and what has settled stays.
func TestSettle(t *testing.T) {
	overtakes := func(a, b float64) bool { return a > overtakeRatio*b }
	list := []float64{0.98, 1.12, 0.97, 1.22, 0, 1.05, 2}
	settle(list, overtakes)
	for i, a := range list {
		for _, b := range list[i+1:] {
			if overtakes(b, a) {
				t.Errorf("%v stands behind %v: %v", b, a, list)
			}
		}
	}
	again := slices.Clone(list)
	settle(again, overtakes)
	if !slices.Equal(again, list) {
		t.Errorf("%v became %v though nothing had changed", list, again)
	}
}

// The only finding of a rule is the same one whether or not a window has a profile that
// tells where it is; in another place of the code it is another one.
func TestRosterKnowsAFindingWithoutItsPlace(t *testing.T) {
	placed, placeless := aFinding("a", 1.8), aFinding("a", 0.2)
	placeless.Location, placeless.Subject = analyze.Location{}, "key jobs"
	s := new(roster)
	s.next(window(placed), true)
	s.next(window(placeless), false)
	s.expect(t, "a")
	if s.rows[0].finding.Waste.Cores != 0.2 {
		t.Errorf("%g cores", s.rows[0].finding.Waste.Cores)
	}
	if f := like(findingsOf(window(placeless)), s.rows[0]); f == nil {
		t.Error("it is not found at the mark")
	}
	elsewhere := aFinding("a", 1)
	elsewhere.Location.Function = "own.elsewhere"
	s = new(roster)
	s.next(window(placed), true)
	s.next(window(elsewhere), false)
	s.expect(t, "~a", "+a")
	if f := like(findingsOf(window(elsewhere)), &row{id: rowID(&placed), finding: &placed}); f != nil {
		t.Errorf("%+v is another one", f.Location)
	}
}
