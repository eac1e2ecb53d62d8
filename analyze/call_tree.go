package analyze

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// maxCalls bounds a tree to 50 MB. The largest profile of a service that was at
// hand has 32,000 calls, one of a C++ program with cut stacks 425,000.
const maxCalls = 1 << 20

// firstCalls is how many calls there is room for at first, 400 KB.
const firstCalls = 1 << 13

// A callTree grows from the root by parting the stacks that go through a call by
// what they call next. So the nodes come into being in their final order, all
// that is to be known of one is known when it is made, and where a stack is alone,
// as it is on most nodes of a large tree, a node costs a handful of instructions.
// A hash table from caller and callee to node, which every frame of every stack
// had to go through, made the whole way from the bytes take twice as long.
type callTree struct {
	*callStacks
	c       *Calls
	classes []class
	groups  []Group
	limited bool // there may be more calls than fit
	room    int  // maxCalls, but for tests
	ended   int  // stacks that are in the tree to their end

	parts  []part    // of all calls from the root to the one at hand
	spare  []int32   // as many members as there are, to order them
	counts []callee  // by function, zero in between
	lines  []float64 // CPU seconds by place, zero in between
}

// A part is the stacks that go from one call to the same function.
type part struct {
	function uint32
	from, to int32 // in the members of the call
	seconds  float64
}

type callee struct {
	n, next int32
	seconds float64
}

func newCallTree(c *Calls, s *callStacks, classes []class, groups []Group) *callTree {
	return &callTree{
		callStacks: s, c: c, groups: groups, room: maxCalls,
		classes: append(classes, class{}), // for what has no name
		spare:   make([]int32, len(s.list)),
		counts:  make([]callee, len(s.functions)+1),
		lines:   make([]float64, len(s.places)),
	}
}

// grow fills in the nodes and leaves of c. Functions of the nodes are numbers in
// the profile.
func (t *callTree) grow() {
	members := make([]int32, len(t.list))
	for i := range members {
		members[i] = int32(i)
	}
	t.limited = len(t.frames) >= t.room
	t.c.Nodes = make([]Call, 1, firstCalls)
	t.c.leaves = make([]leaf, 0, len(t.list))
	root := &t.c.Nodes[0]
	root.Function, root.Seconds, root.Op = -1, t.c.Seconds, t.mostOf(members)
	t.below(0, members, 0, t.room-1)
}

// below makes what a call calls, and all beneath it: at most budget nodes. It
// returns how many it made. The members are the stacks that go through the call,
// which is depth frames from the root.
func (t *callTree) below(node int32, members []int32, depth, budget int) (made int) {
	members = t.ending(node, members, depth)
	if len(members) == 1 {
		return t.chain(node, members[0], depth, budget)
	}
	first := len(t.parts)
	left := t.split(members, depth)
	last := int32(0)
	for i := first; i < len(t.parts); i++ {
		p := t.parts[i]
		// If not all fits, each gets its part by CPU, and what the heavier ones did
		// not need.
		share := budget - made
		if t.limited {
			share = int(math.Ceil(float64(share) * p.seconds / max(left, p.seconds)))
			left -= p.seconds
		}
		stacks := members[p.from:p.to]
		if share < 1 {
			t.fold(node, stacks)
			continue
		}
		last = t.call(node, last, p, stacks, depth)
		made += 1 + t.below(last, stacks, depth+1, share-1)
	}
	t.parts = t.parts[:first]
	return made
}

// ending counts the members whose stack ends in the call, and returns the others.
func (t *callTree) ending(node int32, members []int32, depth int) []int32 {
	goOn := 0
	for i, m := range members {
		if int(t.list[m].n) > depth {
			members[goOn], members[i] = m, members[goOn]
			goOn++
		}
	}
	for _, m := range members[goOn:] {
		t.end(node, m)
	}
	return members[:goOn]
}

// end counts a stack as ending in a call.
func (t *callTree) end(node, member int32) {
	t.ended++
	s, n := &t.list[member], &t.c.Nodes[node]
	n.Self += s.seconds
	n.Folded = n.Folded || s.folded
	if last := len(t.c.leaves) - 1; last >= 0 && t.c.leaves[last].node == node && t.c.leaves[last].group == s.group {
		t.c.leaves[last].seconds += s.seconds
		return
	}
	t.c.leaves = append(t.c.leaves, leaf{node, s.group, s.seconds})
}

// fold counts stacks as ending in a call though they go on.
func (t *callTree) fold(node int32, members []int32) {
	t.c.Nodes[node].Folded = true
	for _, m := range members {
		t.end(node, m)
	}
}

// chain makes the rest of a stack that is alone.
func (t *callTree) chain(node, member int32, depth, budget int) int {
	s := &t.list[member]
	rest := t.frames[s.start:][depth:s.n]
	if len(rest) > budget {
		rest = rest[:max(0, budget)]
		s.folded = true
	}
	for _, at := range rest {
		p := t.places[at]
		op := t.classes[p.function].op
		if op == OpNone {
			op = t.groups[s.group].Op
		}
		node = t.append(node, 0, Call{Function: int32(p.function), Op: op, Seconds: s.seconds, Line: p.line})
	}
	t.end(node, member)
	return len(rest)
}

// call makes the call that a part is of. last is the caller's callee before it.
func (t *callTree) call(node, last int32, p part, members []int32, depth int) int32 {
	op := t.classes[p.function].op
	if op == OpNone {
		op = t.mostOf(members)
	}
	return t.append(node, last, Call{Function: int32(p.function), Op: op, Seconds: p.seconds, Line: t.line(members, depth)})
}

func (t *callTree) append(parent, last int32, call Call) int32 {
	index := int32(len(t.c.Nodes))
	call.Parent, call.Depth = parent, t.c.Nodes[parent].Depth+1
	if last == 0 {
		t.c.Nodes[parent].First = index
	} else {
		t.c.Nodes[last].Next = index
	}
	if len(t.c.Nodes) == cap(t.c.Nodes) {
		t.more()
	}
	t.c.Nodes = append(t.c.Nodes, call)
	return index
}

// more makes room as if the stacks to come had as many new calls each as those
// that have ended, and a quarter more: to grow by doubling took a fifth of the time.
func (t *callTree) more() {
	n := len(t.c.Nodes)
	expected := int(1.25 * float64(n) * float64(len(t.list)) / float64(t.ended+1))
	t.c.Nodes = slices.Grow(t.c.Nodes, max(n/4, min(expected, t.room)-n))
}

// split orders the members by the function that they call next, the one with most
// CPU first, and notes the parts. It returns the CPU seconds of all.
func (t *callTree) split(members []int32, depth int) (seconds float64) {
	first := len(t.parts)
	for _, m := range members {
		s := &t.list[m]
		f := t.places[t.frames[int(s.start)+depth]].function
		if t.counts[f].n == 0 {
			t.parts = append(t.parts, part{function: f})
		}
		t.counts[f].n++
		t.counts[f].seconds += s.seconds
		seconds += s.seconds
	}
	parts := t.parts[first:]
	for i := range parts {
		parts[i].seconds = t.counts[parts[i].function].seconds
	}
	slices.SortFunc(parts, t.order)
	at := int32(0)
	for i := range parts {
		p := &parts[i]
		n := &t.counts[p.function]
		p.from, p.to, n.next = at, at+n.n, at
		at = p.to
	}
	if len(parts) > 1 {
		t.arrange(members, depth)
	}
	for i := range parts {
		t.counts[parts[i].function] = callee{}
	}
	return seconds
}

// arrange moves every member to the next place of its part.
func (t *callTree) arrange(members []int32, depth int) {
	ordered := t.spare[:len(members)]
	for _, m := range members {
		n := &t.counts[t.places[t.frames[int(t.list[m].start)+depth]].function]
		ordered[n.next] = m
		n.next++
	}
	copy(members, ordered)
}

// order puts the heavier part first. Of equal ones the name decides: so they stand
// in the same order in the next window.
func (t *callTree) order(a, b part) int {
	if c := cmp.Compare(b.seconds, a.seconds); c != 0 {
		return c
	}
	if c := strings.Compare(t.name(a.function), t.name(b.function)); c != 0 {
		return c
	}
	return cmp.Compare(a.function, b.function)
}

// mostOf is the operation that most CPU of the stacks is for.
func (t *callTree) mostOf(members []int32) Operation {
	var by [operations]float64
	var present operationSet
	for _, m := range members {
		s := &t.list[m]
		op := t.groups[s.group].Op
		by[op] += s.seconds
		present |= 1 << op
	}
	most := OpNone
	for ; present != 0; present &= present - 1 {
		if op := Operation(bits.TrailingZeros64(uint64(present))); by[op] > by[most] {
			most = op
		}
	}
	return most
}

// line is the one that the function called next is at for most CPU of the stacks;
// of two that are equal the first in the file.
func (t *callTree) line(members []int32, depth int) int64 {
	var line int64
	most := 0.0
	for _, m := range members {
		s := &t.list[m]
		t.lines[t.frames[int(s.start)+depth]] += s.seconds
	}
	for _, m := range members {
		at := t.frames[int(t.list[m].start)+depth]
		seconds := t.lines[at]
		t.lines[at] = 0
		if l := t.places[at].line; seconds > most || seconds == most && l < line {
			line, most = l, seconds
		}
	}
	return line
}
