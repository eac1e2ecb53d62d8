package bench

import (
	"errors"
	"testing"
)

// Head does four times the work. In both orders, each side's figure is its own;
// half and double leave room for any machine.
func TestRunPairs(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), countedFiles)
	r.write("-- work.go --\npackage counted\n\nconst rounds = 4000\n")
	b := r.prepare(Options{Pattern: "^BenchmarkWork$"})
	const n = 5000 // 2 ms of CPU or more for the loads and stores of base alone
	for _, headFirst := range []bool{false, true} {
		missing := Turn{Benchmark{Package: "example.org/counted", Name: "BenchmarkMissing"}, n, headFirst}
		ran := b.RunPairs(t.Context(), []Turn{missing, {b.Benchmarks[0], n, headFirst}})
		if e, ok := errors.AsType[*Error](ran[0].Err); !ok || (e.Side == Head) != headFirst || e.Benchmark.String() != "example.org/counted.BenchmarkMissing" {
			t.Errorf("a benchmark that does not exist: %v", ran[0].Err)
		}
		if ran[1].Err != nil {
			t.Fatal(ran[1].Err)
		}
		base, head := ran[1].Base, ran[1].Head
		if ratio := head.CPU / base.CPU; !(ratio > 2 && ratio < 8) {
			t.Errorf("head first %t: %.2f times the CPU time for 4 times the work", headFirst, ratio)
		}
		if base.Operations != n || head.Operations != n || base.Fixed <= 0 || base.Wall <= 0 || head.Allocs != 0 {
			t.Errorf("head first %t: %+v and %+v", headFirst, base, head)
		}
	}
}
