package gate

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/perf/benchproc"

	"busywork/analyze"
	"busywork/analyze/gate/bench"
	"busywork/analyze/gate/blame"
)

// DifferentMachines is the problem of files whose figures say more about where
// they come from than about the program.
const DifferentMachines bench.Problem = "different-machines"

// CompareOptions say how [Compare] judges.
type CompareOptions struct {
	Settings // the zero value is DefaultSettings
	Profiles Profiles
}

// Profiles are CPU profiles of both sides in pprof's form, nil where there is
// none. They say where a regression comes from, never whether there is one.
type Profiles struct{ Base, Head []byte }

// Compare judges output files of go test -bench, base against head: the time on
// the wall as samples that ran one after the other, allocations and bytes
// exactly. That is much weaker than [Run], and the result says how much. The
// error is an *[bench.Error] where there is nothing to compare; files of different
// machines give a result that judges nothing, with its Problem set.
func Compare(base, head File, o CompareOptions) (*Result, error) {
	if o.Settings == (Settings{}) {
		o.Settings = DefaultSettings()
	}
	in, err := newOutputs()
	if err != nil {
		return nil, err
	}
	c := &fileComparison{outputs: in}
	if c.base, err = in.read(base); err != nil {
		return nil, err
	}
	if c.head, err = in.read(head); err != nil {
		return nil, err
	}
	if err := c.match(); err != nil {
		return nil, err
	}
	if err := c.judge(o.Settings); err != nil {
		return nil, err
	}
	return c.result(o), nil
}

// A fileComparison is two files side by side.
type fileComparison struct {
	*outputs
	base, head *output
	both       []benchproc.Key // benchmarks of both, in order
	procs      string          // what all names end in
	apart      string          // in what the machines differ
	judgements []Judgement     // of the times of both
}

// match finds the benchmarks that are in both files.
func (c *fileComparison) match() error {
	for k := range c.base.runs {
		if c.head.runs[k] != nil {
			c.both = append(c.both, k)
		}
	}
	slices.SortFunc(c.both, c.byName)
	c.procs = c.outputs.procs(c.base, c.head)
	c.apart = differ(c.base, c.head)
	if len(c.both) == 0 {
		return bench.Errorf(bench.NoBenchmarks, c.unmatched(), "no benchmark is in both %s and %s", c.base.name, c.head.name)
	}
	return nil
}

// unmatched is why two files may have no benchmark in common: the same names in
// other packages, or at another GOMAXPROCS.
func (c *fileComparison) unmatched() string {
	packages, procs := map[string]benchproc.Key{}, map[string]benchproc.Key{}
	bare := func(k benchproc.Key) string {
		rest, _ := procsOf(k.Get(c.name))
		return k.Get(c.pkg) + "\x00" + rest
	}
	for _, k := range c.sorted(c.base) {
		packages[k.Get(c.name)], procs[bare(k)] = k, k
	}
	for _, k := range c.sorted(c.head) {
		if was, ok := procs[bare(k)]; ok {
			_, a := procsOf(was.Get(c.name))
			_, b := procsOf(k.Get(c.name))
			return fmt.Sprintf("names end in %q and %q: both must run with the same GOMAXPROCS", a, b)
		}
		if was, ok := packages[k.Get(c.name)]; ok {
			return fmt.Sprintf("the packages are called %q and %q", c.packageOf(was), c.packageOf(k))
		}
	}
	return "run the same benchmarks on both sides"
}

// judge judges the times of all benchmarks together, as they are corrected for
// their number.
func (c *fileComparison) judge(s Settings) error {
	samples := make([]Samples, len(c.both))
	for i, k := range c.both {
		samples[i] = Samples{Base: c.base.runs[k].time, Head: c.head.runs[k].time}
	}
	var err error
	c.judgements, err = JudgeSamples(samples, s)
	return err
}

func (c *fileComparison) result(o CompareOptions) *Result {
	r := &Result{Schema: ResultSchema, Gate: "compare", Base: c.base.name, Head: c.head.name, Rows: []Row{}, Caveats: c.caveats()}
	for i, k := range c.both {
		b, h := c.base.runs[k], c.head.runs[k]
		row := Row{Package: c.packageOf(k), Name: c.title(k, c.procs), Causes: []blame.Cause{}}
		timed := row.timed(c.judgements[i], b, h)
		timed.Threshold = o.Settings.Threshold
		c.attribute(&timed, o.Profiles)
		r.Rows = append(r.Rows, timed)
		r.Rows = append(r.Rows, row.counts("allocs", unitAllocs, WobbleAllocs, b, h, b.allocs, h.allocs)...)
		r.Rows = append(r.Rows, row.counts("bytes", unitBytes, WobbleBytes, b, h, b.bytes, h.bytes)...)
	}
	if c.apart != "" {
		r.Problem = DifferentMachines
		for i := range r.Rows {
			r.Rows[i].refuse("the files are of different machines: " + c.apart)
		}
	}
	r.Settle()
	return r
}

// attribute names the functions that a slower benchmark is slower through, if
// there are profiles. They are of all benchmarks that ran, so it can only be said
// where that is one.
func (c *fileComparison) attribute(row *Row, p Profiles) {
	if row.Verdict != Slower || row.Effect == nil || p.Base == nil || p.Head == nil {
		return
	}
	if len(c.both) > 1 {
		row.Why += "; the profiles are of several benchmarks, so no function can be named for one: run it alone"
		return
	}
	causes, why := blame.CPU(blame.Profiled{CPU: p.Base}, blame.Profiled{CPU: p.Head}, *row.Effect, "")
	row.Causes = causes
	if why != "" {
		row.Why += "; " + why
	}
}

// refuse takes back what a row says of a change, and leaves the figures.
func (row *Row) refuse(why string) {
	row.Verdict, row.Why = Inconclusive, why
	row.Effect, row.P = nil, 0
}

// timed is the verdict on the time on the wall.
func (row Row) timed(j Judgement, b, h *fileRuns) Row {
	row.Metric, row.Unit = "time", "s/op"
	row.Verdict, row.Effect, row.Control, row.P, row.Runs, row.Why = j.Verdict, j.Effect, j.Control, j.P, j.Pairs, j.Why
	row.Base, row.Head = finite(b.time), finite(h.time)
	if len(b.time) == 0 || len(h.time) == 0 {
		row.refuse("one side has no ns/op")
	}
	return row
}

// counts is the verdict on what is counted, none if neither side counts it.
func (row Row) counts(metric, unit string, wobble float64, b, h *fileRuns, base, head []float64) []Row {
	if len(base) == 0 && len(head) == 0 {
		return nil
	}
	j := JudgeExact(base, head, wobble)
	row.Metric, row.Unit = metric, unit
	row.Verdict, row.Why, row.Runs = j.Verdict, j.Why, min(len(base), len(head))
	row.Base, row.Head = finite(base), finite(head)
	if change, ok := j.Change(); ok {
		row.Effect = &analyze.Interval{Value: change, Low: change, High: change}
	}
	switch {
	case len(base) == 0 || len(head) == 0:
		row.refuse("one side has no " + unit + ": run both with -benchmem")
	case row.amortised(b, h):
		row.Why = fmt.Sprintf("%s, but runs had %s operations on base and %s on head, and what is allocated once is shared out among them: run both with the same -benchtime=Nx",
			j.Why, between(b.fewest, b.most), between(h.fewest, h.most))
		row.Verdict = Inconclusive
	}
	return []Row{row}
}

// amortisable is the change below which a count may have moved only because what
// a benchmark allocates once was divided by another number of operations. Without
// -benchtime=Nx that number follows the speed; it differs by up to a half between
// runs of one program on a busy machine, and of what is counted for one operation
// more than a few hundredths is rarely set-up.
const amortisable = 0.01

// amortised says whether a change may come from the number of operations alone.
func (row *Row) amortised(b, h *fileRuns) bool {
	if row.Verdict == Same || row.Verdict == Inconclusive || row.Effect == nil {
		return false
	}
	equal := b.fewest == b.most && h.fewest == h.most && b.most == h.most
	return !equal && row.Effect.Value < amortisable && row.Effect.Value > -amortisable
}

func between(low, high int) string {
	if low == high {
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// caveats are what makes the comparison weaker than it looks, weightiest first.
func (c *fileComparison) caveats() []string {
	var list []string
	if c.apart != "" {
		list = append(list, "The files are of different machines, so nothing is judged: "+c.apart+".")
	}
	weaker := oneAfterTheOther
	if slices.ContainsFunc(c.judgements, func(j Judgement) bool { return j.Weaker == oneAfterTheOther+withoutControl }) {
		weaker += withoutControl
	}
	list = append(list, "Weaker than gate run: it is time on the wall, in which everything else that ran is counted, and "+weaker+".")
	if c.base.sum == c.head.sum {
		list = append(list, fmt.Sprintf("%s and %s have the same content.", c.base.name, c.head.name))
	}
	list = append(list, nameless(c.base, c.head)...)
	list = append(list, c.base.notes...)
	list = append(list, c.head.notes...)
	list = append(list, c.oneSided(c.base, c.head)...)
	list = append(list, c.oneSided(c.head, c.base)...)
	return append(list, c.missing()...)
}

// mostListed names in a caveat are enough to see what it is about.
const mostListed = 5

// oneSided names the benchmarks that only one file has.
func (c *fileComparison) oneSided(in, not *output) []string {
	var names []string
	for _, k := range c.sorted(in) {
		if not.runs[k] == nil {
			names = append(names, c.title(k, c.procs))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Only in %s, and not compared: %s.", in.name, fewNames(names))}
}

// fewNames joins a few names, and says how many there are beside.
func fewNames(names []string) string {
	if len(names) <= mostListed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostListed], ", "), len(names)-mostListed)
}

// missing says which figures the files do not have.
func (c *fileComparison) missing() []string {
	counted, partly := false, 0
	for _, k := range c.both {
		for _, r := range []*fileRuns{c.base.runs[k], c.head.runs[k]} {
			counted = counted || len(r.allocs) > 0
			for _, list := range [][]float64{r.time, r.allocs, r.bytes} {
				if len(list) > 0 && len(list) <= mostRuns && len(list) < r.lines {
					partly++
				}
			}
		}
	}
	var notes []string
	if !counted {
		notes = append(notes, "Allocations are not in the files: with -benchmem they would be compared exactly.")
	}
	if partly > 0 {
		notes = append(notes, "Some runs lack a figure that others of the same benchmark have: a line may be cut off.")
	}
	return notes
}
