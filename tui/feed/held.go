package feed

import (
	"slices"

	"busywork/analyze"
)

const (
	// maxHeld windows of each target are held, ten minutes of windows of 5 s: as
	// far as one goes back to see how it began.
	maxHeld = 120
	// maxHeldBytes bounds those of all targets together. An examination takes some
	// 50 kB, that of a service with a large profile one or several MB.
	maxHeldBytes = 48 << 20
	// maxCached examinations are held of those that were asked for: to go back
	// and forth between a few windows costs nothing then.
	maxCached = 16
)

// A window is an examination in its place.
type window struct {
	target, number int
	exam           *analyze.Examination
}

// A held is the last examinations that came, within bounds.
type held struct {
	list []window // oldest first
	size int      // bytes
}

// add holds one more. The newest of each target is held whatever its size: it is
// on the screen anyway.
func (h *held) add(w window) {
	h.list = append(h.list, w)
	h.size += w.exam.Size()
	if h.count(w.target) > maxHeld {
		h.drop(slices.IndexFunc(h.list, func(o window) bool { return o.target == w.target }))
	}
	for h.size > maxHeldBytes {
		oldest := slices.IndexFunc(h.list, func(o window) bool { return h.count(o.target) > 1 })
		if oldest < 0 {
			return
		}
		h.drop(oldest)
	}
}

func (h *held) count(target int) (n int) {
	for i := range h.list {
		if h.list[i].target == target {
			n++
		}
	}
	return n
}

func (h *held) drop(i int) {
	h.size -= h.list[i].exam.Size()
	h.list = slices.Delete(h.list, i, i+1)
}

// get is nil for a window that is not held.
func (h *held) get(target, number int) *analyze.Examination {
	for _, w := range h.list {
		if w.target == target && w.number == number {
			return w.exam
		}
	}
	return nil
}

// A cache is the examinations that were asked for last.
type cache struct {
	list []window // the one that was asked for last comes last
}

func (c *cache) get(target, number int) *analyze.Examination {
	for i, w := range c.list {
		if w.target == target && w.number == number {
			c.list = append(slices.Delete(c.list, i, i+1), w)
			return w.exam
		}
	}
	return nil
}

func (c *cache) put(w window) {
	if c.get(w.target, w.number) != nil {
		return
	}
	if len(c.list) == maxCached {
		c.list = slices.Delete(c.list, 0, 1)
	}
	c.list = append(c.list, w)
}
