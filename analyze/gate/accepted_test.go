package gate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"busywork/profile"
)

const entries = `# reviewed with the change that needs it
- benchmark: BenchmarkCancel/depth=.*
  metric: cpu
  reason: |
    the index costs memory that we do not have
    before the migration
  until: 2026-12-31
- {benchmark: "BenchmarkAdmit", reason: "one more for the trace id", until: "2026-06-30"}
`

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

func accept(t *testing.T, text string) Accepted {
	t.Helper()
	a, err := ReadAccepted(AcceptedFile, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// regressions has two rows that are slower and one that is not.
func regressions() *Result {
	r := &Result{Gate: "run", Rows: []Row{
		{Package: "example.com/q", Name: "BenchmarkCancel/depth=10k", Metric: "cpu", Verdict: Slower},
		{Package: "example.com/q", Name: "BenchmarkAdmit", Metric: "allocs", Verdict: Slower},
		{Package: "example.com/q", Name: "BenchmarkCancel/depth=10k", Metric: "allocs", Verdict: Same},
	}}
	r.Settle()
	return r
}

func TestApply(t *testing.T) {
	a := accept(t, entries)
	for _, c := range []struct {
		today          string
		want           Outcome
		cancel, admits bool // expired
	}{
		{"2026-06-30", Pass, false, false}, // the last day counts
		{"2026-07-01", Regression, false, true},
		{"2026-12-31", Regression, false, true},
		{"2027-01-01", Regression, true, true},
	} {
		r := regressions()
		a.Apply(r, day(c.today).Add(23*time.Hour))
		if r.Outcome != c.want || len(r.Caveats) != 0 {
			t.Errorf("on %s: %s, want %s; caveats %q", c.today, r.Outcome, c.want, r.Caveats)
		}
		for _, row := range r.Rows {
			expired := map[string]bool{"BenchmarkCancel/depth=10k cpu": c.cancel, "BenchmarkAdmit allocs": c.admits}
			want, slower := expired[row.Name+" "+row.Metric]
			if slower != (row.Accepted != nil) || slower && row.Accepted.Expired != want {
				t.Errorf("on %s: %s %s has %+v", c.today, row.Name, row.Metric, row.Accepted)
			}
		}
	}
}

func TestExpiredIsSaid(t *testing.T) {
	r := regressions()
	accept(t, entries).Apply(r, day("2027-01-01"))
	if s := r.sentence(); !strings.Contains(s, "expired acceptances: 2") {
		t.Errorf("the outcome is %q", s)
	}
	if s := r.Rows[0].acceptance(); !strings.Contains(s, "2026-06-30, which is over") {
		t.Errorf("the first row says %q", s)
	}
}

func TestAcceptedMatches(t *testing.T) {
	row := &Row{Package: "example.com/q", Name: "BenchmarkX/a+b", Metric: "cpu"}
	for benchmark, want := range map[string]bool{
		"BenchmarkX/a+b":                    true, // as it is, though it is no pattern of itself
		"BenchmarkX/.*":                     true,
		"BenchmarkX":                        false, // all of the name, not its beginning
		"X/a.b":                             false,
		"example.com/q.BenchmarkX/a+b":      true,
		`example\.com/.*\.BenchmarkX/.*`:    true,
		"BenchmarkY|BenchmarkX/.*":          true,
		"BenchmarkY|BenchmarkX":             false,
		"BenchmarkX|BenchmarkY":             false,
		`\QBenchmarkX/a+b\E`:                true,
		"example.com/other.BenchmarkX/a\\+": false,
	} {
		a := accept(t, "- benchmark: '"+benchmark+"'\n  reason: r\n  until: 2026-12-31\n")
		if got := a.list[0].matches(row); got != want {
			t.Errorf("%s: %v, want %v", benchmark, got, want)
		}
	}
	other := accept(t, "- benchmark: BenchmarkX/.*\n  metric: allocs\n  reason: r\n  until: 2026-12-31\n")
	if other.list[0].matches(row) {
		t.Error("an entry for allocs takes cpu")
	}
}

// Of several entries one that still holds counts, in whatever order they stand.
func TestRenewed(t *testing.T) {
	one, two := "- {benchmark: BenchmarkAdmit, reason: once, until: 2026-01-31}\n", "- {benchmark: Benchmark.*, reason: again, until: 2026-12-31}\n"
	for _, text := range []string{one + two, two + one} {
		r := regressions()
		accept(t, text).Apply(r, day("2026-06-01"))
		if r.Outcome != Pass {
			t.Errorf("%s: %s", text, r.Outcome)
		}
	}
}

func TestEntriesThatAcceptNothing(t *testing.T) {
	r := regressions()
	accept(t, entries+`
- benchmark: BenchmarkRenamed
  reason: r
  until: 2026-12-31
- benchmark: BenchmarkCancel/depth=10k
  metric: allocs
  reason: r
  until: 2026-01-31
`).Apply(r, day("2026-03-01"))
	want := []string{"line 10: BenchmarkRenamed is accepted, but no such", "line 13: BenchmarkCancel/depth=10k allocs was accepted until 2026-01-31"}
	if len(r.Caveats) != len(want) {
		t.Fatalf("caveats %q", r.Caveats)
	}
	for i := range want {
		if !strings.Contains(r.Caveats[i], want[i]) {
			t.Errorf("got %q, want %q", r.Caveats[i], want[i])
		}
	}
}

func TestAcceptedErrors(t *testing.T) {
	const whole = "- benchmark: B\n  reason: r\n  until: 2026-12-31\n"
	for text, want := range map[string]string{
		"benchmark: B":                                                   "line 1: want a list",
		"- B":                                                            "line 1: an entry must be keys",
		whole + "- benchmark: B\n  why: r":                               `line 5: no key "why" in an entry; there are benchmark, metric, reason, until`,
		whole + whole[:len("- benchmark: B\n")]:                          "line 4: an entry without reason",
		"- benchmark: B\n  until: 2026-12-31":                            "line 1: an entry without reason",
		"- reason: r\n  until: 2026-12-31":                               "line 1: an entry without benchmark",
		"- benchmark: B\n  reason: r":                                    "line 1: an entry without until",
		"- benchmark: B\n  reason: ''\n  until: 2026-12-31":              "line 2: reason is empty",
		"- benchmark: B\n  reason: r\n  until: 2026-02-30":               `line 3: until is not a day: "2026-02-30"`,
		"- benchmark: B\n  reason: r\n  until: never":                    "line 3: until is not a day",
		"- benchmark: B\n  reason: r\n  until: 2026":                     "line 3: until must be text",
		"- benchmark: 'B('\n  reason: r\n  until: 2026-12-31":            "line 1: benchmark is no regular expression",
		"- benchmark: 'B)|(?:C'\n  reason: r\n  until: 2026-12-31":       "line 1: benchmark is no regular expression",
		"- benchmark: [B]\n  reason: r\n  until: 2026-12-31":             "line 1: benchmark must be text",
		"- benchmark: B\n  benchmark: B\n  reason: r":                    "line 2: ",
		"- &a\n  benchmark: B\n  reason: r\n  until: 2026-12-31\n- *a\n": "line 1: ",
		whole + "---\n" + whole:                                          "2 YAML documents",
		"- benchmark: \"B\n":                                             "line 1: ",
		"\t- x":                                                          "line 1: ",
		strings.Repeat("#", mostAccepted+1):                              "at most 32768 are read",
		"- 7: b":                                                         "line 1: a key of an entry must be a plain word",
		"- {[a]: b}":                                                     "line 1: ",
	} {
		_, err := ReadAccepted(AcceptedFile, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: got %v, want %q", text, err, want)
			continue
		}
		if u, ok := errors.AsType[*profile.Unavailable](err); !ok || !strings.HasPrefix(u.Reason, AcceptedFile) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%.80q: %#v", text, err)
		}
	}
}

func TestNothingAccepted(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "[]\n", "---\n"} {
		a, err := ReadAccepted(AcceptedFile, []byte(text))
		if err != nil || len(a.list) != 0 {
			t.Errorf("%q: %v, %v", text, a, err)
		}
	}
}

func FuzzReadAccepted(f *testing.F) {
	f.Add([]byte(entries))
	f.Add([]byte("- &a {benchmark: *a}\n"))
	f.Add([]byte("- !!binary x\n"))
	f.Add([]byte("- {? [a] : b}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			t.Skip() // the parser's time grows with the square
		}
		a, err := ReadAccepted(AcceptedFile, data)
		if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b\u202e") {
			t.Errorf("the error is not one clean line: %q", err)
		}
		for _, e := range a.list {
			if e.benchmark == "" || e.reason == "" || e.until == "" {
				t.Errorf("an entry without all it must have: %+v", e)
			}
		}
	})
}
