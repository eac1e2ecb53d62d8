package blame

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"

	"busywork/analyze"
)

// taken is samples of a stack, written leaf first: "leaf < caller < root".
type taken map[string]int

const (
	ownModule = "example.com/svc"
	// bench is how every stack of a benchmark ends.
	bench = " < example.com/svc/queue.BenchmarkCancel < testing.(*B).runN < testing.(*B).launch < runtime.goexit"
	// collector is what the runtime collects with.
	collector = "runtime.scanobject < runtime.gcDrain < runtime.gcBgMarkWorker < runtime.goexit"
)

// sampledProfile is a 100 Hz profile of so many samples.
func sampledProfile(t testing.TB, stacks taken) []byte {
	t.Helper()
	p := &pprof.Profile{
		SampleType: []*pprof.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &pprof.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:     10_000_000,
	}
	locations := map[string]*pprof.Location{}
	keys := make([]string, 0, len(stacks))
	for key := range stacks {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		n := int64(stacks[key])
		sample := &pprof.Sample{Value: []int64{n, n * p.Period}}
		p.DurationNanos += n * p.Period
		for name := range strings.SplitSeq(key, " < ") {
			if locations[name] == nil {
				f := &pprof.Function{ID: uint64(len(p.Function) + 1), Name: name, Filename: sourceOf(name), StartLine: 10}
				p.Function = append(p.Function, f)
				locations[name] = &pprof.Location{ID: uint64(len(p.Location) + 1), Line: []pprof.Line{{Function: f, Line: 42}}}
				p.Location = append(p.Location, locations[name])
			}
			sample.Location = append(sample.Location, locations[name])
		}
		p.Sample = append(p.Sample, sample)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sourceOf is a file as -trimpath writes it.
func sourceOf(name string) string {
	if strings.HasPrefix(name, ownModule) {
		return packageOf(name) + "/code.go"
	}
	return packageOf(name) + "/library.go"
}

// change is a relative change that is known to a percent.
func change(v float64) analyze.Interval {
	return analyze.Interval{Value: v, Low: v - 0.01, High: v + 0.01}
}

// attribute attributes the growth between two profiles.
func attribute(t *testing.T, base, head taken, effect float64) []Cause {
	t.Helper()
	causes, why := CPU(Profiled{CPU: sampledProfile(t, base)}, Profiled{CPU: sampledProfile(t, head)}, change(effect), ownModule)
	if (len(causes) == 0) == (why == "") {
		t.Fatalf("%d causes, and why there is none is %q", len(causes), why)
	}
	return causes
}

// only is the one cause that there is.
func only(t *testing.T, causes []Cause, function string) Cause {
	t.Helper()
	if len(causes) != 1 || causes[0].Function != function {
		t.Fatalf("causes are %+v, want only %s", causes, function)
	}
	return causes[0]
}

func pointsAre(t *testing.T, got analyze.Interval, want float64) {
	t.Helper()
	if !(got.Low <= want && want <= got.High && got.Low <= got.Value && got.Value <= got.High && got.High-got.Low < 0.3) {
		t.Errorf("points %+v, want %v in a narrow interval", got, want)
	}
}

func TestScan(t *testing.T) {
	const cancel = " < example.com/svc/queue.(*Delayed).Cancel" + bench
	base := taken{"runtime.mapaccess2" + cancel: 150, "example.com/svc/queue.(*Delayed).Add" + bench: 250}
	head := taken{
		// +40 %, and as much time was profiled: what did not change has 400/560 of its samples.
		"example.com/svc/queue.(*Delayed).Add" + bench: 179,
		"runtime.mapaccess2" + cancel:                  107,
		"example.com/svc/queue.(*Delayed).Cancel.func1 < slices.IndexFunc[go.shape.[]*example.com/svc/queue.Job,go.shape.*uint8]" + cancel: 70,
		"slices.IndexFunc[go.shape.[]*example.com/svc/queue.Job,go.shape.*uint8]" + cancel:                                                 44,
	}
	c := only(t, attribute(t, base, head, 0.4), "example.com/svc/queue.(*Delayed).Cancel")
	pointsAre(t, c.Points, 0.4)
	if !slices.Equal(c.Callees, []string{"slices.IndexFunc"}) || c.Operation != "linear search" {
		t.Errorf("callees %q, operation %q", c.Callees, c.Operation)
	}
	if c.File != "queue/code.go" || c.Line != 42 {
		t.Errorf("it is at %s:%d", c.File, c.Line)
	}
	if c.Rule != analyze.LinearQueueScan.Name || !strings.HasPrefix(c.Why, "suspected: ") {
		t.Errorf("rule %q: %q", c.Rule, c.Why)
	}
}

// A signature that is thrown away is the same code as one that is used: that base
// does with fewer is what tells them apart.
func TestSigning(t *testing.T) {
	const offer = " < example.com/svc/dispatch.(*Dispatcher).offer < example.com/svc/dispatch.(*Dispatcher).run < example.com/svc/dispatch.BenchmarkDispatch < testing.(*B).runN < runtime.goexit"
	const sign = "math/big.addMulVVW < crypto/rsa.SignPKCS1v15 < github.com/golang-jwt/jwt/v5.(*Token).SignedString < example.com/svc/dispatch.(*Signer).Token"
	base := taken{sign + offer: 200, "encoding/json.Marshal" + offer: 200}
	head := taken{sign + offer: 600, "encoding/json.Marshal" + offer: 200}
	c := only(t, attribute(t, base, head, 1), "example.com/svc/dispatch.(*Signer).Token")
	pointsAre(t, c.Points, 1)
	if c.Rule != analyze.RefusedWork.Name || !strings.HasPrefix(c.Why, "suspected: it signs far more") || c.Operation != "sign" {
		t.Errorf("rule %q, operation %q: %q", c.Rule, c.Operation, c.Why)
	}
	if !slices.Contains(c.Callees, "crypto/rsa.SignPKCS1v15") {
		t.Errorf("callees %q", c.Callees)
	}
	// The same signatures, 40 % more of them: that is nobody's discarded work.
	head[sign+offer] = 280
	c = only(t, attribute(t, base, head, 0.2), "example.com/svc/dispatch.(*Signer).Token")
	if c.Rule != "" {
		t.Errorf("rule %q: %q", c.Rule, c.Why)
	}
}

// What runs by the clock takes more for an operation that takes longer.
func TestInnocentByTheClock(t *testing.T) {
	const ticker = "example.com/svc/health.(*Checker).check < example.com/svc/health.(*Checker).run < runtime.goexit"
	base := taken{"example.com/svc/queue.(*Delayed).Add" + bench: 700, "example.com/svc/queue.encode" + bench: 300, ticker: 300}
	head := taken{"example.com/svc/queue.(*Delayed).Add" + bench: 700, "example.com/svc/queue.encode" + bench: 1300, ticker: 600}
	only(t, attribute(t, base, head, 1), "example.com/svc/queue.encode")
	// A worker that does what the benchmark asks for is beside it too.
	head = taken{"example.com/svc/queue.(*Delayed).Add" + bench: 700, "example.com/svc/queue.encode" + bench: 300, ticker: 1600}
	only(t, attribute(t, base, head, 1), "example.com/svc/health.(*Checker).check")
}

func TestAllocation(t *testing.T) {
	const parse = "runtime.mallocgc < runtime.growslice < example.com/svc/queue.parse" + bench
	base := taken{"example.com/svc/queue.parse" + bench: 300, "runtime.mallocgc < runtime.newobject < example.com/svc/queue.(*Delayed).Add" + bench: 50, "example.com/svc/queue.(*Delayed).Add" + bench: 250, collector: 50}
	head := taken{"example.com/svc/queue.parse" + bench: 300, parse: 100, "runtime.mallocgc < runtime.newobject < example.com/svc/queue.(*Delayed).Add" + bench: 50, "example.com/svc/queue.(*Delayed).Add" + bench: 250, collector: 150}
	c := only(t, attribute(t, base, head, 850.0/650-1), "example.com/svc/queue.parse")
	pointsAre(t, c.Points, 200.0/650) // 100 samples of allocation, and the 100 that the collector got more
	if c.Operation != "allocation" || !slices.Equal(c.Callees, []string{"runtime.growslice", "runtime.mallocgc"}) {
		t.Errorf("operation %q, callees %q", c.Operation, c.Callees)
	}
}

// A wrapper, another number of a closure, a method value, an instance of another
// type and a frame that is inlined or not change no cost.
func TestSpelling(t *testing.T) {
	base := taken{
		"example.com/svc/queue.(*Delayed).Add.func1 < example.com/svc/queue.(*Delayed).Add" + bench: 200,
		"example.com/svc/queue.Heap[go.shape.int].down" + bench:                                     100,
		"example.com/svc/queue.encode" + bench:                                                      100,
	}
	head := taken{
		"example.com/svc/queue.(*Delayed).Add.func2.1 < example.com/svc/queue.(*Delayed).Add-fm < example.com/svc/queue.traced" + bench: 200,
		"example.com/svc/queue.Heap[go.shape.*uint8].down < example.com/svc/queue.(*Delayed).fix" + bench:                               100,
		"example.com/svc/queue.encode" + bench: 200,
	}
	only(t, attribute(t, base, head, 0.25), "example.com/svc/queue.encode")
}

func TestRenamed(t *testing.T) {
	base := taken{"example.com/svc/queue.lookup" + bench: 300, "example.com/svc/queue.encode" + bench: 300}
	head := taken{"example.com/svc/queue.find" + bench: 420, "example.com/svc/queue.encode" + bench: 300}
	c := only(t, attribute(t, base, head, 0.2), "example.com/svc/queue.find")
	pointsAre(t, c.Points, 0.2)
	if c.Why != "new in head, in place of queue.lookup" {
		t.Errorf("why: %q", c.Why)
	}
	head["example.com/svc/queue.lookup"+bench] = 300
	if c = only(t, attribute(t, base, head, 0.7), "example.com/svc/queue.find"); c.Why != "new in head: base has no sample of it" {
		t.Errorf("why: %q", c.Why)
	}
}

// What is called twice as often makes all beneath it grow, and none of that is to
// blame.
func TestCalledMoreOften(t *testing.T) {
	const step = " < example.com/svc/queue.step" + bench
	base := taken{"example.com/svc/queue.encode" + step: 200, "example.com/svc/queue.store" + step: 150, "example.com/svc/queue.load" + bench: 250}
	head := taken{"example.com/svc/queue.encode" + step: 400, "example.com/svc/queue.store" + step: 300, "example.com/svc/queue.load" + bench: 250}
	c := only(t, attribute(t, base, head, 950.0/600-1), "example.com/svc/queue.step")
	pointsAre(t, c.Points, 350.0/600)
	if !strings.Contains(c.Why, "2.00 times") {
		t.Errorf("why: %q", c.Why)
	}
}

func TestTwoCauses(t *testing.T) {
	const step = " < example.com/svc/queue.step" + bench
	base := taken{"example.com/svc/queue.encode" + step: 100, "example.com/svc/queue.store" + step: 300, "example.com/svc/queue.load" + bench: 600}
	head := taken{"example.com/svc/queue.encode" + step: 400, "example.com/svc/queue.store" + step: 500, "example.com/svc/queue.load" + bench: 600}
	causes := attribute(t, base, head, 0.5)
	if len(causes) != 2 || causes[0].Function != "example.com/svc/queue.encode" || causes[1].Function != "example.com/svc/queue.store" {
		t.Fatalf("causes are %+v", causes)
	}
	pointsAre(t, causes[0].Points, 0.3)
	pointsAre(t, causes[1].Points, 0.2)
}

// One function on two ways is one cause; a recursive one counts once.
func TestTwoWays(t *testing.T) {
	const hash = "hash/crc32.update < example.com/svc/queue.hash < example.com/svc/queue.walk < example.com/svc/queue.hash"
	base := taken{hash + " < example.com/svc/queue.load" + bench: 100, hash + " < example.com/svc/queue.store" + bench: 120, "example.com/svc/queue.load" + bench: 400, "example.com/svc/queue.store" + bench: 300}
	head := taken{hash + " < example.com/svc/queue.load" + bench: 250, hash + " < example.com/svc/queue.store" + bench: 270, "example.com/svc/queue.load" + bench: 400, "example.com/svc/queue.store" + bench: 300}
	c := only(t, attribute(t, base, head, 300.0/920), "example.com/svc/queue.hash")
	pointsAre(t, c.Points, 300.0/920)
}

func TestNobody(t *testing.T) {
	thin := taken{"example.com/svc/queue.encode" + bench: 40, "example.com/svc/queue.store" + bench: 40}
	fair := taken{"example.com/svc/queue.encode" + bench: 60, "example.com/svc/queue.store" + bench: 60}
	more := taken{"example.com/svc/queue.encode" + bench: 66, "example.com/svc/queue.store" + bench: 61}
	for name, c := range map[string]struct {
		base, head []byte
		effect     float64
		why        string
	}{
		"no profile":       {nil, sampledProfile(t, fair), 0.1, "base: there is no CPU profile"},
		"few samples":      {sampledProfile(t, fair), sampledProfile(t, thin), 0.1, "120 and 80 samples, and to name a function takes at least 100"},
		"not enough":       {sampledProfile(t, fair), sampledProfile(t, more), 0.06, "120 and 127 samples, too few to say surely"},
		"not a profile":    {sampledProfile(t, fair), []byte("<html>"), 0.1, "head: "},
		"nothing grew":     {sampledProfile(t, fair), sampledProfile(t, more), -0.1, "nothing grew"},
		"nothing is known": {sampledProfile(t, fair), sampledProfile(t, more), 0, "nothing grew"},
	} {
		causes, why := CPU(Profiled{CPU: c.base}, Profiled{CPU: c.head}, change(c.effect), ownModule)
		if len(causes) > 0 || !strings.Contains(why, c.why) {
			t.Errorf("%s: causes %+v, why %q", name, causes, why)
		}
	}
}

// What the executions do beside their operations is taken out of the points: half
// of either profile is preparation here.
func TestBeside(t *testing.T) {
	const prepare = "example.com/svc/queue.fill" + bench
	base := Profiled{CPU: sampledProfile(t, taken{prepare: 1000, "example.com/svc/queue.encode" + bench: 1000}), Operations: 1000, CPUPerOp: 0.01, Beside: 10}
	head := Profiled{CPU: sampledProfile(t, taken{prepare: 1000, "example.com/svc/queue.encode" + bench: 1500}), Operations: 1000, CPUPerOp: 0.015, Beside: 10}
	causes, _ := CPU(base, head, change(0.5), ownModule)
	pointsAre(t, only(t, causes, "example.com/svc/queue.encode").Points, 0.5)
}

func TestIsDeterministic(t *testing.T) {
	const step = " < example.com/svc/queue.step" + bench
	base := sampledProfile(t, taken{"a.x < example.com/svc/queue.encode" + step: 100, "b.x < example.com/svc/queue.encode" + step: 100, "example.com/svc/queue.load" + bench: 600, "example.com/svc/queue.gone" + bench: 30})
	head := sampledProfile(t, taken{"a.x < example.com/svc/queue.encode" + step: 300, "b.x < example.com/svc/queue.encode" + step: 300, "example.com/svc/queue.load" + bench: 800, "example.com/svc/queue.come" + bench: 30})
	first, _ := CPU(Profiled{CPU: base}, Profiled{CPU: head}, change(0.7), ownModule)
	for range 20 {
		if again, _ := CPU(Profiled{CPU: base}, Profiled{CPU: head}, change(0.7), ownModule); !reflect.DeepEqual(first, again) {
			t.Fatalf("once %+v, once %+v", first, again)
		}
	}
}

// The module can be guessed, and names cannot drive a terminal.
func TestHostileNames(t *testing.T) {
	const evil = "github.com/o/svc/q.\x1b[31mF\u202e"
	const top = " < github.com/o/svc/q.BenchmarkF < testing.(*B).runN < runtime.goexit"
	base := sampledProfile(t, taken{"github.com/o/svc/q.G" + top: 300, evil + top: 100})
	head := sampledProfile(t, taken{"github.com/o/svc/q.G" + top: 300, evil + top: 300})
	causes, why := CPU(Profiled{CPU: base}, Profiled{CPU: head}, change(0.5), "")
	if len(causes) != 1 || !strings.HasPrefix(causes[0].Function, "github.com/o/svc/q.") || strings.ContainsAny(causes[0].Function, "\x1b\u202e") {
		t.Fatalf("causes %+v, why %q", causes, why)
	}
}

// Of profiles as a gate takes them, 400 samples by chance, the culprit is found and
// hardly ever anybody else.
func TestBySimulation(t *testing.T) {
	const runs = 100
	cost := map[string]float64{"example.com/svc/queue.culprit" + bench: 0.1}
	for i := range 20 {
		cost["example.com/svc/queue.innocent"+string(rune('A'+i))+bench] = 0.9 / 20
	}
	r := rand.New(rand.NewPCG(1, 2))
	found, innocent := 0, 0
	for range runs {
		base := sampledProfile(t, draw(r, cost, 400))
		grown := map[string]float64{}
		for k, v := range cost {
			grown[k] = v
		}
		grown["example.com/svc/queue.culprit"+bench] += 0.15
		head := sampledProfile(t, draw(r, grown, 400))
		causes, _ := CPU(Profiled{CPU: base}, Profiled{CPU: head}, change(0.15), ownModule)
		for _, c := range causes {
			if c.Function == "example.com/svc/queue.culprit" {
				found++
			} else {
				innocent++
			}
		}
	}
	if found < runs*9/10 || innocent > runs/50 {
		t.Errorf("of %d regressions of +15 %%, the culprit was named for %d, an innocent function for %d", runs, found, innocent)
	}
}

// draw takes samples by chance, each stack in proportion to its cost.
func draw(r *rand.Rand, cost map[string]float64, n int) taken {
	var keys []string
	total := 0.0
	for k, v := range cost {
		keys = append(keys, k)
		total += v
	}
	slices.Sort(keys)
	samples := taken{}
	for range n {
		x := r.Float64() * total
		for _, k := range keys {
			if x -= cost[k]; x < 0 {
				samples[k]++
				break
			}
		}
	}
	return samples
}

func TestSamples(t *testing.T) {
	for effect, want := range map[float64]int{0: 3200, 0.03: 3200, 0.05: 3200, -0.05: 3200, 0.1: 800, 0.2: 400, 8: 400, math.Inf(1): 400} {
		if got := Samples(effect); got != want {
			t.Errorf("of %v: %d, want %d", effect, got, want)
		}
	}
}
