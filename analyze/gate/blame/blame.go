// Package blame says through which functions a change made a program slower, or
// made it allocate more: from profiles of both sides, of benchmarks or of services.
//
// # Tour
//
//   - blame.go: [CPU], from two CPU profiles. allocations.go: [Allocations], from two
//     counts of all that was allocated.
//   - stacks.go: the stacks of both sides, in which functions that are the same on
//     both are known as one: names.go, rename.go.
//   - trace.go, parts.go: down the stacks to the functions that the growth is in.
//   - words.go: what was found as a [Cause]. rules.go: what the rules have to say of it.
package blame

import (
	"fmt"
	"math"

	"busywork/analyze"
	"busywork/profile"
)

// A Cause is where a regression comes from: what a function, with all that only
// it has called, costs more for one operation.
type Cause struct {
	Function  string   `json:"function"`
	File      string   `json:"file"`
	Line      int64    `json:"line"`
	Callees   []string `json:"callees,omitempty"` // the way down from it to where the CPU goes
	Operation string   `json:"operation"`         // the family of work that grew: "linear search"
	// Points is the change as a fraction of the base's CPU for one operation: 0.16
	// are 16 of the points of a regression of +18 %. For a budget of CPU it is of the
	// limit. All zero stands for not known.
	Points analyze.Interval `json:"points"`
	Rule   string           `json:"rule,omitempty"` // a rule that finds it in head, and not in base if there is one
	Why    string           `json:"why,omitempty"`  // what the rule says
}

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

// CPU names the functions that head spends more on, for each operation,
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
func CPU(base, head Profiled, effect analyze.Interval, module string) (causes []Cause, why string) {
	if !(effect.Value > 0) || math.IsInf(effect.Value, 1) {
		return nil, "nothing grew that a function could be named for"
	}
	var sides [2]examined
	for i, p := range []Profiled{base, head} {
		var err error
		if sides[i], err = examine(p.CPU, module); err != nil {
			return nil, fmt.Sprintf("no function can be named: %s: %v", [2]string{"base", "head"}[i], err)
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

const (
	// Fewest samples of a side let a function that takes a tenth of the CPU be known
	// to ±15 % of itself.
	Fewest = 400
	// most are those of 32 s of CPU: enough for +5 %.
	most = 3200
)

// Samples is how many samples a side should have for the function behind such a
// change of the CPU to be named.
func Samples(effect float64) int {
	return int(math.Round(max(Fewest, min(telling/(effect*effect), most))))
}

// unsure is why nobody is named, and what it would take.
func unsure(was, is, effect float64) string {
	why := fmt.Sprintf("the CPU profiles have %.0f and %.0f samples, too few to say surely in which function it is", was, is)
	if need := telling / (effect * effect); need > min(was, is) && need < 1e6 {
		why += fmt.Sprintf("; some %d would tell", int(math.Ceil(need/100))*100)
	}
	return why
}

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

// usable says whether a figure is known.
func usable(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

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
