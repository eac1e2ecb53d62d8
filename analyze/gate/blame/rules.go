package blame

import (
	"slices"

	"busywork/analyze"
)

// accusations are what the rules find in head and not, or far less, in base.
type accusations struct{ list []accusation }

type accusation struct {
	rule   string
	symbol int32 // where it is found
	why    string
	points float64 // of waste, by the rule's account
}

// muchLarger is by what factor a waste must have grown to be news: what a rule
// estimates from a profile of 400 samples is sure to a fifth or so.
const muchLarger = 1.5

func newAccusations(sides [2]examined, l *ledger) *accusations {
	a := &accusations{}
	was := l.wastes(sides, 0)
	for _, f := range flat(sides[1].report.Findings) {
		symbol, ok := l.find(f.Location.Function)
		if !ok {
			continue // it is not about code
		}
		points := l.waste(sides, 1, f)
		if points > muchLarger*was[accused{f.Rule, symbol}] {
			a.list = append(a.list, accusation{f.Rule, symbol, saying(f), points})
		}
	}
	return a
}

// accused is a function with what it is accused of.
type accused struct {
	rule   string
	symbol int32
}

// wastes is the waste that the rules find on a side.
func (l *ledger) wastes(sides [2]examined, side int) map[accused]float64 {
	list := map[accused]float64{}
	for _, f := range flat(sides[side].report.Findings) {
		if symbol, ok := l.find(f.Location.Function); ok {
			list[accused{f.Rule, symbol}] += l.waste(sides, side, f)
		}
	}
	return list
}

// waste is what a finding calls waste of one operation's CPU.
func (l *ledger) waste(sides [2]examined, side int, f *analyze.Finding) float64 {
	cores := sides[side].calls.Cores
	if cores <= 0 {
		return l.perOp[side] // the profile does not say how long it took, nor a rule how much is waste
	}
	return l.perOp[side] * min(1, f.Waste.Cores/cores)
}

// flat has findings with those beneath them.
func flat(list []analyze.Finding) (all []*analyze.Finding) {
	for i := range list {
		all = append(append(all, &list[i]), flat(list[i].Kin)...)
	}
	return all
}

// find is the number of a function by its name.
func (l *ledger) find(function string) (int32, bool) {
	name := plainName(function)
	i := slices.IndexFunc(l.symbols, func(s symbol) bool { return name != "" && (s.name == name || s.was == name) })
	return int32(i), i >= 0
}

// saying is a finding in a sentence, that does not sound surer than it is.
func saying(f *analyze.Finding) string {
	if f.Confidence == analyze.Suspected {
		return "suspected: " + f.Message
	}
	return f.Message
}

// against is the rule that best says what is wrong with a part: one that speaks of
// the function itself, else of one beneath that has most of the growth, else of one
// that all of it is called by. Advice on how to do cheaper what is done comes
// after all else.
func (a *accusations) against(b *blame, p *part) (rule, why string) {
	if a == nil { // the rules know CPU profiles only
		return "", ""
	}
	var best accusation
	most := -1.0
	for _, c := range a.list {
		near := b.nearness(p, c.symbol)
		if c.rule == analyze.KeyAlgorithm.Name && near > 0 {
			near = 0.5
		}
		if near > most && near > 0 || near == most && c.points > best.points {
			best, most = c, near
		}
	}
	if (best.rule == "" || best.rule == analyze.KeyAlgorithm.Name) && b.preparesMore(p) {
		return analyze.RefusedWork.Name, "suspected: it signs far more than base does for the same operation, so some of what is signed may be thrown away; " +
			"counters of attempts and of what became of them settle it, and so does a look at whether the key is another"
	}
	return best.rule, best.why
}

// nearness is 3 for the function of a part, 2 for one beneath with most of the
// growth, 1 for one above all of it, 0 for any other.
func (b *blame) nearness(p *part, symbol int32) float64 {
	if symbol == p.symbol {
		return 3
	}
	if q := b.through(p, symbol); q.grown >= p.grown/2 {
		return 2
	}
	for _, m := range p.members {
		s := &b.stacks[m.stack]
		if s.side == 1 && !slices.ContainsFunc(s.calls[:max(0, m.at)], func(c int32) bool { return b.symbolOf(1, c) == symbol }) {
			return 0
		}
	}
	return 1
}

// preparesMore says whether a part grew because it signs far more often. Refused
// work is found by counters of refusals, of which a benchmark has none; but base is
// a witness that the operation can be done with less. Of other work that only
// prepares, such as compressing, more may as well mean that there is more of it,
// or that it is done otherwise: what a signature takes is up to its key.
func (b *blame) preparesMore(p *part) bool {
	return b.operation(p) == analyze.OpSign && p.grown > (muchLarger-1)*b.cost(&p.tally, 0)
}
