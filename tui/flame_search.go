package tui

import (
	"math"
	"slices"
	"sort"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
	"busywork/profile/stacks"
)

// A search is what the filter finds in a tree of calls: the frames whose function
// has it in its name, whatever the case.
type search struct {
	filter    string
	lower     []string // by function: its name in lower case; made for the first search
	hit       []bool   // by function
	functions int      // that were hit
	found
}

// found is some of a tree's nodes.
type found struct {
	nodes   []int32 // in the tree's order
	seconds float64 // CPU of all of them; those below others count once
}

// show searches, if the filter is another one.
func (s *search) show(c *analyze.Calls, filter string) {
	if filter == s.filter {
		return
	}
	s.filter, s.functions, s.found = filter, 0, found{nodes: s.nodes[:0]}
	if filter == "" {
		return
	}
	if s.lower == nil {
		s.lower, s.hit = make([]string, len(c.Functions)), make([]bool, len(c.Functions))
		for i := range c.Functions {
			s.lower[i] = strings.ToLower(c.Functions[i].Name)
		}
	}
	filter = strings.ToLower(filter)
	for i, name := range s.lower {
		if s.hit[i] = strings.Contains(name, filter); s.hit[i] {
			s.functions++
		}
	}
	if s.functions > 0 {
		s.collect(c, s.hit)
	}
}

// collect finds the nodes whose function is one of those that were hit. The tree
// stands depth first, so what is below a node follows it, up to the next one that
// is not deeper.
func (f *found) collect(c *analyze.Calls, hit []bool) {
	under := int32(math.MaxInt32) // the depth of the node found that is above this one
	for i := 1; i < len(c.Nodes); i++ {
		n := &c.Nodes[i]
		if n.Depth <= under {
			under = math.MaxInt32
		}
		if !hit[n.Function] {
			continue
		}
		if under == math.MaxInt32 {
			f.seconds += n.Seconds
			under = n.Depth
		}
		f.nodes = append(f.nodes, int32(i))
	}
}

// has says whether a search is on and has found the node.
func (s *search) has(c *analyze.Calls, node int32) bool {
	f := c.Nodes[node].Function
	return len(s.nodes) > 0 && f >= 0 && s.hit[f]
}

// next is the match that comes after a node in the tree's order, or before it, and
// after the last one the first. There must be one.
func (f *found) next(node int32, by int) int32 {
	i := sort.Search(len(f.nodes), func(i int) bool { return f.nodes[i] >= node })
	switch {
	case by < 0:
		i--
	case i < len(f.nodes) && f.nodes[i] == node:
		i++
	}
	return f.nodes[(i+len(f.nodes))%len(f.nodes)]
}

// toMatch goes to the next match, or the one before.
func (f *flame) toMatch(by int) tea.Cmd {
	list := &f.search.found
	if len(list.nodes) == 0 {
		if f.same.name.Name == "" {
			return says("nothing to go to: / searches, f highlights a function")
		}
		list = &f.same.found
	}
	if len(list.nodes) > 0 {
		f.reveal(list.next(f.way.cursor(), by))
		f.follow()
	}
	return nil
}

// says is a command with something for the status line.
func says(text string) tea.Cmd {
	return func() tea.Msg { return saidMsg{text: text} }
}

// sameFunction is a function that is highlighted wherever it is called. It is
// known by name from one window to the next.
type sameFunction struct {
	name     stacks.Function // Name is "" if none is highlighted
	function int32           // in the tree; −1 if it is not there
	found
}

// toggle highlights the function of a node; if it is already, no more.
func (s *sameFunction) toggle(c *analyze.Calls, node int32) {
	i := c.Nodes[node].Function
	if was := s.function; s.clear() && was == i || i < 0 {
		return
	}
	f := c.Functions[i]
	s.name = stacks.Function{Name: strings.Clone(f.Name), File: strings.Clone(f.File)}
	s.find(c)
}

// clear ends the highlighting; false if there was none.
func (s *sameFunction) clear() bool {
	was := s.name.Name != ""
	*s = sameFunction{function: -1}
	return was
}

// find looks the function up in another tree.
func (s *sameFunction) find(c *analyze.Calls) {
	s.function, s.found = -1, found{}
	if s.name.Name == "" {
		return
	}
	s.function = int32(slices.IndexFunc(c.Functions, func(f stacks.Function) bool { return f.Name == s.name.Name && f.File == s.name.File }))
	if s.function >= 0 {
		hit := make([]bool, len(c.Functions))
		hit[s.function] = true
		s.collect(c, hit)
	}
}

// has says whether the node is highlighted.
func (s *sameFunction) has(c *analyze.Calls, node int32) bool {
	return s.name.Name != "" && s.function >= 0 && c.Nodes[node].Function == s.function
}
