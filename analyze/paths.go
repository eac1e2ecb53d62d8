package analyze

import (
	"path"
	"sort"
)

// A Spend is CPU of one kind (one operation, say) seen by where in the
// service's own code it was asked for.
type Spend struct {
	Seconds float64
	// Shared is the outermost own function that all of it passes through: what
	// several paths do alike. Own is false when it passes through none.
	Shared uint32
	Own    bool
	// Branches are the own functions that call Shared, by CPU, most first. One
	// branch means a single way to it.
	Branches []Branch
	Line     int64 // in the nearest own function, of the heaviest stack
}

// A Branch is one way into a Spend.
type Branch struct {
	Function uint32
	Root     bool // Shared is where its goroutine starts: Function means nothing
	Seconds  float64
	Samples  float64
}

// Which branches count: fewer samples may be a stray stack, less share is not
// worth a word.
const (
	branchSamples = 10
	branchShare   = 0.03
)

// mostOf is the part of a spend that must pass through a function for it to
// count as all: the rest are stacks that were cut or sampled in a prologue.
const mostOf = 0.9

// spend looks at the groups that keep says yes to.
func (c *CPU) spend(keep func(*Group) bool) Spend {
	var groups []*Group
	var s Spend
	through := map[uint32]float64{}
	heaviest := 0.0
	for i := range c.Groups {
		g := &c.Groups[i]
		if !keep(g) {
			continue
		}
		s.Seconds += g.Seconds
		if len(g.Chain) == 0 {
			continue
		}
		groups = append(groups, g)
		for _, f := range distinctFunctions(g.Chain) {
			through[f] += g.Seconds
		}
		if g.heavy > heaviest {
			heaviest, s.Line = g.heavy, g.Line
		}
	}
	if len(groups) == 0 {
		return s
	}
	s.Shared, s.Own = c.outermostShared(groups, through, mostOf*s.Seconds)
	if s.Own {
		s.Branches = branches(groups, s.Shared)
	}
	return s
}

func distinctFunctions(chain []uint32) []uint32 {
	list := chain[:0:0]
next:
	for _, f := range chain {
		for _, g := range list {
			if f == g {
				continue next
			}
		}
		list = append(list, f)
	}
	return list
}

// outermostShared walks outward from the leaf, along the heaviest chain, as
// long as nearly all CPU still passes through one function, and stops before
// the function that only one of several callers is.
func (c *CPU) outermostShared(groups []*Group, through map[uint32]float64, enough float64) (uint32, bool) {
	heaviest := groups[0]
	for _, g := range groups {
		if g.Seconds > heaviest.Seconds {
			heaviest = g
		}
	}
	var best uint32
	found := false
	for _, f := range heaviest.Chain {
		if through[f] >= enough {
			best, found = f, true
			if len(branches(groups, f)) > 1 {
				break // here the ways part; further out they may meet again, in main
			}
		}
	}
	return best, found
}

// branches are the callers of f inside own code that carry weight.
func branches(groups []*Group, f uint32) []Branch {
	type caller struct {
		f    uint32
		root bool
	}
	by := map[caller]*Branch{}
	var total float64
	for _, g := range groups {
		at := lastIndex(g.Chain, f)
		if at < 0 {
			continue
		}
		k := caller{root: true}
		if at+1 < len(g.Chain) {
			k = caller{f: g.Chain[at+1]}
		}
		if by[k] == nil {
			by[k] = &Branch{Function: k.f, Root: k.root}
		}
		by[k].Seconds += g.Seconds
		by[k].Samples += g.Samples
		total += g.Seconds
	}
	var list []Branch
	for _, b := range by {
		if b.Samples >= branchSamples && b.Seconds >= branchShare*total {
			list = append(list, *b)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.Seconds > b.Seconds || a.Seconds == b.Seconds && a.Function < b.Function
	})
	return list
}

func lastIndex(chain []uint32, f uint32) int {
	for i := len(chain) - 1; i >= 0; i-- {
		if chain[i] == f {
			return i
		}
	}
	return -1
}

// under is the CPU seconds of all stacks that pass through an own function.
func (c *CPU) under(f uint32) float64 {
	return c.where(c.below(f))
}

// below says of a group whether it passes through an own function.
func (c *CPU) below(f uint32) func(*Group) bool {
	return func(g *Group) bool { return lastIndex(g.Chain, f) >= 0 }
}

// operationsUnder is the CPU below an own function by operation, most first.
func (c *CPU) operationsUnder(f uint32) []opSeconds {
	var by [operations]float64
	for i := range c.Groups {
		if g := &c.Groups[i]; lastIndex(g.Chain, f) >= 0 {
			by[g.Op] += g.Seconds
		}
	}
	var list []opSeconds
	for op, s := range by {
		if s > 0 {
			list = append(list, opSeconds{Operation(op), s})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].seconds > list[j].seconds })
	return list
}

type opSeconds struct {
	op      Operation
	seconds float64
}

// attemptFunction is the own function that stands for one attempt: what several
// paths share; on a single path the innermost function that holds the operation
// and nearly all of the remote calls around it.
func (c *CPU) attemptFunction(s Spend) uint32 {
	if len(s.Branches) > 1 {
		return s.Shared
	}
	isRemote := func(f uint32) float64 {
		return c.where(func(g *Group) bool { return remote.has(g.Op) && lastIndex(g.Chain, f) >= 0 })
	}
	var heaviest *Group
	for i := range c.Groups {
		if g := &c.Groups[i]; lastIndex(g.Chain, s.Shared) >= 0 && g.Line == s.Line && heaviest == nil {
			heaviest = g
		}
	}
	if heaviest == nil {
		return s.Shared
	}
	all := isRemote(s.Shared)
	for _, f := range heaviest.Chain[:lastIndex(heaviest.Chain, s.Shared)+1] {
		if c.under(f) >= mostOf*s.Seconds && isRemote(f) >= 0.8*all {
			return f
		}
	}
	return s.Shared
}

// A portion is a part of the CPU of some kind that a function must hold.
type portion struct {
	part float64
	keep func(*Group) bool
}

// most lets a scan that is called from one more place be named all the same;
// some is what no accident of sampling reaches.
const (
	most = 0.7
	some = 0.2
)

// innermost is the own function nearest to the leaf under which the given
// portions lie.
func (c *CPU) innermost(portions ...portion) (uint32, bool) {
	var holders map[uint32]bool
	for _, p := range portions {
		by, total := map[uint32]float64{}, 0.0
		for i := range c.Groups {
			if g := &c.Groups[i]; len(g.Chain) > 0 && p.keep(g) {
				total += g.Seconds
				for _, f := range distinctFunctions(g.Chain) {
					by[f] += g.Seconds
				}
			}
		}
		next := map[uint32]bool{}
		for f, s := range by {
			if s >= p.part*total && (holders == nil || holders[f]) {
				next[f] = true
			}
		}
		holders = next
	}
	var best uint32
	ok := false
	for f := range holders {
		if u, v := c.Cum[f], c.Cum[best]; !ok || u < v || u == v && f < best {
			best, ok = f, true
		}
	}
	return best, ok
}

// location is an own function as a finding names it, with the way to it.
func (c *CPU) location(f uint32, line int64) Location {
	fn := &c.Functions[f]
	l := Location{Function: fn.Name, File: fn.File, Line: line}
	if l.Line == 0 {
		l.Line = fn.StartLine
	}
	var heaviest *Group
	for i := range c.Groups {
		if g := &c.Groups[i]; lastIndex(g.Chain, f) >= 0 && (heaviest == nil || g.Seconds > heaviest.Seconds) {
			heaviest = g
		}
	}
	if heaviest != nil {
		for _, own := range heaviest.Chain[lastIndex(heaviest.Chain, f):] {
			l.Path = append(l.Path, c.name(own))
		}
	}
	return l
}

// short is a function's name without the directory of its package:
// "dispatch.(*Dispatcher).offer".
func short(name string) string {
	return path.Base(WithoutTypeArguments(name))
}
