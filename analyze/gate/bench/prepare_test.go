package bench

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze/gate/blame"
)

func TestService(t *testing.T) {
	scratches := alone(t)
	r := newRepo(t, filepath.Join(t.TempDir(), "service"), buildable(service))
	r.write(changed)
	if err := os.RemoveAll(filepath.Join(r.dir, "old")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOGC", "150")
	var steps []string
	b := r.prepare(Options{Progress: func(s string) { steps = append(steps, s) }})

	t.Run("Found", func(t *testing.T) { found(t, b) })
	t.Run("NotCompared", func(t *testing.T) { notCompared(t, b) })
	t.Run("Described", func(t *testing.T) { described(t, b, r, steps) })
	t.Run("Measured", func(t *testing.T) { measured(t, b) })
	t.Run("Troubled", func(t *testing.T) { troubled(t, b) })
	t.Run("Profiled", func(t *testing.T) { profiled(t, b) })

	t.Run("Pattern", func(t *testing.T) {
		b := repo{t, r.dir}.prepare(Options{Pattern: "Sized/n=10$|Work/none", Packages: []string{filepath.Join(r.dir, "queue")}})
		if len(b.Benchmarks) != 1 || b.Benchmarks[0].Name != "BenchmarkSized/n=10" || len(b.NotCompared) != 0 {
			t.Errorf("got %v, %v", b.Benchmarks, b.NotCompared)
		}
	})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Run(ctx, b.Benchmarks[0], Head, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	r.mustBeTidy(scratches)
}

func found(t *testing.T, b *Bench) {
	var names []string
	for _, bm := range b.Benchmarks {
		if bm.Package != "example.org/service/queue" || bm.Unchanged || bm.Parallel != (bm.Name == "BenchmarkParallel") {
			t.Errorf("%+v", bm)
		}
		names = append(names, bm.Name)
	}
	want := []string{
		"BenchmarkWork", "BenchmarkPrepared",
		"BenchmarkSized/n=10", "BenchmarkSized/n=10#01", "BenchmarkSized/a/b_(c)_[d]|e", `BenchmarkSized/jobs\x1b[31m`,
		"BenchmarkTestdata", "BenchmarkTalks", "BenchmarkGrown/n=0", "BenchmarkParallel",
		"BenchmarkPanics/fine", "BenchmarkPanicsLater", "BenchmarkFails/fine", "BenchmarkIdle",
	}
	if !slices.Equal(names, want) {
		t.Errorf("found %q\nwant  %q", names, want)
	}
	if first := b.Benchmarks[0]; first.File != "queue/queue_test.go" || first.Line != 11 {
		t.Errorf("%s is at %s:%d", first, first.File, first.Line)
	}
}

func notCompared(t *testing.T, b *Bench) {
	got := map[string]*Error{}
	for _, e := range b.NotCompared {
		key := strings.TrimPrefix(e.Benchmark.String(), "example.org/service/") + " " + string(e.Side)
		if got[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		got[key] = e
		if strings.ContainsRune(e.Reason+strings.Join(e.Output, ""), '\x1b') {
			t.Errorf("%s: control characters in %q", key, e.Reason)
		}
	}
	for name, want := range map[string]struct {
		problem Problem
		says    string
	}{
		"queue.BenchmarkPanics/bad": {Panicked, "panic: boom [31m in queue_test.BenchmarkPanics.func2 (example.org/service/queue/broken_test.go:11)"},
		"queue.BenchmarkFails/bad":  {Failed, "it failed: broken_test.go:26: no broker at 127.0.0.1"},
		"queue.BenchmarkSkips":      {Skipped, "it is skipped: broken_test.go:32: not on this machine"},
		"queue.BenchmarkExits":      {Exited, "it ended its process with code 3: no broker"},
		"queue.BenchmarkExitsWell":  {Panicked, "panic: unexpected call to os.Exit(0) during test"},
		"queue.BenchmarkMute":       {Garbled, "it ended well, but wrote no result"},
		"queue.BenchmarkFloods":     {Flooded, "it wrote more than 64 MiB"},
	} {
		for _, side := range []Side{Base, Head} {
			e := got[name+" "+string(side)]
			if e == nil || e.Problem != want.problem || !strings.Contains(e.Reason, want.says) {
				t.Errorf("%s on %s: got %+v, want %s: %s", name, side, e, want.problem, want.says)
			}
			delete(got, name+" "+string(side))
		}
	}
	for key, side := range map[string]Side{
		"queue.BenchmarkGrown/n=1 head": Head, "queue.BenchmarkGrown/n=2 head": Head,
		"queue.BenchmarkNew head": Head, "fresh.BenchmarkFresh head": Head, "old.BenchmarkOld base": Base,
	} {
		if e := got[key]; e == nil || e.Problem != OneSided || !e.Problem.Caveat() || e.Side != side {
			t.Errorf("%s: got %+v, want that it is on one side only", key, e)
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("%s is not compared: %+v", key, got[key])
	}
}

func described(t *testing.T, b *Bench, r repo, steps []string) {
	commit := r.git("rev-parse", "HEAD")
	if b.Base.Ref != "base" || b.Base.Commit != commit || b.Head.Commit != commit {
		t.Errorf("compared are %+v and %+v", b.Base, b.Head)
	}
	if b.Head.Changed != 4 { // factor.go, head_test.go, fresh_test.go, old_test.go
		t.Errorf("%d files are changed", b.Head.Changed)
	}
	if !slices.Contains(b.Notes, "Head is the work tree, in which 4 files are not committed.") {
		t.Errorf("notes: %q", b.Notes)
	}
	if !slices.Contains(b.Environment, Setting{"GOGC", "150"}) {
		t.Errorf("environment: %v", b.Environment)
	}
	for _, o := range []Origin{b.Base, b.Head} {
		if !strings.HasPrefix(valueOf(o.Settings, "GOVERSION"), "go1.") {
			t.Errorf("settings: %v", o.Settings)
		}
	}
	for _, step := range []string{"check out base", "build base: example.org/service/queue", "try head: example.org/service/queue.BenchmarkWork"} {
		if !slices.Contains(steps, step) {
			t.Errorf("step %q is not told: %q", step, steps)
		}
	}
}

// named is a benchmark of the service.
func named(t *testing.T, b *Bench, name string) Benchmark {
	t.Helper()
	i := slices.IndexFunc(b.Benchmarks, func(bm Benchmark) bool { return bm.Name == name })
	if i < 0 {
		t.Fatalf("no %s", name)
	}
	return b.Benchmarks[i]
}

func ran(t *testing.T, b *Bench, name string, side Side, n int) Figure {
	t.Helper()
	f, err := b.Run(t.Context(), named(t, b, name), side, n)
	if err != nil {
		t.Fatal(err)
	}
	if f.CPU <= 0 || f.Fixed <= 0 || f.Operations != n {
		t.Errorf("%s: %+v", name, f)
	}
	return f
}

// Head does three times the work in each operation. What a benchmark prepares is
// not in the figure. Half and double leave room for any machine.
func measured(t *testing.T, b *Bench) {
	work := named(t, b, "BenchmarkWork")
	n, err := b.Calibrate(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	base, head := ran(t, b, work.Name, Base, n), ran(t, b, work.Name, Head, n)
	if cpu := base.CPU * float64(n); cpu < 0.02 || cpu > 2 {
		t.Errorf("%d operations take %.3g s of CPU, wanted are 0.1 to 0.3", n, cpu)
	}
	if ratio := head.CPU / base.CPU; ratio < 2 || ratio > 4.5 {
		t.Errorf("head takes %.2f times as much as base, not 3 times", ratio)
	}
	if base.Wall <= 0 || base.Bytes != 0 || base.Allocs != 0 {
		t.Errorf("base: %+v", base)
	}
	prepared := ran(t, b, "BenchmarkPrepared", Base, n)
	if ratio := prepared.CPU / base.CPU; ratio < 0.5 || ratio > 2 {
		t.Errorf("what it prepares makes an operation cost %.2f times as much", ratio)
	}
	if prepared.Fixed < 2*base.Fixed {
		t.Errorf("to prepare 20,000,000 rounds costs %.3g s, to prepare nothing %.3g s", prepared.Fixed, base.Fixed)
	}
	for _, side := range []Side{Base, Head} {
		f := ran(t, b, `BenchmarkSized/a/b_(c)_[d]|e`, side, 1000)
		if f.Allocs != 2 || f.Bytes < 128 {
			t.Errorf("%s allocates %v times, %v bytes for each operation", side, f.Allocs, f.Bytes)
		}
		ran(t, b, `BenchmarkSized/jobs\x1b[31m`, side, 10)
		ran(t, b, "BenchmarkSized/n=10#01", side, 10)
		ran(t, b, "BenchmarkTestdata", side, 10)
		if talks := ran(t, b, "BenchmarkTalks", side, 10); talks.Allocs != 0 {
			t.Errorf("what a benchmark writes is taken for its result: %+v", talks)
		}
	}
}

// troubled are benchmarks that can be run once.
func troubled(t *testing.T, b *Bench) {
	for name, want := range map[string]struct {
		problem Problem
		says    string
	}{
		"BenchmarkPanicsLater": {Panicked, "panic: assignment to entry in nil map in queue_test.BenchmarkPanicsLater"},
		"BenchmarkIdle":        {Unmeasurable, "does not grow"},
		"BenchmarkPanics/fine": {Unmeasurable, "does not grow"},
	} {
		_, err := b.Calibrate(t.Context(), named(t, b, name))
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Problem != want.problem || !strings.Contains(e.Reason, want.says) || e.Side != Base || e.Benchmark.Name != name {
			t.Errorf("%s: got %+v, want %s: %s", name, e, want.problem, want.says)
		}
	}
	if _, err := b.Run(t.Context(), Benchmark{Package: "example.org/service/plain", Name: "BenchmarkX"}, Head, 10); err == nil {
		t.Error("a package without a test binary can be run")
	}
	_, err := b.Run(t.Context(), Benchmark{Package: "example.org/service/queue", Name: "BenchmarkMissing"}, Head, 10)
	if problemOf(err) != Garbled || err.Error() != "example.org/service/queue.BenchmarkMissing in head: it ended well, but wrote no result" {
		t.Errorf("a benchmark that does not exist: %v", err)
	}
}

func profiled(t *testing.T, b *Bench) {
	work := named(t, b, "BenchmarkWork")
	const n = 200_000 // of 2,000 rounds, so that few executions will do
	p, err := b.Profile(t.Context(), work, Base, n, blame.Fewest)
	if err != nil {
		t.Fatal(err)
	}
	if p.Executions < 1 || p.Operations != n*p.Executions || p.Samples < blame.Fewest {
		t.Errorf("%d samples of %d operations in %d executions", p.Samples, p.Operations, p.Executions)
	}
	parsed, err := pprof.Parse(bytes.NewReader(p.Data))
	if err != nil {
		t.Fatal(err)
	}
	if got := samplesOf(parsed); got != p.Samples {
		t.Errorf("the profile has %d samples, not %d", got, p.Samples)
	}
	for _, f := range parsed.Function {
		if f.Name == "example.org/service/queue.Work" && f.Filename == "example.org/service/queue/queue.go" {
			return
		}
	}
	t.Error("the profile does not know queue.Work, or not by a path that both sides have")
}

func TestIsBenchmark(t *testing.T) {
	dir := t.TempDir()
	r := repo{t, dir}
	r.write(service)
	all, err := parsePattern("")
	if err != nil {
		t.Fatal(err)
	}
	var p testPackage
	p.read(filepath.Join(dir, "queue", "broken_test.go"), all)
	for _, f := range p.functions {
		if strings.Contains(strings.ToLower(f.name), "not") || strings.Contains(f.name, "nor") || strings.Contains(f.name, "either") {
			t.Errorf("%s is taken for a benchmark", f.name)
		}
	}
	if len(p.functions) != 9 {
		t.Errorf("%d benchmarks are found, not 9", len(p.functions))
	}
}
