package bench

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
	b := r.prepare(Options{})
	v, err := FindValgrind()
	if err != nil {
		t.Fatal(err)
	}
	base, head, err := b.Instructions(t.Context(), v, named(t, b, "BenchmarkWork"))
	if err != nil || len(base) != countedRuns || len(head) != countedRuns {
		t.Fatalf("counted %v and %v, %v", base, head, err)
	}
	// The loop is all there is but a few instructions of b.N's.
	if ratio := head[0] / base[0]; math.Abs(ratio-1.05) > 0.005 {
		t.Errorf("%v and %v instructions, want 5 %% more in head", base, head)
	}
	// A load, a product, a sum or two, a store, and the loop's own, by the compiler's
	// choice.
	if base[0] < 3*1000 || base[0] > 15*1000 {
		t.Errorf("%v instructions in an operation of 1,000 rounds", base)
	}
	_, _, err = b.Instructions(t.Context(), v, named(t, b, "BenchmarkNotThere"))
	if problemOf(err) != NotEmulated || !strings.Contains(err.Error(), "it does not run under valgrind: it failed: work_test.go:") ||
		!strings.Contains(err.Error(), "I will not be counted") {
		t.Errorf("a benchmark that fails under valgrind: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	r.mustBeTidy(scratches)
}

func TestNoValgrind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := FindValgrind()
	mustBe(t, err, NoValgrind)
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
