package gate

import (
	"fmt"
	"math"
	"slices"

	"busywork/analyze"
	"busywork/analyze/gate/bench"
	"busywork/profile"
)

// A Measured is what one operation of a benchmark cost in each of its runs, in
// the order in which they ran and in any one unit: CPU or wall seconds. The
// benchmark's name says the size: "BenchmarkCancel/depth=10k".
type Measured struct {
	Package, Benchmark string
	Cost               []float64
}

// GrowthOptions say what growth is too much.
type GrowthOptions struct {
	Limits []ExponentLimit // of exponents; the first that matches a benchmark is its limit
	Key    string          // which number in a name is the size; "" takes the one of the widest span
	Alpha  float64         // of [Settings], for all benchmarks together; 0 is the default
	Base   string          // what the sides are called
	Head   string
}

const (
	// leastSizes make a bend visible, which two cannot.
	leastSizes = 3
	// leastSpan is the factor between the smallest and the largest size: below, the
	// 3 % by which a size lies off any law are an exponent of more than 0.04.
	leastSpan = 8
	// leastRuns a size have a median that one disturbed run does not move.
	leastRuns = 3
	// grown is the least change of an exponent that matters: an operation that
	// reaches into memory further apart grows by some hundredths.
	grown = 0.1
	// grownBy is the same as a factor, by which the cost at the largest size must
	// have grown more than that at the smallest: over a span of 10 a disturbance of
	// one size by a fifth makes 0.1 of an exponent.
	grownBy = 1.5
)

// Growth fits how the cost of one operation follows the size that benchmarks are
// named by, cost ∝ size^exponent, and judges the exponents of head: against their
// limits, and against base, which may be nil. The error is an *[bench.Error] where there
// is nothing to judge or to judge by.
func Growth(base, head []Measured, o GrowthOptions) (*Result, error) {
	if o.Alpha == 0 {
		o.Alpha = DefaultSettings().Alpha
	}
	list := seriesOf(base, head, o.Key)
	if len(list) == 0 {
		return nil, noSizes(o.Key)
	}
	r := &Result{Schema: ResultSchema, Gate: "growth", Base: o.Base, Head: o.Head, Rows: o.unmatched(list), Caveats: []string{}}
	judged, caveats := o.sort(list, base != nil)
	if len(judged) == 0 && len(r.Rows) == 0 {
		return nil, bench.Errorf(bench.NoBenchmarks, fmt.Sprintf("give --base, or a limit such as --max-exponent %s=0.2", list[0].top),
			"there is nothing to hold the growth of %s against", benchmarks(len(list)))
	}
	r.Rows = append(r.Rows, o.judge(judged)...)
	r.Caveats = append(r.Caveats, caveats...)
	r.Settle()
	return r, nil
}

func benchmarks(n int) string {
	if n == 1 {
		return "1 benchmark"
	}
	return fmt.Sprintf("%d benchmarks", n)
}

// sort fits the series of which there is something to ask, and names the others.
func (o GrowthOptions) sort(list []*series, based bool) (judged []*growing, caveats []string) {
	var unlimited, added, gone []string
	for _, s := range list {
		limit := o.limitOf(s)
		switch {
		case len(s.head) == 0:
			gone = append(gone, s.name)
		case limit == nil && !based:
			unlimited = append(unlimited, s.name)
		case limit == nil && len(s.base) == 0:
			added = append(added, s.name)
		default:
			judged = append(judged, newGrowing(s, limit))
		}
	}
	for _, c := range []struct {
		why   string
		names []string
	}{
		{"Without a limit or a base, and not judged", unlimited},
		{"Not in base, without a limit, and not judged", added},
		{"Only in base", gone},
	} {
		if len(c.names) > 0 {
			caveats = append(caveats, c.why+": "+fewNames(c.names)+".")
		}
	}
	return judged, caveats
}

func noSizes(key string) error {
	const hint = "name sub-benchmarks by it: b.Run(fmt.Sprintf(\"depth=%d\", n), …), for three sizes or more"
	if key != "" {
		return bench.Errorf(bench.NoBenchmarks, hint, "no benchmark has a size called %q in its name", profile.CleanLine(key))
	}
	return bench.Errorf(bench.NoBenchmarks, hint, "no benchmark ran at several sizes, which its name says")
}

// A growing is one series and what its costs show.
type growing struct {
	*series
	limit    *float64
	from, to float64 // sizes of head
	span     float64 // of the sizes that change is of, a factor
	runs     int     // at the size that has fewest
	head     exponent
	base     *exponent // nil without a base
	change   *exponent // of the ratio of the costs, in which what both have is not
	control  *analyze.Interval
	refusal  string
}

// newGrowing fits a series.
func newGrowing(s *series, limit *float64) *growing {
	g := &growing{series: s, limit: limit}
	head, why := g.usable(s.head)
	if g.refusal = why; why != "" {
		return g
	}
	all := s.sizes(head)
	g.from, g.to, g.runs = all[0], all[len(all)-1], fewestCosts(head)
	h := scatterOf(head, all)
	g.head = exponentOf(h.points(), h.free)
	g.control = steadiness(head)
	if len(s.base) > 0 {
		g.against(head)
	}
	return g
}

// against fits base, and the ratio of head to base at the sizes that both have: a
// cache that is too small for a size shows in both, and its growth cancels.
func (g *growing) against(head map[float64][]float64) {
	base, why := g.usable(g.series.base)
	if why != "" {
		g.refusal = "base: " + why
		return
	}
	all := g.sizes(base, head)
	if why := g.tooNarrow(all); why != "" {
		g.refusal = "on both sides: " + why
		return
	}
	g.span = all[len(all)-1] / all[0]
	own := g.sizes(base)
	was := scatterOf(base, own)
	e := exponentOf(was.points(), was.free)
	b, h := scatterOf(base, all), scatterOf(head, all)
	change := exponentOf(h.over(b), h.free+b.free)
	g.base, g.change = &e, &change
	g.runs = min(g.runs, fewestCosts(base))
	if c := steadiness(base); c != nil && (g.control == nil || reach(*c) > reach(*g.control)) {
		g.control = c
	}
}

// usable leaves out what cannot be a cost, and refuses what cannot carry a line.
func (g *growing) usable(table map[float64][]float64) (map[float64][]float64, string) {
	kept := map[float64][]float64{}
	for size, costs := range table {
		for _, c := range costs {
			if usable(c) {
				kept[size] = append(kept[size], c)
			}
		}
	}
	if len(kept) == 0 {
		return nil, "no run has a figure that can be a cost"
	}
	if why := g.tooNarrow(g.sizes(kept)); why != "" {
		return nil, why
	}
	if n := fewestCosts(kept); n < leastRuns {
		return nil, fmt.Sprintf("%d runs at one of the sizes are too few, the least is %d: run with -count=%d", n, leastRuns, fewestRuns)
	}
	return kept, ""
}

// least is the least change of this exponent that is one.
func (g *growing) least() float64 { return math.Max(grown, math.Log(grownBy)/math.Log(g.span)) }

// tooNarrow is why sizes cannot show an exponent, and which would.
func (g *growing) tooNarrow(sizes []float64) string {
	n := len(sizes)
	if n == 0 {
		return "no size is the same"
	}
	low, high := sizes[0], sizes[n-1]
	if n >= leastSizes && high >= leastSpan*low {
		return ""
	}
	// A decade a size is what people write down.
	return fmt.Sprintf("%s from %s to %s %s: it takes %d sizes, the largest %d times the smallest or more, such as %s, %s and %s",
		g.key, sizeText(low), sizeText(high), sizesCounted(n), leastSizes, leastSpan, sizeText(low), sizeText(10*low), sizeText(100*low))
}

func sizesCounted(sizes int) string {
	if sizes == 1 {
		return "is 1 size"
	}
	return fmt.Sprintf("are %d sizes", sizes)
}

func fewestCosts(table map[float64][]float64) int {
	least := math.MaxInt
	for _, costs := range table {
		least = min(least, len(costs))
	}
	return least
}

// A scatter is the medians of the runs at each size, and how far runs lie about
// them. Its spread is that of all sizes together: each alone has too few runs.
type scatter struct {
	x, y   []float64
	number []float64 // of runs
	spread float64   // standard deviation of ln cost of a run
	free   float64
}

func scatterOf(table map[float64][]float64, sizes []float64) scatter {
	var s scatter
	squares := 0.0
	for _, size := range sizes {
		logs := logarithms(table[size])
		slices.Sort(logs)
		m := middle(logs)
		for _, v := range logs {
			squares += sq(v - m)
		}
		s.x, s.y = append(s.x, math.Log(size)), append(s.y, m)
		s.number = append(s.number, float64(len(logs)))
		s.free += float64(len(logs) - 1)
	}
	s.spread = math.Sqrt(squares / s.free)
	return s
}

// ofMedian is how much less sure a median is than a mean, √(π/2), where runs scatter
// normally; where disturbances are rare and large it is surer.
const ofMedian = 1.2533

// err is the standard error of the median at a size.
func (s scatter) err(i int) float64 { return ofMedian * s.spread / math.Sqrt(s.number[i]) }

func (s scatter) points() []sizedCost {
	list := make([]sizedCost, len(s.x))
	for i := range list {
		list[i] = sizedCost{x: s.x[i], y: s.y[i], err: math.Hypot(unsteady, s.err(i))}
	}
	return list
}

// over is the ratio of two scatters of the same sizes.
func (s scatter) over(base scatter) []sizedCost {
	list := make([]sizedCost, len(s.x))
	for i := range list {
		list[i] = sizedCost{x: s.x[i], y: s.y[i] - base.y[i], err: math.Hypot(unsteady, math.Hypot(s.err(i), base.err(i)))}
	}
	return list
}

// steadiness is the control of a side: the change of the exponent from the earlier
// half of the runs at each size to the later, which is nothing but noise. It is
// nil where half of the runs are too few.
func steadiness(table map[float64][]float64) *analyze.Interval {
	earlier, later := map[float64][]float64{}, map[float64][]float64{}
	var sizes []float64
	for size, costs := range table {
		half := len(costs) / 2
		if half < leastRuns {
			return nil
		}
		sizes = append(sizes, size)
		earlier[size], later[size] = costs[:half], costs[len(costs)-half:]
	}
	slices.Sort(sizes)
	a, b := scatterOf(earlier, sizes), scatterOf(later, sizes)
	e := lineThrough(b.over(a))
	e.free = a.free + b.free
	i := e.interval()
	return &i
}
