package analyze

import (
	"slices"

	"busywork/profile/stacks"
)

// matcher finds the nodes of one tree of calls in another.
type matcher struct {
	new, old *Calls
	was      []int32 // by node of new, its node in old, −1 if there is none
	// Names are compared as numbers that both trees share: once with the file they
	// are in, and once without.
	inFile, named numbering
	queue         []int32 // by number: the node of old that is to be had next, 0 if there is none
	behind        []int32 // by node of old: the next one in its queue
	taken         []bool  // by node of old
	kids          []int32 // the children that queue, for reuse
}

// numbering has, by function of the new and of the old tree, the number of its
// name.
type numbering struct{ new, old []int32 }

func newMatcher(c, old *Calls) *matcher {
	m := &matcher{
		new: c, old: old,
		was:    make([]int32, len(c.Nodes)),
		behind: make([]int32, len(old.Nodes)),
		taken:  make([]bool, len(old.Nodes)),
		inFile: numbered(c, old, func(f *stacks.Function) [2]string { return [2]string{f.Name, f.File} }),
		named:  numbered(c, old, func(f *stacks.Function) [2]string { return [2]string{f.Name} }),
		queue:  make([]int32, len(c.Functions)+len(old.Functions)),
	}
	for i := range m.was {
		m.was[i] = -1
	}
	m.was[0] = 0 // all is all
	return m
}

func numbered(c, old *Calls, key func(*stacks.Function) [2]string) numbering {
	numbers := make(map[[2]string]int32, len(c.Functions))
	list := func(functions []stacks.Function) []int32 {
		of := make([]int32, len(functions))
		for i := range functions {
			k := key(&functions[i])
			n, known := numbers[k]
			if !known {
				n = int32(len(numbers))
				numbers[k] = n
			}
			of[i] = n
		}
		return of
	}
	return numbering{list(c.Functions), list(old.Functions)}
}

// children matches those of a node of new with those of its match in old.
func (m *matcher) children(node, was int32) {
	m.pair(node, was, m.inFile)
	m.pair(node, was, m.named)
}

// pair lets the old children queue by number, heaviest first, and gives to each
// new one that has no match yet the next in its queue. Its time is linear in the
// number of children, of which hostile profiles have a million.
func (m *matcher) pair(node, was int32, by numbering) {
	m.kids = m.kids[:0]
	for k := m.old.Nodes[was].First; k != 0; k = m.old.Nodes[k].Next {
		if !m.taken[k] {
			m.kids = append(m.kids, k)
		}
	}
	for _, k := range slices.Backward(m.kids) {
		n := by.old[m.old.Nodes[k].Function]
		m.behind[k], m.queue[n] = m.queue[n], k
	}
	for k := m.new.Nodes[node].First; k != 0; k = m.new.Nodes[k].Next {
		n := by.new[m.new.Nodes[k].Function]
		if old := m.queue[n]; old != 0 && m.was[k] < 0 {
			m.was[k], m.taken[old] = old, true
			m.queue[n] = m.behind[old]
		}
	}
	for _, k := range m.kids {
		m.queue[by.old[m.old.Nodes[k].Function]] = 0
	}
}
