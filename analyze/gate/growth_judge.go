package gate

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"busywork/analyze/gate/bench"
	"busywork/analyze/gate/blame"
	"busywork/profile"
)

// An ExponentLimit is the most that the exponent of some benchmarks may be.
type ExponentLimit struct {
	Benchmark string // as it was given
	Most      float64
	pattern   *regexp.Regexp
}

// ParseExponentLimit reads "BenchmarkCancel=0.2": a name, or a regular expression
// for the whole of one, and the limit. The name is that of the function, or the
// full one with a star for the size: "BenchmarkCancel/workers=4/depth=*".
func ParseExponentLimit(s string) (ExponentLimit, error) {
	const hint = "write it as BenchmarkCancel=0.2"
	at := strings.LastIndexByte(s, '=')
	if at <= 0 {
		return ExponentLimit{}, bench.Errorf(bench.BadOption, hint, "%q is no limit of an exponent", profile.CleanLine(s))
	}
	most, err := strconv.ParseFloat(s[at+1:], 64)
	// A benchmark of n³ at three sizes does not end; what is above 10 is a mistake.
	if err != nil || !(most >= 0 && most <= 10) {
		return ExponentLimit{}, bench.Errorf(bench.BadOption, hint, "the limit %q of %q is not an exponent from 0 to 10", profile.CleanLine(s[at+1:]), profile.CleanLine(s[:at]))
	}
	l := ExponentLimit{Benchmark: s[:at], Most: most}
	// A full name has a star in it, and need not be an expression; it is then only
	// compared.
	if l.pattern, err = regexp.Compile("^(?:" + s[:at] + ")$"); err != nil && !strings.Contains(s[:at], "*") {
		return ExponentLimit{}, bench.Errorf(bench.BadOption, hint, "%q is neither a name nor a regular expression: %s", profile.CleanLine(s[:at]), profile.CleanLine(err.Error()))
	}
	return l, nil
}

func (l ExponentLimit) matches(s *series) bool {
	if l.Benchmark == s.name || l.Benchmark == s.top {
		return true
	}
	return l.pattern != nil && (l.pattern.MatchString(s.name) || l.pattern.MatchString(s.top))
}

// limitOf is the limit of a series, nil if there is none.
func (o GrowthOptions) limitOf(s *series) *float64 {
	for _, l := range o.Limits {
		if l.matches(s) {
			return &l.Most
		}
	}
	return nil
}

// unmatched is a row for each limit that holds nothing back: a benchmark that was
// renamed must not lose its limit in silence.
func (o GrowthOptions) unmatched(list []*series) []Row {
	var rows []Row
	for _, l := range o.Limits {
		found := false
		for _, s := range list {
			found = found || len(s.head) > 0 && l.matches(s)
		}
		if !found {
			rows = append(rows, Row{
				Name: profile.CleanLine(l.Benchmark), Metric: "exponent", Unit: "1", Verdict: Inconclusive, Limit: &l.Most,
				Why: "the limit matches no benchmark of head that ran at several sizes", Causes: []blame.Cause{},
			})
		}
	}
	return rows
}

// chances are the corrected p-values of one series; 1 where nothing was asked.
type chances struct{ over, more, less float64 }

// judge decides on all series together: alpha is for every question that could
// stop somebody, of limits and of base.
func (o GrowthOptions) judge(list []*growing) []Row {
	var up, down []float64
	for _, g := range list {
		if g.refusal == "" && g.limit != nil {
			up = append(up, g.head.above(*g.limit))
		}
		if g.refusal == "" && g.change != nil {
			up, down = append(up, g.change.above(0)), append(down, g.change.below(0))
		}
	}
	up, down = holm(up, len(up)), holm(down, len(down))
	var rows []Row
	for _, g := range list {
		c := chances{1, 1, 1}
		if g.refusal == "" && g.limit != nil {
			c.over, up = up[0], up[1:]
		}
		if g.refusal == "" && g.change != nil {
			c.more, up = up[0], up[1:]
			c.less, down = down[0], down[1:]
		}
		rows = append(rows, g.row(c, o.Alpha))
	}
	return rows
}

// row is the verdict on a series.
func (g *growing) row(c chances, alpha float64) Row {
	row := Row{
		Package: g.pkg, Name: g.name, Metric: "exponent", Unit: "1", Verdict: Inconclusive,
		Limit: g.limit, Control: g.control, Runs: g.runs, Causes: []blame.Cause{}, Threshold: grown,
	}
	if g.refusal != "" {
		row.Why = g.refusal
		return row
	}
	head := g.head.interval()
	row.Head, row.HeadInterval = &g.head.value, &head
	if g.change != nil {
		change := g.change.interval()
		row.Base, row.Effect = &g.base.value, &change
	}
	g.decide(&row, c, alpha)
	return row
}

// decide puts the questions together: too much for one is too much.
func (g *growing) decide(row *Row, c chances, alpha float64) {
	limit, limitWhy := g.againstLimit(c, alpha)
	base, baseWhy := g.againstBase(c, alpha)
	row.Verdict, row.Why = limit, g.law()+": "+limitWhy
	row.P = c.over
	if limit == "" || limit != Slower && (base == Slower || base == Inconclusive || limit == Same && base != "") {
		row.Verdict, row.Why = base, g.law()+": "+baseWhy
		if row.P = c.more; g.change.value < 0 {
			row.P = c.less
		}
	}
}

// againstLimit is the verdict on the limit, "" if there is none.
func (g *growing) againstLimit(c chances, alpha float64) (Verdict, string) {
	if g.limit == nil {
		return "", ""
	}
	limit, over := *g.limit, g.head.value-*g.limit
	switch {
	case g.noisy(over):
		return Inconclusive, g.tooNoisy()
	case over > 0 && c.over <= alpha:
		return Slower, fmt.Sprintf("more than the limit of %.3g (p = %.2g)", limit, c.over)
	case g.head.interval().High <= limit:
		return Same, fmt.Sprintf("not more than the limit of %.3g", limit)
	}
	return Inconclusive, fmt.Sprintf("whether that is more than the limit of %.3g cannot be told; %s", limit, take(g.head, math.Abs(over), g.to/g.from))
}

// againstBase is the verdict on the change, "" if there is no base.
func (g *growing) againstBase(c chances, alpha float64) (Verdict, string) {
	if g.change == nil {
		return "", ""
	}
	d, least := g.change.value, g.least()
	was := fmt.Sprintf("on base %s^%.2f ± %.2f", g.key, g.base.value, g.base.half())
	by := fmt.Sprintf("%.2f ± %.2f", math.Abs(d), g.change.half())
	switch {
	case g.noisy(d):
		return Inconclusive, g.tooNoisy()
	case d >= least && c.more <= alpha:
		return Slower, fmt.Sprintf("%s, so it grew by %s (p = %.2g)", was, by, c.more)
	case d <= -least && c.less <= alpha:
		return Faster, fmt.Sprintf("%s, so it fell by %s (p = %.2g)", was, by, c.less)
	case reach(g.change.interval()) < least:
		return Same, fmt.Sprintf("%s, a change of less than %.2g", was, least)
	}
	return Inconclusive, fmt.Sprintf("%s, a change of %+.2f ± %.2f of which it cannot be told whether it is %.2g or more; %s",
		was, d, g.change.half(), least, take(*g.change, math.Abs(least-math.Abs(d)), g.span))
}

// law is what was found, as a sentence says it.
func (g *growing) law() string {
	s := fmt.Sprintf("cost ∝ %s^%.2f ± %.2f (%s to %s)", g.key, g.head.value, g.head.half(), sizeText(g.from), sizeText(g.to))
	switch g.head.how {
	case besideFixed:
		s += fmt.Sprintf(", beside a fixed cost that is %s of that at %s", percent(g.head.fixed), sizeText(g.to))
	case atTheTop:
		s += ", from the two largest sizes, as smaller ones have a fixed cost before it"
	}
	return s
}

// noisy says whether the machine moved an unchanged exponent by as much as is to
// be told.
func (g *growing) noisy(by float64) bool {
	return g.control != nil && reach(*g.control) >= math.Max(grown, math.Abs(by))
}

func (g *growing) tooNoisy() string {
	return fmt.Sprintf("the machine is too noisy now to say more, an unchanged program's exponent moves by up to %.2f; it takes a quieter one", reach(*g.control))
}

// widest is the span of sizes that is still advice.
const widest = 1e6

// take is what would tell: the error of an exponent goes with the inverse of the
// logarithm of the span.
func take(e exponent, room, span float64) string {
	need := math.Exp(math.Log(span) * e.half() / room)
	if !(need <= widest) {
		return "it takes more runs, sizes further apart or a quieter machine"
	}
	return fmt.Sprintf("it takes more runs, or sizes that span a factor of about %s", sizeText(math.Ceil(need/10)*10))
}
