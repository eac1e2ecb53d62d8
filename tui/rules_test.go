package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/muesli/termenv"

	"busywork/analyze"
)

func rulesOf(s *scene, w, h int) *rules {
	r := newRules().(*rules)
	r.SetSize(w, h)
	r.Show(s)
	return r
}

// withRules is a scene of a report that says so of its rules, as often as asked.
func withRules(t testing.TB, times int, list ...analyze.RuleStatus) *scene {
	t.Helper()
	e := *examined(t, "dispatch-waste")
	r := *e.Report
	r.Rules = nil
	for range times {
		r.Rules = append(r.Rules, list...)
	}
	e.Report = &r
	return sceneOf(t, &e)
}

// Each rule of the catalogue is there, once, beneath what it did; and those that
// could not look stand beneath what is missing and how to get it.
func TestRulesAreAllThere(t *testing.T) {
	for _, name := range []string{"dispatch-waste", "beats-waste", "sessions-waste", "healthy-idle"} {
		e := examined(t, name)
		s := sceneOf(t, e)
		r := rulesOf(s, 120, 37)
		var seen []string
		heading, hints := "", 0
		for _, l := range r.lines {
			if l.rule < 0 {
				if heading, hints = l.heading, hints+1; !strings.HasPrefix(heading, "  ") {
					hints = 0
				}
				continue
			}
			row := r.rows[l.rule]
			seen = append(seen, row.name)
			if l.state != row.state {
				t.Errorf("%s: %s is %v beneath %v", name, row.name, row.state, l.state)
			}
			if row.state == ruleSkipped && hints == 0 {
				t.Errorf("%s: nothing says how to enable %s, beneath %q", name, row.name, heading)
			}
			if row.text == "" && row.state != ruleFailed {
				t.Errorf("%s: nothing is said of %s, which is %s", name, row.name, ruleWords[row.state])
			}
		}
		var all []string
		for _, rule := range analyze.Catalogue {
			all = append(all, rule.Name)
		}
		slices.Sort(all)
		slices.Sort(seen)
		if !slices.Equal(seen, all) {
			t.Errorf("%s: got %q, want %q", name, seen, all)
		}
	}
}

func TestRulesOrder(t *testing.T) {
	s := withRules(t, 1,
		analyze.RuleStatus{Rule: "swap", Status: "clean", Reason: "no page came back"},
		analyze.RuleStatus{Rule: "chatty-db", Status: "skipped", Reason: "needs postgres"},
		analyze.RuleStatus{Rule: "key-algorithm", Status: "found"},
		analyze.RuleStatus{Rule: "gc-thrash", Status: "skipped", Reason: "needs cpu-profile"},
		analyze.RuleStatus{Rule: "io-bound", Status: "failed", Reason: "index out of range"},
		analyze.RuleStatus{Rule: "copy-churn", Status: "skipped", Reason: "needs cpu-profile"},
		analyze.RuleStatus{Rule: "busy-poll", Status: "new to us"},
		analyze.RuleStatus{Rule: "refused-work", Status: "found"},
	)
	var got []string
	for _, row := range rulesOf(s, 80, 21).rows {
		got = append(got, row.name)
	}
	want := []string{"io-bound", "busy-poll", "key-algorithm", "refused-work", "gc-thrash", "copy-churn", "chatty-db", "swap"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	view := rulesOf(s, 80, 21).View()
	for _, want := range []string{"8 rules: 2 failed, 2 found, 3 skipped, 1 clean", "a fault of busywork", "index out of range", "no page came back"} {
		if !strings.Contains(view, want) {
			t.Errorf("no %q in\n%s", want, view)
		}
	}
}

func TestRulesFilter(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	for filter, want := range map[string]string{
		"KEY-ALGO":          " 1 of 34 match ",
		"skipped":           " 3 of 34 match ",
		"needs postgres":    " 1 of 34 match ",
		"no such rule ever": "No rule matches the filter",
	} {
		s.filter = filter
		r := rulesOf(s, 80, 21)
		if view := r.View(); !strings.Contains(view, want) {
			t.Errorf("%q: no %q in\n%s", filter, want, view)
		}
		checkFrame(t, r.View(), 80, 21)
		r.Key(keyMsg("enter")) // must not break where there is none
		r.Key(keyMsg("j"))
		checkFrame(t, r.View(), 80, 21)
	}
}

// The cursor is always on a rule, every rule can be reached, and the headings
// above the first rule of a group can be seen.
func TestRulesCursor(t *testing.T) {
	for _, h := range []int{3, 10, 21, 37} {
		r := rulesOf(sceneOf(t, examined(t, "beats-waste")), 80, h)
		var down, up []string
		visit := func(list []string) []string {
			row := r.row()
			if row == nil {
				t.Fatalf("h %d: the cursor is on line %d, no rule", h, r.list.at)
			}
			if from, to := r.list.seen(); r.list.at < from || r.list.at >= to {
				t.Fatalf("h %d: the cursor is out of sight", h)
			}
			if len(list) == 0 || list[len(list)-1] != row.name {
				list = append(list, row.name)
			}
			return list
		}
		for range len(r.lines) {
			down = visit(down)
			r.Key(keyMsg("down"))
		}
		for range len(r.lines) {
			up = visit(up)
			r.Key(keyMsg("up"))
		}
		slices.Reverse(up)
		if len(down) != len(r.rows) || !slices.Equal(down, up) {
			t.Errorf("h %d: %d rules on the way down, %d up, of %d", h, len(down), len(up), len(r.rows))
		}
		if r.list.top != 0 {
			t.Errorf("h %d: the first heading is not seen", h)
		}
		for _, k := range []string{"G", "pgup", "pgup", "g", "pgdown"} {
			r.Key(keyMsg(k))
			visit(nil)
		}
		r.Wheel(-3)
		visit(nil)
	}
}

// The cursor stays on its rule when that is somewhere else in the next window.
func TestRulesKeepTheCursor(t *testing.T) {
	s := sceneOf(t, examined(t, "dispatch-waste"))
	r := rulesOf(s, 80, 21)
	for range 7 {
		r.Key(keyMsg("j"))
	}
	name := r.row().name
	r.Show(sceneOf(t, examined(t, "beats-waste")))
	if r.row().name != name {
		t.Errorf("the cursor went from %s to %s", name, r.row().name)
	}
	s.exam = nil
	r.Show(s)
	checkFrame(t, r.View(), 80, 21)
	if !strings.Contains(r.View(), "reading dispatchd …") {
		t.Errorf("got %q", r.View())
	}
}

// Documentation opens in place, says what the rule did and then all that
// `busywork explain` says, and closes by esc, which until then means nothing here.
func TestRulesDocumentation(t *testing.T) {
	for _, w := range []int{40, 80, 200} {
		r := rulesOf(sceneOf(t, examined(t, "dispatch-waste")), w, 37)
		if _, done := r.Key(keyMsg("esc")); done {
			t.Error("esc is taken while nothing is open")
		}
		for r.row().name != "cpu-throttled" {
			r.Key(keyMsg("j"))
		}
		r.Key(keyMsg("enter"))
		text := strings.Join(strings.Fields(strings.Join(r.doc.rows, " ")), " ")
		rule := analyze.FindRule("cpu-throttled")
		want := []string{"skipped needs cgroup", rule.Title, "Needs: " + rule.Needs.String(), "→ run busywork on the host"}
		want = append(want, strings.Split(rule.Doc, "\n\n")...)
		for _, l := range rule.Limits {
			want = append(want, fmt.Sprintf("%s = %g %s", l.Key, l.Default, l.Unit), l.Why)
		}
		for _, part := range want {
			if !strings.Contains(text, strings.Join(strings.Fields(part), " ")) {
				t.Errorf("%d columns: no %q in\n%s", w, part, text)
			}
		}
		checkFrame(t, r.View(), w, 37)
		r.Key(keyMsg("G"))
		r.Wheel(-1)
		checkFrame(t, r.View(), w, 37)
		if cmd := r.Click(3, 3); cmd != nil || r.opened == "" {
			t.Error("a click closes the documentation")
		}
		if _, done := r.Key(keyMsg("esc")); !done || r.opened != "" {
			t.Error("esc does not close it")
		}
		if r.row().name != "cpu-throttled" {
			t.Errorf("the cursor is on %s", r.row().name)
		}
	}
}

func TestRulesMouse(t *testing.T) {
	r := rulesOf(sceneOf(t, examined(t, "dispatch-waste")), 80, 21)
	r.Click(5, 3) // title, heading, first rule, second
	if got := r.row(); got == nil || got.name != "refused-work" || r.opened != "" {
		t.Fatalf("the cursor is on %+v", got)
	}
	r.Click(5, 1)
	if got := r.row(); got == nil || r.opened != "" {
		t.Fatalf("a click on a heading puts the cursor on %+v and opens %q", got, r.opened)
	}
	r.Click(5, 3)
	r.Click(5, 3)
	if r.opened != "refused-work" {
		t.Errorf("the second click opens %q", r.opened)
	}
	r.Key(keyMsg("esc"))
	r.Click(5, 20)
	r.Click(5, -1)
	if r.opened != "" {
		t.Errorf("a click beside the list opens %q", r.opened)
	}
}

func TestRulesSinceTheMark(t *testing.T) {
	waste, fixed := examined(t, "dispatch-waste"), examined(t, "dispatch-fixed")
	view := rulesOf(sceneOf(t, waste).markedAt(fixed), 120, 37).View()
	if !strings.Contains(view, "was clean") || !strings.Contains(view, "▲0.37") {
		t.Errorf("got\n%s", view)
	}
	view = rulesOf(sceneOf(t, waste).markedAt(waste), 120, 37).View()
	if strings.Contains(view, "was ") || !strings.Contains(view, "  =  ") {
		t.Errorf("nothing has changed:\n%s", view)
	}
}

func TestRulesOfHostileNamesAtAllSizes(t *testing.T) {
	var list []analyze.RuleStatus
	for _, name := range hostile {
		for _, status := range []string{"found", "clean", "skipped", "failed", name} {
			list = append(list, analyze.RuleStatus{Rule: name, Status: status, Reason: name}, analyze.RuleStatus{Rule: "chatty-db", Status: status, Reason: name})
		}
	}
	for _, times := range []int{0, 1, 60} { // up to nearly 10,000 rules
		s := withRules(t, times, list...)
		s.filter = ""
		s.markedAt(s.exam)
		for _, size := range allSizes {
			r := rulesOf(s, size.w, size.h)
			for _, k := range []string{"j", "G", "k", "enter", "j", "esc", "pgup"} {
				r.Key(keyMsg(k))
				checkFrame(t, r.View(), size.w, size.h)
			}
		}
	}
	s := withRules(t, 1, list[0])
	r := rulesOf(s, 80, 21)
	checkFrame(t, r.View(), 80, 21)
}

func BenchmarkRulesView(b *testing.B) {
	s := sceneOf(b, examined(b, "beats-waste"))
	s.theme = newTheme(termenv.TrueColor, true)
	r := rulesOf(s, 120, 37)
	b.ReportAllocs()
	for b.Loop() {
		_ = r.View()
	}
}

// BenchmarkRulesShow is what every window costs, seen or not.
func BenchmarkRulesShow(b *testing.B) {
	e := examined(b, "beats-waste")
	s := sceneOf(b, e).markedAt(e)
	r := rulesOf(s, 120, 37)
	b.ReportAllocs()
	for b.Loop() {
		r.Show(s)
	}
}
