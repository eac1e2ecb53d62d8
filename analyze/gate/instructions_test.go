package gate

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// countedFiles are a module with a benchmark that does 5 % more on head, and one that
// knows where it runs.
const countedFiles = `
-- go.mod --
module example.org/counted

go 1.26
-- work.go --
package counted

const rounds = 1000
-- work_test.go --
package counted

import (
	"os"
	"strings"
	"testing"
)

var sink uint64

func BenchmarkWork(b *testing.B) {
	for range b.N {
		for i := range uint64(rounds) {
			sink = sink*6364136223846793005 + i
		}
	}
}

func BenchmarkNotThere(b *testing.B) {
	if strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1") {
		b.Fatal("I will not be counted")
	}
	for range b.N {
		sink++
	}
}
`

func needValgrind(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("valgrind"); err != nil {
		if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatal("valgrind is not installed")
		}
		t.Skip("valgrind is not installed")
	}
}

func TestInstructions(t *testing.T) {
	needValgrind(t)
	scratches := alone(t)
	r := newRepo(t, t.TempDir(), countedFiles)
	r.write("-- work.go --\npackage counted\n\nconst rounds = 1050\n")
	got, err := Instructions(t.Context(), InstructionOptions{Options: Options{Dir: r.dir, Base: "base"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Outcome != Regression || len(got.Rows) != 2 {
		t.Fatalf("%s with %d rows, want a regression with 2", got.Outcome, len(got.Rows))
	}
	work, not := got.Rows[0], got.Rows[1]
	if work.Name != "BenchmarkWork" || work.Verdict != Slower || work.Runs != countedRuns || work.File == "" {
		t.Errorf("5 %% more instructions: %+v", work)
	}
	// The loop is all there is but a few instructions of b.N's.
	if e := work.Effect; e == nil || math.Abs(e.Value-0.05) > 0.002 || e.Low > 0.05 || e.High < 0.05 {
		t.Errorf("the effect is %+v, want 5 %%", e)
	}
	// A load, a product, a sum or two, a store, and the loop's own, by the compiler's
	// choice.
	if work.Base == nil || *work.Base < 3*1000 || *work.Base > 15*1000 {
		t.Errorf("instructions in an operation of 1,000 rounds: %+v", work)
	}
	if not.Verdict != Inconclusive || !strings.Contains(not.Why, "it does not run under valgrind: it failed: work_test.go:") ||
		!strings.Contains(not.Why, "I will not be counted") {
		t.Errorf("a benchmark that fails under valgrind: %+v", not)
	}
	r.mustBeTidy(scratches)
}

func TestInstructionsWithoutTime(t *testing.T) {
	needValgrind(t)
	alone(t)
	r := newRepo(t, t.TempDir(), countedFiles)
	r.write("-- work.go --\npackage counted\n\nconst rounds = 1050\n")
	got, err := Instructions(t.Context(), InstructionOptions{Options: Options{Dir: r.dir, Base: "base"}, MaxTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Outcome != Unsure || len(got.Rows) != 2 || !strings.Contains(got.Rows[0].Why, "the time was over") {
		t.Errorf("without time: %+v", got)
	}
}

func TestNoValgrind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Instructions(t.Context(), InstructionOptions{Options: Options{Dir: t.TempDir(), Base: "main"}})
	mustBe(t, err, NoValgrind)
	for _, threshold := range []float64{-0.01, 11, math.NaN()} {
		_, err := Instructions(t.Context(), InstructionOptions{Threshold: threshold})
		mustBe(t, err, BadOption)
	}
}

func TestJudgeInstructions(t *testing.T) {
	steady := []float64{10_000, 10_001, 10_003}
	times := func(f float64) []float64 {
		var list []float64
		for _, v := range steady {
			list = append(list, v*f)
		}
		return list
	}
	for _, c := range []struct {
		what       string
		base, head []float64
		want       Verdict
	}{
		{"nothing changed", steady, steady, Same},
		{"half of the threshold", steady, times(1.005), Same},
		{"just below the threshold", steady, times(1.009), Inconclusive},
		{"just over it", steady, times(1.011), Slower},
		{"much more", steady, times(3), Slower},
		{"much less", steady, times(1.0 / 3), Faster},
		{"just less", steady, times(1 / 1.011), Faster},
		{"counts that vary by more than they change", []float64{10_000, 10_400, 10_900}, []float64{10_300, 10_600, 11_000}, Inconclusive},
		{"counts that vary by much less than they change", []float64{10_000, 10_400, 10_900}, []float64{20_300, 20_600, 21_000}, Slower},
		{"nothing is done", []float64{0, 0, 0}, steady, Inconclusive},
		{"less than nothing", steady, []float64{-3, 1, 2}, Inconclusive},
		{"nothing was counted", nil, nil, Inconclusive},
	} {
		var row Row
		row.Verdict = Inconclusive
		judgeInstructions(&row, c.base, c.head, DefaultInstructionThreshold)
		if row.Verdict != c.want || row.Why == "" {
			t.Errorf("%s: %s, want %s; %s", c.what, row.Verdict, c.want, row.Why)
		}
		if e := row.Effect; e != nil && !(e.Low <= e.Value && e.Value <= e.High) {
			t.Errorf("%s: the effect is %+v", c.what, *e)
		}
	}
}

func TestEmulatedEnvironment(t *testing.T) {
	got := emulatedEnvironment([]string{"A=1", "GODEBUG=gctrace=0", "GOMAXPROCS=8", "TMPDIR=/x"})
	want := []string{"A=1", "TMPDIR=/x", "GODEBUG=gctrace=0,asyncpreemptoff=1", "GOMAXPROCS=1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadTotals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callgrind.out")
	for text, want := range map[string]float64{
		"events: Ir\nsummary: 7\n\nfn=(1) main.main\n0 7\n\ntotals: 380175100123\n": 380175100123,
		"fn=(1) " + strings.Repeat("x", 200_000) + "\n0 7\ntotals: 9\n":             9,
		"events: Ir\nfn=(1) main.main\n0 7\n":                                       -1, // cut off
		"totals: many\n":                                                            -1,
		"totals: -4\n":                                                              -1,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readTotals(path)
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("%.60q: got %v, %v", text, got, err)
		}
	}
}

func TestWordsOfValgrind(t *testing.T) {
	for line, want := range map[string]string{
		"valgrind: failed to start tool 'callgrind' for platform 'amd64-linux'\n":       "valgrind: failed to start tool 'callgrind' for platform 'amd64-linux'",
		"==42== valgrind: Unrecognised instruction at address 0x4a1b2c.\n":              "valgrind: Unrecognised instruction at address 0x4a1b2c.",
		"==42== Process terminating with default action of signal 4 (SIGILL)\x1b[2J\n":  "Process terminating with default action of signal 4 (SIGILL)[2J",
		"==42== Collected : 3801751\n":                                                  "",
		"the benchmark says: valgrind: nothing, == and Process terminating\n":           "",
		"==== no number, and no blank behind it either: Process terminating, it says\n": "",
	} {
		if got := wordsOfValgrind(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
