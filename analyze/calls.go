package analyze

import (
	"busywork/profile"
	"busywork/profile/stacks"
)

// Calls is a CPU profile as a tree of calls, as an icicle graph draws it: calls of
// one function on one way from the root are one Call, whatever their lines.
// Nobody may change it; several goroutines may use it at once.
type Calls struct {
	// Nodes has the root first, "all", and then the tree depth first: a parent
	// stands before its children, and the heaviest child first.
	Nodes []Call
	// Functions are those of the calls, with names and files that are safe to
	// show. SystemName, the name as a linker has it, is left out.
	Functions []stacks.Function
	Seconds   float64 // CPU seconds seen
	Cores     float64 // of the target: by the kernel's account where it can be had, else by the profile
	Samples   float64 // samples taken, not distinct stacks

	leaves  []leaf
	accused accusations
}

// A Call is a function on the stack, told apart by the way to it from the root.
type Call struct {
	Function int32 // index into Functions, −1 for the root
	// Parent is the caller, First the heaviest callee, Next the caller's next
	// lighter callee: indexes into Nodes, 0 for none.
	Parent, First, Next int32
	Depth               int32     // 0 for the root
	Op                  Operation // of the function itself; of one that has none, what most of its CPU was for
	// Folded says that stacks went on from here, deeper than is kept, and that the
	// CPU of what they went on to is in Self.
	Folded  bool
	Seconds float64 // CPU with the call on the stack
	Self    float64 // CPU in the call itself
	Line    int64   // the line that it was at for most of that, 0 if unknown
}

// A leaf is samples that end in one call and are of one Group.
type leaf struct {
	node, group int32
	seconds     float64
}

// newCalls makes the tree of a profile. It walks the samples as newCPU does, so
// that each is of the same Group as there. Cores and accused are for the caller
// to set.
func newCalls(p *stacks.Profile, module string, calibrations []profile.Calibration) (*Calls, error) {
	values, err := pickValues(p)
	if err != nil {
		return nil, err
	}
	cpu := &CPU{
		Functions: p.Functions, Flat: make([]float64, len(p.Functions)), Cum: make([]float64, len(p.Functions)),
		Groups: make([]Group, 0, firstGroups),
	}
	classes := classify(p, ownershipOf(p, module), calibrations)
	w, s := newWalker(cpu, p, classes), newCallStacks(p)
	c := &Calls{}
	err = p.Each(func(locs []uint32, list []int64) {
		seconds, samples := values.of(list)
		if seconds <= 0 {
			return
		}
		c.Seconds += seconds
		c.Samples += samples
		w.walk(locs, seconds)
		s.add(locs, int32(w.add(seconds, samples)), seconds)
	})
	if err != nil {
		return nil, err
	}
	newCallTree(c, s, classes, cpu.Groups).grow()
	nameCalls(c, s)
	return c, nil
}

// InCores is what CPU seconds of the profile come to in cores of the target.
func (c *Calls) InCores(seconds float64) float64 {
	if c.Seconds <= 0 {
		return 0
	}
	return seconds / c.Seconds * c.Cores
}

// Accused is, by node, the CPU seconds below it that a finding of the examination
// calls waste; for nil, that any finding which is more than suspected does. f is
// known by its rule and its subject, so it may be a copy, or the same finding of
// another window. Of stacks that are waste in part, as where half of the attempts
// are refused, that part counts.
func (c *Calls) Accused(f *Finding) []float64 {
	sum := make([]float64, len(c.Nodes))
	weights := c.accused.weights(f)
	if weights == nil {
		return sum
	}
	for _, l := range c.leaves {
		sum[l.node] += l.seconds * weights[l.group]
	}
	for i := len(sum) - 1; i > 0; i-- {
		sum[c.Nodes[i].Parent] += sum[i]
	}
	return sum
}

// Before is, by node, how many cores the same call came to in another tree, 0
// where it was not there. A call is the same if all names on the way to it are;
// of several of one name, as scripts have them, those of one file go together,
// and then the heaviest.
func (c *Calls) Before(old *Calls) []float64 {
	cores := make([]float64, len(c.Nodes))
	m := newMatcher(c, old)
	for i := range c.Nodes { // parents come first
		if was := m.was[i]; was >= 0 {
			cores[i] = old.InCores(old.Nodes[was].Seconds)
			m.children(int32(i), was)
		}
	}
	return cores
}
