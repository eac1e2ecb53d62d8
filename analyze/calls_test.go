package analyze

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"

	"busywork/profile"
	"busywork/profile/stacks"
)

// alike says whether two sums are of the same figures, whatever the order they were
// added up in.
func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func callsOf(t testing.TB, c *profile.Capture) *Calls {
	t.Helper()
	calls, err := Examine(c, Options{}).Calls()
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// eachProfile runs a test on every recorded capture that has a profile.
func eachProfile(t *testing.T, do func(*testing.T, *profile.Capture)) {
	t.Helper()
	n := 0
	for _, name := range captureNames(t) {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if f := NewFacts(c); f.CPU == nil {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) { do(t, c) })
	}
	if n == 0 {
		t.Fatal("no recorded capture has a profile")
	}
}

// checkTree holds a tree against what any tree must be.
func checkTree(t *testing.T, c *Calls) {
	t.Helper()
	self := 0.0
	children := make([]float64, len(c.Nodes))
	linked := 1
	for i := range c.Nodes {
		n := &c.Nodes[i]
		self += n.Self
		if i > 0 && (n.Parent >= int32(i) || n.Depth != c.Nodes[n.Parent].Depth+1 || n.Function < 0 || int(n.Function) >= len(c.Functions)) {
			t.Fatalf("node %d: %+v", i, *n)
		}
		for k, last := n.First, math.Inf(1); k != 0; k = c.Nodes[k].Next {
			child := &c.Nodes[k]
			if child.Parent != int32(i) || child.Seconds > last {
				t.Fatalf("child %d of node %d: %+v after one of %g s", k, i, *child, last)
			}
			last = child.Seconds
			children[i] += child.Seconds
			linked++
		}
	}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; !alike(children[i]+n.Self, n.Seconds) {
			t.Fatalf("node %d has %g s, its children %g and itself %g", i, n.Seconds, children[i], n.Self)
		}
	}
	if !alike(self, c.Seconds) || !alike(c.Nodes[0].Seconds, c.Seconds) || linked != len(c.Nodes) {
		t.Fatalf("%g s in nodes, %g in the root, %g in all; %d of %d nodes linked", self, c.Nodes[0].Seconds, c.Seconds, linked, len(c.Nodes))
	}
}

// The figures of the tree are those of the profile as the rules have them: by
// function, by group and in all.
func TestCallsAddUp(t *testing.T) {
	eachProfile(t, func(t *testing.T, c *profile.Capture) {
		f := NewFacts(c)
		calls := callsOf(t, c)
		checkTree(t, calls)
		if calls.Samples != f.CPU.Samples || calls.Cores != cmp.Or(f.TargetCores, f.CPU.Cores) || !alike(calls.InCores(calls.Seconds), calls.Cores) {
			t.Errorf("%g samples, %g cores; the rules have %g and %g", calls.Samples, calls.Cores, f.CPU.Samples, f.TargetCores)
		}
		flat, cum := map[string]float64{}, map[string]float64{}
		for i := range calls.Nodes[1:] {
			n := &calls.Nodes[i+1]
			name := calls.Functions[n.Function].Name
			flat[name] += n.Self
			if !within(calls, n.Parent, name) {
				cum[name] += n.Seconds
			}
		}
		for i := range f.CPU.Functions {
			if name := profile.Clean(f.CPU.Functions[i].Name); !alike(flat[name], f.CPU.Flat[i]) || !alike(cum[name], f.CPU.Cum[i]) {
				t.Errorf("%s: %g s and %g with what it calls; the rules have %g and %g", name, flat[name], cum[name], f.CPU.Flat[i], f.CPU.Cum[i])
			}
		}
	})
}

// What findings accuse is kept by the number of a group, so a second walk over
// the same bytes must number them alike.
func TestGroupsAreNumberedAlike(t *testing.T) {
	eachProfile(t, func(t *testing.T, c *profile.Capture) {
		f := NewFacts(c)
		calls := callsOf(t, c)
		seconds := make([]float64, len(f.CPU.Groups))
		for _, l := range calls.leaves {
			seconds[l.group] += l.seconds
			if n := &calls.Nodes[l.node]; n.Op == OpNone {
				t.Fatalf("%s is for nothing", calls.Functions[n.Function].Name)
			}
		}
		for i := range seconds {
			if !alike(seconds[i], f.CPU.Groups[i].Seconds) {
				t.Fatalf("group %d has %g s, in the tree %g", i, f.CPU.Groups[i].Seconds, seconds[i])
			}
		}
	})
}

// wayCost is a call as the oracle knows it: the names from the root.
type wayCost struct {
	seconds, self float64
	lines         map[int64]float64
}

// oracle makes the tree from google/pprof's reading of the profile, with a map of
// names joined for every node.
func oracle(t *testing.T, data []byte) map[string]*wayCost {
	t.Helper()
	p, err := pprof.ParseData(data)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]*wayCost{}
	for _, s := range p.Sample {
		seconds := float64(s.Value[len(s.Value)-1]) / 1e9
		if seconds <= 0 {
			continue
		}
		way, at := "", (*wayCost)(nil)
		for _, l := range slices.Backward(s.Location) {
			for _, line := range slices.Backward(l.Line) {
				way += "\n" + profile.Clean(line.Function.Name) + "\t" + profile.Clean(line.Function.Filename)
				if at = paths[way]; at == nil {
					at = &wayCost{lines: map[int64]float64{}}
					paths[way] = at
				}
				at.seconds += seconds
				at.lines[line.Line] += seconds
			}
		}
		at.self += seconds
	}
	return paths
}

func TestCallsAgainstOracle(t *testing.T) {
	eachProfile(t, func(t *testing.T, c *profile.Capture) {
		e := Examine(c, Options{})
		againstOracle(t, callsOf(t, c), oracle(t, e.Profile()))
	})
	t.Run("random", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			data := randomProfile(t, r)
			calls := callsOf(t, &profile.Capture{Profiles: []profile.CPUProfile{{Source: "random", Data: data}}})
			checkTree(t, calls)
			againstOracle(t, calls, oracle(t, data))
		}
	})
}

func againstOracle(t *testing.T, calls *Calls, want map[string]*wayCost) {
	t.Helper()
	ways := make([]string, len(calls.Nodes))
	if len(calls.Nodes)-1 != len(want) {
		t.Fatalf("%d calls, want %d", len(calls.Nodes)-1, len(want))
	}
	for i := range calls.Nodes[1:] {
		n := &calls.Nodes[i+1]
		f := &calls.Functions[n.Function]
		way := ways[n.Parent] + "\n" + f.Name + "\t" + f.File
		ways[i+1] = way
		w := want[way]
		if w == nil || !alike(w.seconds, n.Seconds) || !alike(w.self, n.Self) {
			t.Fatalf("%s has %g s, itself %g; want %+v", way, n.Seconds, n.Self, w)
		}
		if heaviest := slices.Max(slices.Collect(maps.Values(w.lines))); !alike(w.lines[n.Line], heaviest) {
			t.Fatalf("%s is said to be at line %d, which has %g s of %v", way, n.Line, w.lines[n.Line], w.lines)
		}
	}
}

// randomProfile has recursion, inlined calls and stacks that are parts of others.
func randomProfile(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	p := &pprof.Profile{SampleType: []*pprof.ValueType{{Type: "cpu", Unit: "nanoseconds"}}, DurationNanos: 1e10}
	for i := range 8 {
		p.Function = append(p.Function, &pprof.Function{ID: uint64(i + 1), Name: fmt.Sprintf("main.f%d", i/2), Filename: fmt.Sprintf("%d.go", i)})
	}
	for i := range 40 {
		l := &pprof.Location{ID: uint64(i + 1)}
		for range 1 + r.IntN(3) {
			l.Line = append(l.Line, pprof.Line{Function: p.Function[r.IntN(8)], Line: int64(1 + r.IntN(3))})
		}
		p.Location = append(p.Location, l)
	}
	for range 500 {
		s := &pprof.Sample{Value: []int64{int64(1+r.IntN(5)) * 1e7}}
		for range 1 + r.IntN(6) {
			s.Location = append(s.Location, p.Location[r.IntN(40)])
		}
		p.Sample = append(p.Sample, s)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Half of what the dispatcher prepares is refused: half of every frame below the
// attempt is waste, nothing beside it, and in all as much as the finding says.
func TestAccused(t *testing.T) {
	c, err := profile.Load(filepath.Join(captureDir, "dispatch-waste"))
	if err != nil {
		t.Fatal(err)
	}
	e := Examine(c, Options{})
	calls := callsOf(t, c)
	f := findingOf(e.Report.Findings, &RefusedWork)
	if f == nil {
		t.Fatal("no refused work")
	}
	accused := calls.Accused(f)
	if cores := calls.InCores(accused[0]); cores < f.Waste.Low || cores > f.Waste.High {
		t.Errorf("%.3f cores are accused, the finding has %.3f to %.3f", cores, f.Waste.Low, f.Waste.High)
	}
	part := accused[0] / under(calls, f.Location.Function)
	if part < 0.45 || part > 0.6 { // 309 of 585 attempts are refused
		t.Errorf("%.2f of the attempts' CPU is accused", part)
	}
	for i := range calls.Nodes {
		n := &calls.Nodes[i]
		switch in := within(calls, int32(i), f.Location.Function); {
		case in && !alike(accused[i], part*n.Seconds):
			t.Errorf("%g of %g s of %s are accused", accused[i], n.Seconds, calls.Functions[n.Function].Name)
		case !in && n.First == 0 && accused[i] != 0:
			t.Errorf("%s is no part of an attempt", calls.Functions[n.Function].Name)
		}
	}
	twin := Finding{Rule: f.Rule, Subject: f.Subject}
	if !slices.Equal(calls.Accused(&twin), accused) {
		t.Error("a copy of the finding accuses something else")
	}
	if !slices.Equal(calls.Accused(nil), accused) {
		t.Error("there is one head, and its kin are part of it: all waste should be its")
	}
	if slices.Max(calls.Accused(&Finding{Rule: "none"})) != 0 {
		t.Error("a finding that there is not accuses something")
	}
}

// within says whether a function is on the way to a node, that included.
func within(c *Calls, node int32, name string) bool {
	for ; node != 0; node = c.Nodes[node].Parent {
		if c.Functions[c.Nodes[node].Function].Name == name {
			return true
		}
	}
	return false
}

// under is the CPU seconds of the topmost calls of a function.
func under(c *Calls, name string) float64 {
	sum := 0.0
	for i := range c.Nodes {
		if n := &c.Nodes[i]; within(c, int32(i), name) && !within(c, n.Parent, name) {
			sum += n.Seconds
		}
	}
	return sum
}

// No call has more waste than CPU.
func TestAccusedIsPartOfTheWhole(t *testing.T) {
	eachProfile(t, func(t *testing.T, c *profile.Capture) {
		calls := callsOf(t, c)
		r := Analyze(c, Options{})
		list := []*Finding{nil}
		for i := range r.Findings {
			list = append(list, &r.Findings[i])
			for k := range r.Findings[i].Kin {
				list = append(list, &r.Findings[i].Kin[k])
			}
		}
		for _, f := range list {
			for i, s := range calls.Accused(f) {
				if s < 0 || s > calls.Nodes[i].Seconds*(1+1e-9) {
					t.Fatalf("%g of %g s are accused", s, calls.Nodes[i].Seconds)
				}
			}
		}
	})
}

func TestBefore(t *testing.T) {
	eachProfile(t, func(t *testing.T, c *profile.Capture) {
		calls := callsOf(t, c)
		for i, cores := range calls.Before(callsOf(t, c)) {
			if !alike(cores, calls.InCores(calls.Nodes[i].Seconds)) {
				t.Fatalf("node %d had %g cores, has %g", i, cores, calls.InCores(calls.Nodes[i].Seconds))
			}
		}
	})
}

// A call that was not there before had nothing, whatever its name; one that was has
// what it had, whatever its place among the others.
func TestBeforeOfAnother(t *testing.T) {
	old := callsOf(t, newCapture(t, 0.5, 1, stack{"main.a < main.run", 3}, stack{"main.b < main.run", 1}, stack{"main.a < main.late", 4}))
	now := callsOf(t, newCapture(t, 0.5, 0.5, stack{"main.b < main.run", 4}, stack{"main.a < main.run", 1}, stack{"main.a < main.b < main.run", 2}))
	got := map[string]float64{}
	for i, cores := range now.Before(old) {
		got[way(now, int32(i))] = math.Round(1000 * cores)
	}
	want := map[string]float64{"": 1000, "/main.run": 500, "/main.run/main.a": 375, "/main.run/main.b": 125, "/main.run/main.b/main.a": 0}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func way(c *Calls, node int32) string {
	if node == 0 {
		return ""
	}
	return way(c, c.Nodes[node].Parent) + "/" + c.Functions[c.Nodes[node].Function].Name
}

// Scripts have one name in many files. Their calls are told apart by those, and
// still go together where a file has been renamed.
func TestBeforeWithOneNameInManyFiles(t *testing.T) {
	tree := func(calls ...Call) *Calls {
		c := &Calls{Seconds: 10, Cores: 10, Nodes: []Call{{Function: -1, First: 1}}, Functions: []stacks.Function{
			{Name: "run", File: "a.py"}, {Name: "run", File: "b.py"}, {Name: "run", File: "c.py"}}}
		for i, n := range calls {
			if i+1 < len(calls) {
				n.Next = int32(i + 2)
			}
			c.Nodes = append(c.Nodes, n)
		}
		return c
	}
	old := tree(Call{Function: 0, Seconds: 6}, Call{Function: 1, Seconds: 3}, Call{Function: 1, Seconds: 1})
	now := tree(Call{Function: 1, Seconds: 5}, Call{Function: 2, Seconds: 3}, Call{Function: 0, Seconds: 2})
	// b.py was 3, a.py 6; c.py gets what is left, the second b.py.
	if got := now.Before(old)[1:]; !slices.Equal(got, []float64{3, 1, 6}) {
		t.Errorf("got %v", got)
	}
}

func TestNoProfile(t *testing.T) {
	_, err := Examine(newCapture(t, 0.5, 1), Options{}).Calls()
	if u, ok := errors.AsType[*profile.Unavailable](err); !ok || u.Hint == "" {
		t.Errorf("got %v", err)
	}
	broken := newCapture(t, 0.5, 1)
	broken.Profiles = []profile.CPUProfile{{Source: "x", Data: []byte("<html>")}}
	if _, err := Examine(broken, Options{}).Calls(); err == nil || !strings.Contains(err.Error(), "x: ") {
		t.Errorf("got %v", err)
	}
}
