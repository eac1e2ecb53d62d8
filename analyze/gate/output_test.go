package gate

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
	"busywork/analyze/report"
)

var updateForms = flag.Bool("update-forms", false, "write the goldens of the forms of output anew")

func number(v float64) *float64 { return &v }

// judged is what a gate of every kind of verdict ends in, not settled.
func judged() *Result {
	const pkg = "example.com/svc/queue"
	row := func(name, metric, unit string, v Verdict, base, head float64, effect analyze.Interval, why string) Row {
		r := Row{Package: pkg, Name: name, Metric: metric, Unit: unit, Verdict: v, Base: &base, Head: &head, Effect: &effect, Runs: 10, Why: why}
		if metric == "cpu" {
			r.Threshold = 0.03
		}
		return r
	}
	cancel := row("BenchmarkCancel/depth=10k", "cpu", "s/op", Slower, 1.2e-3, 1.416e-3, analyze.Interval{Value: 0.18, Low: 0.161, High: 0.202},
		"+18.0 % (+16.1 % to +20.2 %) is at least the 3 % asked for, and chance explains it with p = 0.003 only, 0.01 being the limit")
	cancel.File, cancel.Line, cancel.P = "queue/delayed.go", 41, 0.003
	cancel.Control = &analyze.Interval{Value: 0.001, Low: -0.008, High: 0.011}
	cancel.Causes = []blame.Cause{{
		Function: "example.com/svc/queue.(*Delayed).Cancel", File: "queue/delayed.go", Line: 41, Callees: []string{"slices.IndexFunc"},
		Operation: "linear search", Points: analyze.Interval{Value: 0.16, Low: 0.14, High: 0.18},
		Rule: "linear-queue-scan", Why: "the queue is searched from its beginning for each job",
	}, {
		Function: "example.com/svc/queue.(*Delayed).note", File: "queue/delayed.go", Line: 88,
		Operation: "allocation", Points: analyze.Interval{Value: 0.014, Low: 0.004, High: 0.024},
	}}
	token := row("BenchmarkAdmit", "allocs", "allocs/op", Slower, 12345, 12346, analyze.Interval{Value: 8e-5, Low: 8e-5, High: 8e-5}, "from 12345 to 12346 for one operation (+0.0 %)")
	token.Accepted = &Acceptance{Benchmark: "BenchmarkAdmit", Reason: "one more for the trace id", Until: "2026-12-31"}
	return &Result{
		Gate: "run", Base: "main (1a2b3c4d5e6f)", Head: "1a2b3c4d5e6f and what is not committed",
		Rows: []Row{
			row("BenchmarkSchedule", "cpu", "s/op", Same, 3.1e-6, 3.08e-6, analyze.Interval{Value: -0.004, Low: -0.012, High: 0.006}, "the change lies between -1.2 % and +0.6 %, inside of the 3 % asked for"),
			token,
			row("BenchmarkDrain", "cpu", "s/op", Inconclusive, 0.0412, 0.0421, analyze.Interval{Value: 0.021, Low: -0.03, High: 0.072}, "the change is +2.1 % (-3.0 % to +7.2 %), and 3 % is asked for: it takes about 14 more runs a side"),
			row("BenchmarkSign", "cpu", "s/op", Faster, 8.8e-4, 4.1e-4, analyze.Interval{Value: -0.534, Low: -0.541, High: -0.527}, "-53.4 %"),
			cancel,
			row("BenchmarkCancel/depth=10k", "bytes", "B/op", Same, 48, 48, analyze.Interval{}, "48 on both sides"),
		},
		Caveats: []string{"BenchmarkNew is on head only and was not compared"},
	}
}

func mixed() *Result {
	r := judged()
	r.Settle()
	return r
}

// writers are all forms, the two for GitHub among them.
func writers(t *testing.T, style report.Style) map[string]Renderer {
	t.Helper()
	all := map[string]Renderer{"annotations": Annotations, "summary": StepSummary}
	for _, name := range Forms {
		f, err := ByName(name, style)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = f
	}
	return all
}

func written(t *testing.T, f Renderer, r *Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The goldens are there to be read: they show what each form looks like.
func TestForms(t *testing.T) {
	forms := map[string]string{}
	for name, f := range writers(t, report.Style{Width: 100}) {
		forms[name+".golden"] = written(t, f, mixed())
	}
	for _, width := range []int{40, 80, 120} {
		forms[fmt.Sprintf("text-%d.golden", width)] = written(t, Text(report.Style{Width: width}), mixed())
	}
	forms["text-budget.golden"] = written(t, Text(report.Style{}), budgeted())
	forms["text-growth.golden"] = written(t, Text(report.Style{}), exponentRows())
	for name, got := range forms {
		file := filepath.Join("testdata", "output", name)
		if *updateForms {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got; -update-forms writes it anew):\n%s", name, diff)
		}
	}
}

// budgeted has no base, no threshold, and a row without an effect.
func budgeted() *Result {
	r := &Result{Gate: "budget", Head: "dispatchd", Rows: []Row{
		{Name: "per_job.cpu_ms", Metric: "cpu_ms", Unit: "ms/job", Verdict: Slower, Head: number(6.2), Limit: number(4), Effect: &analyze.Interval{Value: 0.55, Low: 0.4, High: 0.7}, Why: "6.2 ms"},
		{Name: "per_job.forks", Metric: "forks", Unit: "1/job", Verdict: Same, Head: number(0), Limit: number(0), Why: "none"},
		{Name: "findings.none_of", Metric: "findings", Unit: "findings", Verdict: Inconclusive, Why: "refused-work could not look"},
	}}
	r.Settle()
	return r
}

// exponentRows has changes that are no percentages.
func exponentRows() *Result {
	r := &Result{Gate: "growth", Base: "main", Head: "head", Rows: []Row{
		{Name: "BenchmarkCancel", Metric: "exponent", Unit: "1", Verdict: Slower, Base: number(0.02), Head: number(0.98), Limit: number(0.2), Threshold: 0.1,
			HeadInterval: &analyze.Interval{Value: 0.98, Low: 0.92, High: 1.04}, Effect: &analyze.Interval{Value: 0.96, Low: 0.88, High: 1.04}, Why: "it grows"},
		{Name: "BenchmarkPush", Metric: "exponent", Unit: "1", Verdict: Same, Base: number(0.11), Head: number(0.13), Threshold: 0.1,
			HeadInterval: &analyze.Interval{Value: 0.13, Low: 0.1, High: 0.16}, Effect: &analyze.Interval{Value: 0.02, Low: -0.03, High: 0.07}, Why: "it does not"},
	}}
	r.Settle()
	return r
}

func TestSameBytes(t *testing.T) {
	for name, f := range writers(t, report.Style{Width: 100, Color: true}) {
		for _, r := range []func() *Result{mixed, hostile, budgeted} {
			if a, b := written(t, f, r()), written(t, f, r()); a != b {
				t.Errorf("%s differs from run to run", name)
			}
		}
	}
}

// Settling is done once; done twice it changes nothing.
func TestSettleTwice(t *testing.T) {
	for _, r := range []*Result{mixed(), hostile()} {
		before := written(t, JSON, r)
		r.Settle()
		if after := written(t, JSON, r); before != after {
			t.Errorf("settled once:\n%s\ntwice:\n%s", before, after)
		}
	}
}

func TestSettle(t *testing.T) {
	var got []string
	r := mixed()
	for i := range r.Rows {
		got = append(got, r.Rows[i].word()+" "+r.Rows[i].Name+" "+r.Rows[i].Metric)
	}
	want := []string{
		"slower BenchmarkCancel/depth=10k cpu", "inconclusive BenchmarkDrain cpu", "accepted BenchmarkAdmit allocs",
		"same BenchmarkCancel/depth=10k bytes", "same BenchmarkSchedule cpu", "faster BenchmarkSign cpu",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		rows []Row
		want Outcome
	}{
		{nil, Unsure},
		{[]Row{{Verdict: Same}, {Verdict: Faster}}, Pass},
		{[]Row{{Verdict: Same}, {Verdict: Inconclusive}}, Unsure},
		{[]Row{{Verdict: Inconclusive}, {Verdict: Slower}}, Regression},
		{[]Row{{Verdict: Slower, Accepted: &Acceptance{}}}, Pass},
		{[]Row{{Verdict: Slower, Accepted: &Acceptance{Expired: true}}}, Regression},
	} {
		r := &Result{Rows: c.rows}
		if r.Settle(); r.Outcome != c.want {
			t.Errorf("%+v: %s, want %s", c.rows, r.Outcome, c.want)
		}
	}
}

func TestNotSettled(t *testing.T) {
	for _, name := range Forms {
		f, _ := ByName(name, report.Style{})
		if err := f(io.Discard, judged()); err == nil {
			t.Errorf("%s wrote a result that was not settled", name)
		}
	}
	if _, err := ByName("pdf", report.Style{}); err == nil {
		t.Error("there is a form pdf")
	}
}

// No line of the text is wider than asked for, but for a single word that is.
func TestTextFitsItsWidth(t *testing.T) {
	for _, width := range []int{40, 57, 80, 99, 120} {
		for _, r := range []*Result{mixed(), budgeted(), exponentRows()} {
			for line := range strings.Lines(written(t, Text(report.Style{Width: width, Color: true}), r)) {
				line = strings.TrimSuffix(line, "\n")
				if ansi.StringWidth(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%d columns, want %d: %s", ansi.StringWidth(line), width, line)
				}
			}
		}
	}
}

// Without colours the text is the same.
func TestColour(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		colour, plain := written(t, Text(report.Style{Width: width, Color: true}), mixed()), written(t, Text(report.Style{Width: width}), mixed())
		if !strings.Contains(colour, "\x1b[") || ansi.Strip(colour) != plain {
			t.Errorf("at %d columns colours change more than colour:\n%s", width, colour)
		}
	}
}

func TestTheOutcomeIsLast(t *testing.T) {
	for _, r := range []*Result{mixed(), budgeted(), many(3)} {
		paragraphs := strings.Split(strings.TrimSpace(written(t, Text(report.Style{Width: 120}), r)), "\n\n")
		if last := paragraphs[len(paragraphs)-1]; !strings.HasPrefix(last, string(r.Outcome)+": ") {
			t.Errorf("the last paragraph is %q", last)
		}
	}
}
