package analyze

import (
	"math/bits"

	"busywork/profile/stacks"
)

const (
	// maxCallDepth is how many calls from the root are kept of a stack. Go records
	// 128 and the deepest agents 2048, but no screen has as many rows; hostile
	// stacks have a million frames.
	maxCallDepth = 512
	// maxStackFrames bounds what is kept of all stacks to 64 MB, eight times what
	// the largest profiles of services that were at hand have.
	maxStackFrames = 1 << 24
)

// callStacks is the different stacks of a profile, root first, as far as they are
// kept. Of equal ones, as labels and addresses make many, there is one.
type callStacks struct {
	functions []stacks.Function // of the profile
	locs      []stacks.Location
	placeOf   []uint32 // by frame of the profile
	places    []place
	nameless  uint32 // the place of stacks of which nobody could name a frame

	list   []callStack
	frames []uint32         // places of all stacks, one stack behind the other
	known  map[uint64]int32 // index in list by hash of places and group
	room   int              // maxStackFrames, but for tests
	depth  int              // how many frames are kept of a stack
}

// A place is a line of a function.
type place struct {
	function uint32 // the profile's; that behind its last one stands for what has no name
	line     int64  // 0 if unknown
}

type callStack struct {
	start   uint32 // in frames
	n       uint16
	folded  bool // it went on
	group   int32
	seconds float64
}

func newCallStacks(p *stacks.Profile) *callStacks {
	s := &callStacks{
		functions: p.Functions, locs: p.Locations,
		known: make(map[uint64]int32, min(p.Samples, 1<<15)),
		list:  make([]callStack, 0, min(p.Samples, 1<<15)),
		// Stacks of Go services have 15 to 30 frames on average.
		frames: make([]uint32, 0, min(32*p.Samples, 1<<20)),
		room:   maxStackFrames, depth: maxCallDepth,
	}
	numbers := make(map[place]uint32, len(p.Frames))
	s.placeOf = make([]uint32, len(p.Frames))
	for i, f := range p.Frames {
		at := place{f.Function, max(0, f.Line)}
		n, known := numbers[at]
		if !known {
			n = uint32(len(s.places))
			numbers[at] = n
			s.places = append(s.places, at)
		}
		s.placeOf[i] = n
	}
	s.nameless = uint32(len(s.places))
	s.places = append(s.places, place{function: uint32(len(p.Functions))})
	return s
}

// add takes in a stack, leaf first, with the group that its samples are of.
// Locations without a name are left out, as everywhere in Facts.
func (s *callStacks) add(locs []uint32, group int32, seconds float64) {
	start := len(s.frames)
	folded := s.push(locs)
	if len(s.frames) == start {
		s.frames = append(s.frames, s.nameless)
	}
	s.keep(start, callStack{folded: folded, group: group, seconds: seconds})
	for len(s.frames) > s.room && s.depth > 1 {
		s.flatten()
	}
}

// push writes a stack behind the others, and says whether it went on.
func (s *callStacks) push(locs []uint32) (folded bool) {
	end := len(s.frames) + s.depth
	for i := len(locs) - 1; i >= 0; i-- {
		loc := &s.locs[locs[i]]
		for k := loc.First + loc.N; k > loc.First; k-- { // the outermost of the inlined ones first
			if len(s.frames) == end {
				return true
			}
			s.frames = append(s.frames, s.placeOf[k-1])
		}
	}
	return false
}

// keep makes a stack of the frames from start on, or, if there is one like it,
// counts it there and takes them away.
func (s *callStacks) keep(start int, stack callStack) {
	frames := s.frames[start:]
	hash := uint64(stack.group)
	for _, f := range frames {
		hash = bits.RotateLeft64((hash^uint64(f))*0x9E3779B97F4A7C15, 31)
	}
	i, known := s.known[hash]
	if known && s.same(&s.list[i], stack.group, frames) {
		s.list[i].seconds += stack.seconds
		s.list[i].folded = s.list[i].folded || stack.folded
		s.frames = s.frames[:start]
		return
	}
	if !known { // two that only have the same hash do no harm: one of them is not looked for
		s.known[hash] = int32(len(s.list))
	}
	stack.start, stack.n = uint32(start), uint16(len(frames))
	s.list = append(s.list, stack)
}

func (s *callStacks) same(stack *callStack, group int32, frames []uint32) bool {
	if stack.group != group || int(stack.n) != len(frames) {
		return false
	}
	for i, f := range s.frames[stack.start:][:stack.n] {
		if frames[i] != f {
			return false
		}
	}
	return true
}

// flatten cuts all stacks, those to come too, to half the depth: rather every
// path to some depth than some paths to the end.
func (s *callStacks) flatten() {
	s.depth /= 2
	list, frames := s.list, s.frames
	s.list, s.frames = s.list[:0], s.frames[:0]
	clear(s.known)
	for _, stack := range list { // what is written never overtakes what is read
		n := min(int(stack.n), s.depth)
		start := len(s.frames)
		s.frames = append(s.frames, frames[stack.start:][:n]...)
		stack.folded = stack.folded || n < int(stack.n)
		s.keep(start, stack)
	}
}

// name is that of a function of the profile, or of what has none.
func (s *callStacks) name(function uint32) string {
	if int(function) == len(s.functions) {
		return "[unknown]"
	}
	return s.functions[function].Name
}
