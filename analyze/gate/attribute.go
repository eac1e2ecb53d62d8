package gate

import (
	"fmt"
	"math"

	"busywork/analyze"
	"busywork/profile"
)

// Profiled is where the CPU of a benchmark goes on one side.
type Profiled struct {
	CPU []byte // a CPU profile as pprof writes it; nil if there is none
	// Operations that the profile covers, and CPUPerOp, the seconds of CPU that
	// one of them takes when it is not profiled. 0 where not known.
	Operations, CPUPerOp float64
	// Beside is the CPU, in seconds, that the profiled executions took beside their
	// operations, to prepare them; 0 if nothing or not known.
	Beside float64
}

// Timed adds to a profile what the runs of the same side measured: the CPU
// seconds of an operation, and those of an execution beside its operations.
func (p Profile) Timed(cpu, fixed float64) Profiled {
	return Profiled{CPU: p.Data, Operations: float64(p.Operations), CPUPerOp: cpu, Beside: float64(p.Executions) * fixed}
}

// Attribute names the functions that head spends more on, for each operation,
// than base does, those that grew most first. The effect is the judged change of
// the CPU per operation; module is the path of the service's module, "" if not
// known. Where no function can be named, a sentence says why.
//
// Two profiles cannot be subtracted as they are. They cover as much time, not as
// much work: if head is slower it did fewer operations, all innocent code has
// fewer samples, and the difference makes it look better than it is. So samples
// only say how the CPU of a side is shared out, and the timed runs, which know it
// to a percent, how much CPU an operation takes.
//
// The error of a cost is that of the samples, which are counts of a chance
// event, and that of the effect. A function is only named if its growth is beyond
// what chance makes of any of the service's functions.
func Attribute(base, head Profiled, effect analyze.Interval, module string) (causes []Cause, why string) {
	if !(effect.Value > 0) || math.IsInf(effect.Value, 1) {
		return nil, "nothing grew that a function could be named for"
	}
	var sides [2]examined
	for i, p := range []Profiled{base, head} {
		var err error
		if sides[i], err = examine(p.CPU, module); err != nil {
			return nil, fmt.Sprintf("no function can be named: %s: %v", sideOf(i), err)
		}
	}
	was, is := sides[0].calls.Samples, sides[1].calls.Samples
	if min(was, is) < analyze.SampleFloor {
		return nil, fmt.Sprintf("the CPU profiles have %.0f and %.0f samples, and to name a function takes at least %d of each side", was, is, analyze.SampleFloor)
	}
	b := &blame{ledger: newLedger(sides, costs(base, head, effect), module)}
	b.trace()
	if len(b.found) == 0 {
		return nil, unsure(was, is, effect.Value)
	}
	return b.causes(newAccusations(sides, b.ledger)), ""
}

// telling is how many samples of each side it takes to name a function that has
// most of the CPU already and grows, times the square of the effect: by simulation
// that names it in 8 of 10 cases. One that base did not have takes a quarter.
const telling = 8

// unsure is why nobody is named, and what it would take.
func unsure(was, is, effect float64) string {
	why := fmt.Sprintf("the CPU profiles have %.0f and %.0f samples, too few to say surely in which function it is", was, is)
	if need := telling / (effect * effect); need > min(was, is) && need < 1e6 {
		why += fmt.Sprintf("; some %d would tell", int(math.Ceil(need/100))*100)
	}
	return why
}

// sideOf is the side of an index.
func sideOf(i int) Side { return [2]Side{Base, Head}[i] }

// costs is the CPU that the whole profile of each side stands for, by operation:
// that of base's operations alone is 1.
func costs(base, head Profiled, effect analyze.Interval) (c totals) {
	c.perOp = [2]float64{1, 1 + effect.Value}
	// The effect's interval is one of 95 %; one that is open on a side says nothing.
	if width := effect.High - effect.Low; width > 0 && !math.IsInf(width, 1) {
		c.spread = width / 2 / z95
	}
	if !usable(base.CPUPerOp) || !usable(head.CPUPerOp) {
		return c
	}
	c.perOp[1] = head.CPUPerOp / base.CPUPerOp
	for i, p := range []Profiled{base, head} {
		if usable(p.Operations) && usable(p.Beside) {
			c.perOp[i] += p.Beside / p.Operations / base.CPUPerOp
		}
	}
	return c
}

// z95 is the normal quantile of a two-sided 95 % interval.
const z95 = 1.96

// An examined is the profile of a side, read.
type examined struct {
	calls  *analyze.Calls
	report *analyze.Report
}

// examine reads a profile in the way of every diagnosis, so that broken and
// hostile ones are refused there, and all rules that need no more than a profile
// have had a look at it.
func examine(data []byte, module string) (examined, error) {
	if len(data) == 0 {
		return examined{}, &profile.Unavailable{Reason: "there is no CPU profile"}
	}
	c := &profile.Capture{}
	c.AddProfile(profile.CPUProfile{Data: data})
	if module != "" {
		c.AddBuild(profile.Build{Main: module})
	}
	e := analyze.Examine(c, analyze.Options{})
	calls, err := e.Calls()
	if err != nil {
		return examined{}, err
	}
	return examined{calls, e.Report}, nil
}
