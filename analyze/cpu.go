package analyze

import (
	"fmt"
	"math/bits"

	"busywork/profile"
	"busywork/profile/stacks"
)

// SampleFloor is the number of samples below which a profile says nothing: at
// 100 samples the 95 % interval of a share of one half is ± 10 points, wider
// than any decision taken on it. (At the usual 100 Hz that is one second of
// CPU.)
const SampleFloor = 100

// maxChain bounds how much of a stack's own frames is kept, nearest first.
// Recursion is folded, so real chains are far shorter.
const maxChain = 64

// CPU is one CPU profile, aggregated in one pass over its samples.
type CPU struct {
	Functions []stacks.Function
	Samples   float64 // samples taken, not distinct stacks
	Seconds   float64 // CPU seconds seen
	Span      float64 // seconds the profile covers, 0 if it does not say
	Cores     float64 // Seconds by Span

	// Flat and Cum are CPU seconds by function. A function counts once a stack,
	// however often it recurs there.
	Flat, Cum []float64

	Groups    []Group
	Exclusive [operations]float64 // CPU seconds by operation, adding up to Seconds
	Inclusive [operations]float64 // CPU seconds with the operation anywhere on the stack

	weight float64 // CPU seconds of one sample
}

// A Group is all samples that have the same chain of own functions, the same
// operation and the same set of operations on the stack.
type Group struct {
	Chain   []uint32 // own functions, nearest to the leaf first
	Op      Operation
	Ops     operationSet
	Marks   Mark    // of functions anywhere on the stack
	Units   uint32  // bit i: a function of Calibrations[i] is on the stack
	Markers uint32  // bit i: a marker of Calibrations[i] is on the stack
	Seconds float64 // CPU
	Samples float64
	Line    int64 // the line in Chain[0] at which the heaviest stack left own code
	heavy   float64
}

// class is what is known of a function, found out once.
type class struct {
	op      Operation
	own     bool
	plain   bool // none of all this: most functions
	marks   Mark
	units   uint32
	markers uint32
}

// InsufficientError says that a profile has too few samples to speak of.
type InsufficientError struct{ Samples float64 }

func (e *InsufficientError) Error() string {
	return fmt.Sprintf("insufficient: %.0f CPU samples, at least %d are needed", e.Samples, SampleFloor)
}

// newCPU aggregates a profile. module is the path of the service's main module,
// "" if unknown.
func newCPU(p *stacks.Profile, module string, calibrations []profile.Calibration, span float64) (*CPU, error) {
	values, err := pickValues(p)
	if err != nil {
		return nil, err
	}
	if span == 0 {
		span = float64(p.DurationNanos) / 1e9
	}
	c := &CPU{
		Functions: p.Functions,
		Span:      max(0, span),
		Flat:      make([]float64, len(p.Functions)),
		Cum:       make([]float64, len(p.Functions)),
	}
	if err := c.aggregate(p, values, classify(p, ownershipOf(p, module), calibrations)); err != nil {
		return nil, err
	}
	c.finish()
	return c, nil
}

// valuePick says which of a sample's values count.
type valuePick struct {
	samples int     // index of the number of samples, -1 if there is none
	cpu     int     // index of the CPU time, -1 if there is none
	scale   float64 // seconds in one unit of that time, or of one sample
	period  float64 // seconds between samples, 0 if unknown
}

// pickValues finds CPU time among a profile's values, and refuses a profile of
// something else.
func pickValues(p *stacks.Profile) (valuePick, error) {
	pick := valuePick{samples: -1, cpu: -1}
	for i, t := range p.SampleTypes {
		switch {
		case t.Type == "cpu" || t.Type == "on-cpu" || t.Type == "process_cpu":
			pick.cpu, pick.scale = i, secondsIn(t.Unit)
		case (t.Type == "samples" || t.Type == "sample") && pick.samples < 0:
			pick.samples = i
		}
	}
	if p.Period > 0 {
		pick.period = float64(p.Period) * secondsIn(p.PeriodType.Unit)
	}
	switch {
	case pick.cpu >= 0 && pick.scale > 0:
	case pick.cpu >= 0: // CPU counted in samples
		pick.samples, pick.scale = pick.cpu, pick.period
	case pick.samples >= 0 && p.PeriodType.Type == "cpu":
		pick.cpu, pick.scale = pick.samples, pick.period
	default:
		kind := "of no known type"
		if len(p.SampleTypes) > 0 {
			t := p.SampleTypes[len(p.SampleTypes)-1]
			kind = fmt.Sprintf("of %s (%s)", t.Type, t.Unit)
		}
		return pick, fmt.Errorf("it is a profile %s, not of CPU", kind)
	}
	if pick.scale <= 0 {
		pick.scale = 0.01 // 100 Hz, what every runtime samples at unless told otherwise
	}
	return pick, nil
}

// secondsIn is how many seconds a unit of time has, 0 if it is none.
func secondsIn(unit string) float64 {
	switch unit {
	case "nanoseconds", "nanosecond", "ns":
		return 1e-9
	case "microseconds", "microsecond", "us":
		return 1e-6
	case "milliseconds", "millisecond", "ms":
		return 1e-3
	case "seconds", "second", "s":
		return 1
	}
	return 0
}

// classify looks at each function once.
func classify(p *stacks.Profile, own ownership, calibrations []profile.Calibration) []class {
	units, markers := unitBits(calibrations)
	list := make([]class, len(p.Functions))
	for i := range p.Functions {
		f := &p.Functions[i]
		k := class{op: operationOf(f.Name, f.File, own.golang), own: own.owns(f), marks: marksOf(f.Name, f.File, own.golang)}
		if len(calibrations) > 0 {
			k.units, k.markers = units[f.Name], markers[f.Name]
		}
		k.plain = k == class{}
		list[i] = k
	}
	return list
}

// unitBits maps function names to the calibrations that they are a unit, or a
// marker, of. A capture holds at most 32 calibrations.
func unitBits(list []profile.Calibration) (units, markers map[string]uint32) {
	units, markers = map[string]uint32{}, map[string]uint32{}
	for i, c := range list[:min(len(list), 32)] {
		for _, f := range c.Functions {
			units[f] |= 1 << i
		}
		for _, f := range c.Markers {
			markers[f] |= 1 << i
		}
	}
	return units, markers
}

// of is one sample's CPU seconds and how many times the sampler fired for it.
func (v valuePick) of(values []int64) (seconds, samples float64) {
	seconds = float64(values[v.cpu]) * v.scale
	switch {
	case v.samples >= 0:
		samples = float64(values[v.samples])
	case v.period > 0:
		samples = seconds / v.period
	default:
		samples = 1
	}
	return seconds, samples
}

// finish derives totals.
func (c *CPU) finish() {
	for i := range c.Groups {
		g := &c.Groups[i]
		c.Exclusive[g.Op] += g.Seconds
		for set := uint64(g.Ops); set != 0; set &= set - 1 {
			c.Inclusive[bits.TrailingZeros64(set)] += g.Seconds
		}
	}
	if c.Span > 0 {
		c.Cores = c.Seconds / c.Span
	}
	if c.Samples > 0 {
		c.weight = c.Seconds / c.Samples
	}
}

// enough is nil when the profile has samples enough to speak of.
func (c *CPU) enough() error {
	if c.Samples < SampleFloor {
		return &InsufficientError{c.Samples}
	}
	return nil
}

// busy is the profile's CPU seconds without what the collector did only
// because CPUs were idle.
func (c *CPU) busy() float64 { return c.Seconds - c.Exclusive[OpGCIdle] }

// share is the interval of the part that the given CPU seconds are of the
// profile, from the number of samples.
func (c *CPU) share(seconds float64) Interval {
	if c.weight == 0 {
		return Interval{0, 0, 1}
	}
	return share(seconds/c.weight, c.Samples)
}

// where sums the CPU seconds of the groups that keep says yes to.
func (c *CPU) where(keep func(*Group) bool) float64 {
	var s float64
	for i := range c.Groups {
		if keep(&c.Groups[i]) {
			s += c.Groups[i].Seconds
		}
	}
	return s
}

// name is a function's name.
func (c *CPU) name(f uint32) string { return c.Functions[f].Name }
