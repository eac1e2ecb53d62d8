package analyze

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"busywork/profile/stacks"
)

// walker carries what one pass over the samples needs, so that no sample
// allocates anything but a new group's chain. Large profiles have half a million
// frames, so all that is touched for every frame is one word by location and
// one account by function, and not an array for each thing to know. That, and
// the two passes of walk, made walking a stack an eighth to a third cheaper.
type walker struct {
	c        *CPU
	frames   []stacks.Frame
	locs     []stacks.Location
	sites    []site    // by location
	accounts []account // by function, and one more, see inlined
	inlined  uint32    // the function of a site that is several or none: counted, and thrown away
	classes  []class   // by function
	samples  int       // how many there are to walk
	stack    uint32    // number of the stack being walked
	noted    []uint32  // its locations that are to be noted
	chain    []uint32  // its own functions
	slab     []uint32  // where the chains of groups are kept, many to an allocation
	slots    []slot    // hash table into c.Groups by linear probing
	seed     uint64    // of the hash: names come from strangers, who must not choose what collides
	current  stackFacts
}

// A site is the function that a location stands for. Its top bit is set if that
// is to be noted: because of its class, or because the compiler inlined and
// there are several.
type site uint32

const notedBit = 1 << 31

func (s site) function() uint32 { return uint32(s) &^ notedBit }

// noted is 1 or 0, to be added without a branch.
func (s site) noted() int { return int(s >> 31) }

// An account is what is counted of a function, and what of its class a stack
// needs, in 16 bytes.
type account struct {
	cum   float64
	seen  uint32 // the last stack on which it was counted
	op    Operation
	own   bool
	rest  bool // its class has marks, units or markers
	plain bool // nothing to be noted
}

// count counts a function, once a stack.
func (a *account) count(stack uint32, seconds float64) {
	if a.seen != stack {
		a.seen = stack
		a.cum += seconds
	}
}

// stackFacts is what is gathered while one stack is walked from its leaf.
type stackFacts struct {
	hash    uint64
	ops     operationSet
	units   uint32
	markers uint32
	marks   Mark
	runtime Operation // nearest to the leaf
	work    Operation // the last one before own code: what own code asked for
	owned   bool
	leafOwn bool
	lastOwn uint32
	left    uint32 // if owned: the index in frames at which the stack left own code
}

func (c *CPU) aggregate(p *stacks.Profile, v valuePick, classes []class) error {
	c.Groups = make([]Group, 0, firstGroups)
	w := newWalker(c, p, classes)
	err := p.Each(func(locs []uint32, values []int64) {
		seconds, samples := v.of(values)
		if seconds <= 0 {
			return // a difference of profiles, or an empty sample: nothing burned
		}
		c.Seconds += seconds
		c.Samples += samples
		w.walk(locs, seconds)
		w.add(seconds, samples)
	})
	for f := range c.Cum {
		c.Cum[f] = w.accounts[f].cum
	}
	return err
}

// newWalker takes from the tables what a walk needs for every frame.
func newWalker(c *CPU, p *stacks.Profile, classes []class) *walker {
	w := &walker{
		c: c, samples: p.Samples, frames: p.Frames, locs: p.Locations, classes: classes,
		sites:    make([]site, len(p.Locations)),
		accounts: make([]account, len(p.Functions)+1),
		inlined:  uint32(len(p.Functions)),
		noted:    make([]uint32, 256),
		chain:    make([]uint32, 0, maxChain),
		slots:    make([]slot, 2*firstGroups),
		seed:     rand.Uint64(),
	}
	for f := range classes {
		k := &classes[f]
		w.accounts[f] = account{op: k.op, own: k.own, rest: k.units|k.markers != 0 || k.marks != 0, plain: k.plain}
	}
	for i := range p.Locations {
		l := &p.Locations[i]
		if l.N != 1 {
			w.sites[i] = site(w.inlined | notedBit)
			continue
		}
		f := p.Frames[l.First].Function
		w.sites[i] = site(f)
		if !classes[f].plain {
			w.sites[i] |= notedBit
		}
	}
	return w
}

// walk goes through one stack, leaf first, twice. The first time all is counted
// and what is to be noted is only put aside, without a branch: a processor
// cannot guess which frames those are, and guessing wrong costs more than the
// rest of the frame.
func (w *walker) walk(locs []uint32, seconds float64) {
	w.stack++
	w.chain = w.chain[:0]
	w.current = stackFacts{hash: w.seed}
	w.leaf(locs, seconds)
	if len(w.noted) < len(locs) {
		w.noted = make([]uint32, 2*len(locs))
	}
	n := w.count(locs, seconds)
	for _, l := range w.noted[:n] {
		if f := w.sites[l].function(); f != w.inlined {
			w.note(f, l, 0)
			continue
		}
		loc := w.locs[l]
		for i, frame := range w.frames[loc.First:][:loc.N] {
			a := &w.accounts[frame.Function]
			a.count(w.stack, seconds)
			if !a.plain {
				w.note(frame.Function, l, uint32(i))
			}
		}
	}
}

// count counts the functions of a stack and puts aside, in w.noted, what is to be
// noted; it returns how many locations those are. The slices are copied to where
// the compiler knows that nothing changes them.
func (w *walker) count(locs []uint32, seconds float64) (noted int) {
	aside, sites, accounts, stack := w.noted[:len(locs)], w.sites, w.accounts, w.stack
	for _, l := range locs {
		s := sites[l]
		aside[noted] = l
		noted += s.noted()
		accounts[s.function()].count(stack, seconds)
	}
	return noted
}

// leaf counts the stack for the function that it ends in.
func (w *walker) leaf(locs []uint32, seconds float64) {
	for _, l := range locs {
		if loc := &w.locs[l]; loc.N > 0 {
			f := w.frames[loc.First].Function
			w.c.Flat[f] += seconds
			w.current.leafOwn = w.classes[f].own
			return
		}
	}
}

// note takes the class of a function into account, met at the i-th frame of a
// location.
func (w *walker) note(f, location, i uint32) {
	a := &w.accounts[f]
	if a.op != OpNone {
		w.current.note(a.op)
	}
	if a.rest {
		w.current.units |= w.classes[f].units
		w.current.markers |= w.classes[f].markers
		w.current.marks |= w.classes[f].marks
	}
	if a.own {
		w.own(f, location, i)
	}
}

// own takes note of one of the service's own functions.
func (w *walker) own(f, location, i uint32) {
	s := &w.current
	if !s.owned {
		s.owned, s.left = true, w.locs[location].First+i
	} else if f == s.lastOwn {
		return // recursion, or a closure inlined into itself
	}
	s.lastOwn = f
	if len(w.chain) < maxChain {
		w.chain = append(w.chain, f)
		s.hash = (s.hash ^ uint64(f)) * 1099511628211
	}
}

// note takes an operation into account, going from the leaf to the root.
func (s *stackFacts) note(op Operation) {
	s.ops |= 1 << op
	switch {
	case op.isWork():
		if !s.owned {
			s.work = op
		}
	case s.runtime == OpNone || op == OpGCIdle:
		s.runtime = op
	}
}

// operation is the family that the whole stack belongs to: what own code asked
// for, else what the runtime was doing, else own code itself.
func (s *stackFacts) operation() Operation {
	switch {
	case s.runtime == OpGCIdle:
		return OpGCIdle
	case s.work != OpNone:
		return s.work
	case s.runtime != OpNone:
		return s.runtime
	case s.leafOwn || s.owned && s.ops == 0:
		return OpOwn
	}
	return OpOther
}

// add counts the walked stack in its group, and returns the index of that.
func (w *walker) add(seconds, samples float64) int {
	s := &w.current
	op := s.operation()
	hash := s.hash ^ bits.RotateLeft64(uint64(s.ops), 17)*0x9E3779B97F4A7C15 ^ uint64(op)<<56 ^ uint64(s.units)<<32 ^ uint64(s.markers) ^ uint64(s.marks)<<24
	group := w.group(uint32(hash*0x9E3779B97F4A7C15>>32), op)
	g := &w.c.Groups[group]
	g.Seconds += seconds
	g.Samples += samples
	if seconds > g.heavy {
		g.heavy = seconds
		if s.owned {
			g.Line = w.frames[s.left].Line
		}
	}
	return group
}

// A slot of the hash table has the hash next to the index, so that only a group
// that fits is ever looked at.
type slot struct {
	hash  uint32
	group int32 // index + 1, 0 if the slot is free
}

// group is the index of that of the walked stack; a new one if there is none
// yet. They are numbered as they come, so the same profile gives the same numbers.
func (w *walker) group(hash uint32, op Operation) int {
	mask := uint32(len(w.slots) - 1)
	at := hash & mask
	for ; w.slots[at].group != 0; at = (at + 1) & mask {
		if s := w.slots[at]; s.hash == hash && w.same(&w.c.Groups[s.group-1], op) {
			return int(s.group - 1)
		}
	}
	s := &w.current
	w.c.Groups = append(w.c.Groups, Group{Chain: w.keepChain(), Op: op, Ops: s.ops, Marks: s.marks, Units: s.units, Markers: s.markers})
	w.slots[at] = slot{hash, int32(len(w.c.Groups))}
	if len(w.c.Groups) == cap(w.c.Groups) {
		w.grow()
	}
	return len(w.c.Groups) - 1
}

// firstGroups is the number of groups that there is room for at first.
const firstGroups = 512

// grow makes room as if new groups went on to come as often as so far, and
// somewhat more: of 30,000 samples, 20,000 may be groups of their own, or 500 be
// all there are. The guess is held to be true of 32,768 groups, 3 MB, at most.
func (w *walker) grow() {
	n := len(w.c.Groups)
	rate := 1.1 * float64(n) / float64(w.stack)
	expected := min(int(rate*float64(w.samples)), w.samples, 1<<15)
	w.c.Groups = slices.Grow(w.c.Groups, max(n, expected-n))
	w.rehash(4 * cap(w.c.Groups) / 3)
}

// rehash makes a table of at least that size.
func (w *walker) rehash(size int) {
	old := w.slots
	w.slots = make([]slot, 1<<bits.Len(uint(size)))
	mask := uint32(len(w.slots) - 1)
	for _, s := range old {
		if s.group == 0 {
			continue
		}
		at := s.hash & mask
		for w.slots[at].group != 0 {
			at = (at + 1) & mask
		}
		w.slots[at] = s
	}
}

func (w *walker) same(g *Group, op Operation) bool {
	s := &w.current
	if g.Op != op || g.Ops != s.ops || g.Marks != s.marks || g.Units != s.units || g.Markers != s.markers || len(g.Chain) != len(w.chain) {
		return false
	}
	for i, f := range w.chain {
		if g.Chain[i] != f {
			return false
		}
	}
	return true
}

// slabSize is the number of functions that one allocation for chains holds.
const slabSize = 16 << 10

// keepChain copies the walked chain to where it can stay.
func (w *walker) keepChain() []uint32 {
	if len(w.slab)+len(w.chain) > cap(w.slab) {
		w.slab = make([]uint32, 0, slabSize)
	}
	start := len(w.slab)
	w.slab = append(w.slab, w.chain...)
	return w.slab[start:len(w.slab):len(w.slab)]
}
