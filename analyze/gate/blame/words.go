package blame

import (
	"fmt"
	"slices"
	"strings"

	"busywork/analyze"
)

// causes puts what was found into words.
func (b *blame) causes(a *accusations) []Cause {
	var list []Cause
	for i := range b.found {
		p := &b.found[i]
		c := Cause{Points: b.points(p), Operation: b.operation(p).String(), Callees: b.callees(p)}
		if p.symbol < 0 {
			if len(c.Callees) == 0 {
				continue
			}
			c.Function, c.Callees = c.Callees[0], c.Callees[1:]
		} else {
			c.Function = b.symbols[p.symbol].name
			c.File, c.Line = b.location(p)
		}
		c.Rule, c.Why = a.against(b, p)
		c.Why = join(c.Why, b.remark(p))
		list = append(list, c)
	}
	return list
}

// points is a growth with its interval of 95 %.
func (b *blame) points(p *part) analyze.Interval {
	half := z95 * b.spreadOf(&p.tally)
	return analyze.Interval{Value: p.grown, Low: p.grown - half, High: p.grown + half}
}

// remark says what else is known of how a part grew.
func (b *blame) remark(p *part) string {
	switch {
	case p.symbol < 0 && b.module == "":
		return "which functions are the service's is not known"
	case p.symbol < 0:
		return "called from no function of " + b.module
	}
	f := &b.symbols[p.symbol]
	times := fmt.Sprintf("all that it calls takes %.2f times as much", 1+p.grown/b.cost(&p.tally, 0))
	switch {
	case f.was != "":
		return fmt.Sprintf("new in head, in place of %s", shortName(f.was))
	case f.seen[0] == 0:
		return "new in head: base has no sample of it"
	case p.alike && b.isBenchmark(p.symbol):
		return times + ": look at what it calls it with, the toolchain and its settings"
	case p.alike:
		return times + ": it is called more often, or with more"
	}
	return ""
}

func join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), "; ")
}

// location is where the function of a part is, as the heaviest call of it in head
// has it. Builds with -trimpath have files by import path: those of the module
// are made relative to its folder.
func (b *blame) location(p *part) (file string, line int64) {
	type at struct {
		function int32
		line     int64
	}
	c := b.calls[1]
	samples := map[at]float64{}
	var heaviest at
	for _, m := range p.members {
		s := &b.stacks[m.stack]
		if s.side != 1 {
			continue
		}
		n := &c.Nodes[s.calls[m.at]]
		k := at{n.Function, n.Line}
		samples[k] += s.samples
		if samples[k] > samples[heaviest] {
			heaviest = k
		}
	}
	f := &c.Functions[heaviest.function]
	if heaviest.line == 0 {
		heaviest.line = f.StartLine
	}
	file = f.File
	if b.module != "" {
		file = strings.TrimPrefix(file, b.module+"/")
	}
	return file, heaviest.line
}

// mostCallees is as far as a way down is worth reading.
const mostCallees = 8

// transparent are frames at the root that say nothing of what runs.
var transparent = []string{"runtime.goexit", "runtime.mcall", "runtime.systemstack", "runtime.mstart", "runtime.main", "main.main", "testing."}

// callees is the way from a function down through libraries and the runtime, as
// long as one callee has most of the growth.
func (b *blame) callees(p *part) []string {
	var way []string
	members, enough := p.members, p.grown/2
	for depth := 1; len(way) < mostCallees && depth < mostSteps; depth++ {
		tallies := map[int32]*tally{}
		best := int32(-1)
		for _, m := range members {
			s := &b.stacks[m.stack]
			if at := int(m.at) + depth; at < len(s.calls) {
				n := b.symbolAt(s, at)
				if tallies[n] == nil {
					tallies[n] = &tally{}
				}
				tallies[n].add(s)
			}
		}
		for n, t := range tallies {
			if g := b.growth(t); g >= enough && (best < 0 || g > b.growth(tallies[best]) || g == b.growth(tallies[best]) && n < best) {
				best = n
			}
		}
		if best < 0 || b.symbols[best].own && best != p.symbol {
			break
		}
		name := b.symbols[best].name
		if p.symbol >= 0 || len(way) > 0 || !slices.ContainsFunc(transparent, func(t string) bool { return strings.HasPrefix(name, t) }) {
			way = append(way, name)
		}
		members = slices.DeleteFunc(slices.Clone(members), func(m member) bool {
			s := &b.stacks[m.stack]
			at := int(m.at) + depth
			return at >= len(s.calls) || b.symbolAt(s, at) != best
		})
	}
	return b.withoutOwnEnd(way, p.symbol)
}

// withoutOwnEnd cuts closures of the function itself, which a library calls, from
// the end of a way.
func (b *blame) withoutOwnEnd(way []string, symbol int32) []string {
	for symbol >= 0 && len(way) > 0 && way[len(way)-1] == b.symbols[symbol].name {
		way = way[:len(way)-1]
	}
	return way
}

// operation is the family of work that most of the growth is of: that of what the
// function calls.
func (b *blame) operation(p *part) analyze.Operation {
	tallies := map[analyze.Operation]*tally{}
	for _, m := range p.members {
		s := &b.stacks[m.stack]
		op := b.operationIn(p, s, int(m.at))
		if tallies[op] == nil {
			tallies[op] = &tally{}
		}
		tallies[op].add(s)
	}
	best := analyze.OpOwn
	most := 0.0
	for op := analyze.OpNone; op <= analyze.OpOther; op++ {
		if t := tallies[op]; t != nil && b.growth(t) > most {
			best, most = op, b.growth(t)
		}
	}
	return best
}

// operationIn is the family that a stack is of below a place, by the first call
// that is not the function itself.
func (b *blame) operationIn(p *part, s *stack, at int) analyze.Operation {
	c := b.calls[s.side]
	for at++; at < len(s.calls); at++ {
		if b.symbolAt(s, at) != p.symbol {
			if op := c.Nodes[s.calls[at]].Op; op != analyze.OpNone {
				return op
			}
			return analyze.OpOther
		}
	}
	return analyze.OpOwn
}
