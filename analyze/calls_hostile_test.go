package analyze

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"busywork/profile/stacks"
)

// A stack of a thousand frames is kept as deep as anybody looks, with all its CPU,
// and marked. Recursion is not folded.
func TestDeepStack(t *testing.T) {
	deep := strings.Repeat("main.f < ", 3000) + "main.main"
	c := callsOf(t, newCapture(t, 0.5, 1, stack{deep, 2}, stack{"main.leaf < " + deep, 1}, stack{"main.leaf < main.main", 1}))
	checkTree(t, c)
	folded, deepest := 0, int32(0)
	for i := range c.Nodes {
		deepest = max(deepest, c.Nodes[i].Depth)
		if n := &c.Nodes[i]; n.Folded {
			folded++
			if n.Depth != maxCallDepth || n.Self != 3 {
				t.Errorf("folded: %+v", *n)
			}
		}
	}
	if folded != 1 || deepest != maxCallDepth || len(c.Nodes) != 1+maxCallDepth+1 {
		t.Errorf("%d folded, %d deep, %d calls", folded, deepest, len(c.Nodes))
	}
}

// boundedTree makes a tree with other bounds than the real ones.
func boundedTree(t *testing.T, frames, calls int, list ...stack) *Calls {
	t.Helper()
	p, err := stacks.Decode(profileOf(t, list...).Data, stacks.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	s := newCallStacks(p)
	s.room = frames
	c := &Calls{}
	if err := p.Each(func(locs []uint32, values []int64) {
		if seconds := float64(values[1]) / 1e9; seconds > 0 {
			c.Seconds += seconds
			s.add(locs, 0, seconds)
		}
	}); err != nil {
		t.Fatal(err)
	}
	tree := newCallTree(c, s, make([]class, len(p.Functions)), []Group{{Op: OpOwn}})
	tree.room = calls
	tree.grow()
	nameCalls(c, s)
	return c
}

// wide is many stacks of their own, each lighter than the one before.
func wide(n, depth int) (list []stack) {
	for i := range n {
		var frames []string
		for k := range depth {
			frames = append(frames, fmt.Sprintf("main.f%d_%d", i, k))
		}
		list = append(list, stack{strings.Join(frames, " < ") + " < main.main", float64(n - i)})
	}
	return list
}

// If there are more calls than fit, the heavy ones stay, and no CPU is lost.
func TestTooManyCalls(t *testing.T) {
	const n, depth = 100, 10
	for _, room := range []int{2, 3, 50, 500, n*depth + 1, n*depth + 2, 5000} {
		c := boundedTree(t, maxStackFrames, room, wide(n, depth)...)
		checkTree(t, c)
		folded := slices.ContainsFunc(c.Nodes, func(n Call) bool { return n.Folded })
		if len(c.Nodes) > room || len(c.Nodes) < min(room, n*depth+2)*4/5 || folded != (room < n*depth+2) {
			t.Errorf("room %d: %d calls, folded: %v", room, len(c.Nodes), folded)
		}
		if heaviest := c.Nodes[c.Nodes[c.Nodes[0].First].First]; room > 2 && heaviest.Seconds != n || room >= 500 && heaviest.First == 0 {
			t.Errorf("room %d: the heaviest is %+v", room, heaviest)
		}
	}
}

// If there are more frames than fit, every stack keeps as many as every other.
func TestTooManyFrames(t *testing.T) {
	const n, depth = 100, 63
	c := boundedTree(t, n*20, maxCalls, wide(n, depth)...)
	checkTree(t, c)
	ends := map[int32]int{}
	for i := range c.Nodes {
		if c.Nodes[i].Folded {
			ends[c.Nodes[i].Depth]++
		}
	}
	if len(ends) != 1 || ends[16] != n {
		t.Errorf("stacks end, by depth: %v", ends)
	}
}

func TestStacksWithoutNames(t *testing.T) {
	p := &stacks.Profile{Samples: 2, Locations: []stacks.Location{{}, {First: 0, N: 1}}, Frames: []stacks.Frame{{Function: 0, Line: -3}}, Functions: []stacks.Function{{Name: "main.f"}}}
	s, c := newCallStacks(p), &Calls{Seconds: 3}
	s.add([]uint32{0, 0}, 0, 1) // nobody could name any of it
	s.add([]uint32{0, 1, 0}, 0, 2)
	newCallTree(c, s, make([]class, 1), []Group{{Op: OpOther}}).grow()
	nameCalls(c, s)
	checkTree(t, c)
	if len(c.Nodes) != 3 || c.Functions[0].Name != "main.f" || c.Functions[1].Name != "[unknown]" || c.Nodes[1].Line != 0 || c.Nodes[1].Self != 2 {
		t.Errorf("%+v %+v", c.Nodes, c.Functions)
	}
}

func TestHostileCallNames(t *testing.T) {
	evil := "main.x\x1b[31m\a\u009b2J\u202e\xff\n"
	c := callsOf(t, newCapture(t, 0.5, 1, stack{evil + " < main.main", 2}))
	for _, f := range c.Functions {
		for _, r := range f.Name + f.File {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q", f.Name)
			}
		}
	}
}
