package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"busywork/analyze"
	"busywork/profile"
)

// captureOf loads a capture of a fixture.
func captureOf(t *testing.T, name string) *profile.Capture {
	t.Helper()
	c, err := profile.Load(filepath.Join("..", "..", "fixtures", "captures", name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// budgetResult holds a recorded capture against a budget.
func budgetResult(t *testing.T, capture, budget string) *Result {
	t.Helper()
	b, err := ReadBudget("budget.yaml", []byte(budget))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Check(captureOf(t, capture), b, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// demandOf is the row of one demand.
func demandOf(t *testing.T, r *Result, name string) *Row {
	t.Helper()
	for i := range r.Rows {
		if r.Rows[i].Name == name {
			return &r.Rows[i]
		}
	}
	t.Fatalf("no row %q in %+v", name, r.Rows)
	return nil
}

// TestBudgets: one and the same budget is kept by the repaired service and broken
// by the one with the waste, in just those demands, and names the rule.
func TestBudgets(t *testing.T) {
	for _, test := range []struct {
		fixed, waste, budget string
		broken               []string
		rule, function       string // of the first cause of the first broken row
	}{
		{"dispatch-fixed", "dispatch-waste",
			"per_job: {cpu_ms: 2.5, host_cpu_ms: 4, redeliveries: 0, forks: 0, connections: 0.01}\nfindings: {none_of: [refused-work], none_at_or_above: high}",
			[]string{"cpu_ms", "host_cpu_ms", "none_at_or_above", "refused-work"}, "refused-work", "busywork/fixtures/dispatch.(*Dispatcher).prepare"},
		{"forks-fixed", "forks-waste", "per_job: {forks: 0.01, connections: 0.1, cpu_ms: 5}",
			[]string{"connections", "cpu_ms", "forks"}, "fork-per-job", ""},
		{"chatty-db-fixed", "chatty-db-waste", "per_job: {sql_statements: 12, connections: 0.1}\nfindings: {none_of: [chatty-db, row-by-row-sql]}",
			[]string{"chatty-db", "sql_statements"}, "chatty-db", "busywork/fixtures/bookings.(*Store).AgendaEach"},
		{"reminders-fixed", "reminders-waste", "per_job: {redis_commands: 6, cpu_ms: 1}\nfindings: {none_of: [linear-queue-scan]}",
			[]string{"cpu_ms", "linear-queue-scan"}, "linear-queue-scan", ""},
		{"poison-redelivery-fixed", "poison-redelivery-waste", "per_job: {redeliveries: 0.02}", []string{"redeliveries"}, "poison-redelivery", ""},
		{"handshake-per-job-fixed", "handshake-per-job-waste", "per_job: {connections: 0.1, allocations: 300}",
			[]string{"allocations", "connections"}, "", ""},
	} {
		t.Run(test.waste, func(t *testing.T) {
			if r := budgetResult(t, test.fixed, test.budget); r.Outcome != Pass || !r.Judged() {
				t.Errorf("%s: %s: %s", test.fixed, r.Outcome, r.Rows[0].Why)
			}
			r := budgetResult(t, test.waste, test.budget)
			var broken []string
			for _, row := range r.Rows {
				if row.Verdict == Slower {
					broken = append(broken, row.Name)
				}
			}
			if r.Outcome != Regression || !slices.Equal(broken, test.broken) {
				t.Fatalf("%s: %s, broken are %q, want %q", test.waste, r.Outcome, broken, test.broken)
			}
			if test.rule == "" {
				return
			}
			if causes := r.Rows[0].Causes; len(causes) == 0 || causes[0].Rule != test.rule || test.function != "" && causes[0].Function != test.function {
				t.Errorf("the causes are %+v, want %s in %s", causes, test.rule, test.function)
			}
		})
	}
}

// TestBudgetRow: what a broken row says, where it points, and that its points are
// of the same whole as its effect.
func TestBudgetRow(t *testing.T) {
	row := demandOf(t, budgetResult(t, "dispatch-waste", "per_job: {cpu_ms: 2.5}"), "cpu_ms")
	if !strings.Contains(row.Why, "3.58 ms of the target's CPU for each of 2757 jobs completed") || !strings.Contains(row.Why, "43.4 % more than the 2.5 that are allowed") {
		t.Errorf("why: %s", row.Why)
	}
	if row.File != "fixtures/dispatch/access.go" || row.Line == 0 {
		t.Errorf("it points at %s:%d", row.File, row.Line)
	}
	if e := row.Effect; e == nil || e.Low <= 0 || e.Low >= e.Value || e.Value >= e.High {
		t.Errorf("the effect is %+v", e)
	}
	// Without the waste the fixture is below the limit: the points are more than
	// what is too much, and less than all of it.
	if p := row.Causes[0].Points; p.Value < row.Effect.Value || p.High > 1+row.Effect.Value {
		t.Errorf("the points are %+v of an effect of %+v", p, *row.Effect)
	}
}

// TestCannotBeJudged: what was not observed is no verdict, and says how to get it.
func TestCannotBeJudged(t *testing.T) {
	for _, test := range []struct{ capture, budget, row, says string }{
		{"dispatch-fixed", "per_job: {sql_statements: 12}", "sql_statements", "--postgres DSN"},
		{"dispatch-fixed", "per_job: {redis_commands: 12}", "redis_commands", "--redis URL"},
		{"forks-fixed", "per_job: {allocations: 12}", "allocations", "--metrics URL"},
		{"forks-fixed", "per_job: {redeliveries: 12}", "redeliveries", "--nats URL"},
		{"healthy-idle", "per_job: {cpu_ms: 12}", "cpu_ms", "a longer window"},
		{"forks-fixed", "findings: {none_of: [chatty-db]}", "chatty-db", "needs postgres (--postgres DSN)"},
		{"forks-waste", "per_job: {forks: 0.5}", "forks", "not all seen"},
		{"poison-redelivery-fixed", "per_job: {redeliveries: 0.001}", "redeliveries", "a window of about"},
	} {
		t.Run(test.capture+"/"+test.row, func(t *testing.T) {
			r := budgetResult(t, test.capture, test.budget)
			row := demandOf(t, r, test.row)
			if row.Verdict != Inconclusive || r.Outcome != Unsure || r.Judged() {
				t.Errorf("%s is %s, the whole %s", test.row, row.Verdict, r.Outcome)
			}
			if !strings.Contains(row.Why, test.says) {
				t.Errorf("why: %s; want %s", row.Why, test.says)
			}
		})
	}
}

// TestSuspicionsBreakNothing: they are inconclusive, and say what settles them.
func TestSuspicionsBreakNothing(t *testing.T) {
	seen := 0
	for _, name := range allCaptures(t) {
		c := captureOf(t, name)
		for _, f := range analyze.Analyze(c, analyze.Options{}).Findings {
			if f.Confidence != analyze.Suspected {
				continue
			}
			r, err := Check(c, &Budget{NoneOf: []string{f.Rule}}, analyze.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if row := r.Rows[0]; row.Verdict == Same || row.Verdict == Inconclusive && !strings.Contains(row.Why, "only suspected") {
				t.Errorf("%s: %s is %s: %s", name, f.Rule, row.Verdict, row.Why)
			}
			seen++
		}
	}
	if seen == 0 {
		t.Error("no recorded capture has a suspicion")
	}
}

func allCaptures(t *testing.T) []string {
	t.Helper()
	dirs, err := os.ReadDir(filepath.Join("..", "..", "fixtures", "captures"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range dirs {
		if d.IsDir() {
			names = append(names, d.Name())
		}
	}
	return names
}

// TestCheckIsDeterministic: the same bytes give the same Result.
func TestCheckIsDeterministic(t *testing.T) {
	budget := wholeBudget + "\n"
	var first []byte
	for range 5 {
		text, err := json.Marshal(budgetResult(t, "reminders-waste", budget))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Fatalf("%s\n%s", first, text)
		}
	}
}

// TestHolds is the edge between the verdicts.
func TestHolds(t *testing.T) {
	of := func(v, low, high float64) *analyze.JobCost {
		return &analyze.JobCost{Value: analyze.Interval{Value: v, Low: low, High: high}}
	}
	none := of(0, 0, 0.01)
	none.None = true
	for _, test := range []struct {
		name string
		most float64
		cost *analyze.JobCost
		want Verdict
	}{
		{"well below", 4, of(2, 1.8, 2.2), Same},
		{"just inside", 2.2, of(2, 1.8, 2.2), Same},
		{"below, and may be above", 2.1, of(2, 1.8, 2.2), Inconclusive},
		{"above, and may be below", 1.9, of(2, 1.8, 2.2), Inconclusive},
		{"at the lower end", 1.8, of(2, 1.8, 2.2), Inconclusive},
		{"above", 1.7, of(2, 1.8, 2.2), Slower},
		{"none of none", 0, none, Same},
		{"one of none", 0, of(0.001, 0, 0.003), Slower},
		{"none seen of none, where not all is seen", 0, of(0, 0, 0.5), Inconclusive},
		{"none of hardly any", 0.001, none, Same},
	} {
		if got := holds(test.most, test.cost); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestToTell: the window that is advised is one after which there is a verdict, if
// the next window shows the same.
func TestToTell(t *testing.T) {
	k := &checking{window: 10}
	for _, test := range []struct {
		most, v, half float64
		says          string
	}{
		{2.1, 2, 0.2, "about 48 s"},   // half the width takes four times the window, and a fifth more
		{2, 2.1, 0.2, "about 48 s"},   // on the other side
		{2, 2, 0.2, "no window"},      // never
		{2.001, 2, 0.2, "no window"},  // 100 hours
		{0.01, 0, 0.02, "about 24 s"}, // nothing counted: twice the jobs
	} {
		c := &analyze.JobCost{Value: analyze.Interval{Value: test.v, Low: max(0, test.v-test.half), High: test.v + test.half}}
		if got := k.toTell(test.most, c); !strings.Contains(got, test.says) {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// TestProposedIsKept: every capture keeps the budget that is made from it, and
// where nobody counts jobs there is none.
func TestProposedIsKept(t *testing.T) {
	proposed := 0
	for _, name := range allCaptures(t) {
		c := captureOf(t, name)
		text, err := Propose(c)
		if err != nil {
			if u, ok := errors.AsType[*profile.Unavailable](err); !ok || u.Hint == "" || analyze.NewFacts(c).Done != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		b, err := ReadBudget("budget.yaml", text)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		r, err := Check(c, b, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range r.Rows {
			if row.Verdict != Same && !strings.Contains(row.Why, "only suspected") {
				t.Errorf("%s: %s is %s: %s", name, row.Name, row.Verdict, row.Why)
			}
		}
		if !bytes.Equal(text, proposal(t, captureOf(t, name))) {
			t.Errorf("%s: another proposal the second time", name)
		}
		proposed++
	}
	if proposed < 80 {
		t.Errorf("%d budgets were proposed", proposed)
	}
}

func proposal(t *testing.T, c *profile.Capture) []byte {
	t.Helper()
	text, err := Propose(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestProposedStopsTheWaste: the budget of the repaired service stops the waste's
// return, which is what it is written for.
func TestProposedStopsTheWaste(t *testing.T) {
	for fixed, waste := range map[string]string{
		"dispatch-fixed": "dispatch-waste", "forks-fixed": "forks-waste", "chatty-db-fixed": "chatty-db-waste",
		"reminders-fixed": "reminders-waste", "poison-redelivery-fixed": "poison-redelivery-waste",
	} {
		if r := budgetResult(t, waste, string(proposal(t, captureOf(t, fixed)))); r.Outcome != Regression {
			t.Errorf("%s is %s by the budget of %s", waste, r.Outcome, fixed)
		}
	}
}

// TestProposeHostileNames: a target's name cannot leave its comment.
func TestProposeHostileNames(t *testing.T) {
	c := captureOf(t, "dispatch-fixed")
	c.Target.Name = "svc\nper_job: {cpu_ms: 1000}\u2028\x1b]0;x\a"
	text := proposal(t, c)
	b, err := ReadBudget("budget.yaml", text)
	if err != nil || b.PerJob[0].Most > 10 || bytes.ContainsAny(text, "\x1b\a") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestAllowed(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 2: "2", 2.01: "2.1", 74e-5: "0.00074", 7.41e-4: "0.00075", 17170: "18000", 99.1: "100", 1e-300: "0." + strings.Repeat("0", 299) + "1"} {
		if got := allowed(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
