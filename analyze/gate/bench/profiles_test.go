package bench

import (
	"testing"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze/gate/blame"
)

// Where head is far slower, n is what head can bear, and base has no time to be
// seen in. Its profile must still say where its CPU goes.
func TestProfileOfTooFewOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	alone(t)
	r := newRepo(t, t.TempDir(), buildable(service))
	b := r.prepare(Options{Pattern: "^BenchmarkWork$"})
	// Of 2000 multiplications each: some microseconds, in which no tick of 10 ms falls.
	p, err := b.Profile(t.Context(), b.Benchmarks[0], Base, leastN, blame.Fewest)
	if err != nil {
		t.Fatal(err)
	}
	if p.Samples < blame.Fewest {
		t.Errorf("%d samples of %d executions", p.Samples, p.Executions)
	}
	if p.Operations < 1000*p.Executions {
		t.Errorf("%d operations in %d executions are too few to have taken that long", p.Operations, p.Executions)
	}
	if _, err := pprof.ParseData(p.Data); err != nil {
		t.Error(err)
	}
}
