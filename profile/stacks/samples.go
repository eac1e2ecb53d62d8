package stacks

import (
	"io"
	"slices"
)

// Each calls fn for every sample. locs are indices into Profile.Locations,
// leaf first; values are in the order of SampleTypes. Both are valid during
// the call only. After an error (*Error) what fn was given is not to be used.
func (p *Profile) Each(fn func(locs []uint32, values []int64)) error {
	return p.newWalk().over(p.samples, func(w *walk) bool {
		fn(w.locs, w.values)
		return true
	})
}

// EachLabelled is Each with the labels of every sample, which are decoded, and
// checked, only here. The strings may be kept, the slice may not.
func (p *Profile) EachLabelled(fn func(locs []uint32, values []int64, labels []Label)) error {
	w := p.newWalk()
	w.wantLabels = true
	return w.over(p.samples, func(w *walk) bool {
		fn(w.locs, w.values, w.labels)
		return true
	})
}

// walk is one walk over the samples; its slices are reused from one sample to
// the next, so that a walk allocates nothing that grows with their number.
type walk struct {
	p          *Profile
	wantLabels bool
	n          int // samples so far, this one included
	visits     int64

	locs    []uint32
	values  []int64
	labels  []Label
	nLabels int
}

func (p *Profile) newWalk() *walk {
	return &walk{p: p, locs: make([]uint32, 0, 256), values: make([]int64, 0, len(p.SampleTypes)+1)}
}

// over decodes every sample of src until yield has enough.
func (w *walk) over(src source, yield func(*walk) bool) error {
	in, err := src.walk()
	if err != nil {
		return err
	}
	for {
		if err := in.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if in.num != fSample {
			continue
		}
		w.n++
		if err := w.sample(in.data); err != nil {
			return err
		}
		if !yield(w) {
			return nil
		}
	}
}

// Tags (field number and wire type) of message Sample. Writers pack repeated
// numbers or not as they like, even from one sample to the next: runtime/pprof
// packs only if there are more than two.
const (
	tagLocation       = 1<<3 | wireVarint
	tagLocationPacked = 1<<3 | wireBytes
	tagValue          = 2<<3 | wireVarint
	tagValuePacked    = 2<<3 | wireBytes
	tagLabel          = 3<<3 | wireBytes
)

// sample decodes one sample into w.
func (w *walk) sample(b []byte) error {
	w.locs, w.values, w.labels, w.nLabels = w.locs[:0], w.values[:0], w.labels[:0], 0
	f := fields{buf: b} // not in the loop's head, which would copy it for each turn
	for {
		if !f.next() {
			if f.bad != "" {
				return w.malformed(f.bad)
			}
			break
		}
		var err error
		switch f.num<<3 | uint64(f.wire) {
		case tagLocationPacked:
			err = w.packedLocations(f.data)
		case tagValuePacked:
			err = w.packedValues(f.data)
		case tagLocation:
			err = w.location(f.u64)
		case tagValue:
			if !w.value(f.u64) {
				err = w.tooManyValues()
			}
		case tagLabel:
			err = w.label(f.data)
		default:
			if f.num <= 3 {
				err = w.malformed("a field has the wrong wire type")
			}
		}
		if err != nil {
			return err
		}
	}
	return w.check()
}

// check holds the decoded sample against the profile and turns its stack.
func (w *walk) check() error {
	p := w.p
	if len(w.values) != len(p.SampleTypes) {
		return fail(Malformed, "sample %d has %d values for %d sample types", w.n, len(w.values), len(p.SampleTypes))
	}
	if len(w.locs) > p.budget.StackDepth {
		return w.tooDeep(len(w.locs))
	}
	if p.countVisits {
		for _, l := range w.locs {
			w.visits += int64(p.Locations[l].N)
		}
		if w.visits > p.budget.Visits {
			return fail(TooLarge, "more than %d frames in all samples", p.budget.Visits)
		}
	}
	if p.RootFirst {
		slices.Reverse(w.locs)
	}
	return nil
}

// packedLocations is where the time goes: most bytes of a profile are here.
func (w *walk) packedLocations(b []byte) error {
	if cap(w.locs)-len(w.locs) < len(b) {
		n := len(w.locs) + varints(b)
		if n > w.p.budget.StackDepth {
			return w.tooDeep(n)
		}
		w.locs = slices.Grow(w.locs, n-len(w.locs))
	}
	for i := 0; i < len(b); {
		if w.p.locIDs.dense == nil {
			k, read := numbered(w.locs[len(w.locs):cap(w.locs)], b[i:], w.p.locIDs.n)
			w.locs = w.locs[:len(w.locs)+k]
			if i += read; i == len(b) {
				break
			}
		}
		var id uint64
		if id, i = uvarint(b, i); i < 0 {
			return w.malformed("a location's number is cut off")
		}
		idx, ok := w.p.locIDs.find(id)
		if !ok {
			return w.unknown(id)
		}
		w.locs = append(w.locs, idx)
	}
	return nil
}

// numbered decodes ids that are 1 to n into indices, until it meets one that
// is not or takes more than three bytes, or nears the end of the memory that b
// is in: it has a tight loop and leaves everything rare to its caller. It
// returns how many it put into dst and how many bytes those took.
func numbered(dst []uint32, b []byte, n int) (k, i int) {
	whole := b[:cap(b)] // the next record follows: looking into it saves a test a byte
	for i < len(b) && i < len(whole)-2 && k < len(dst) {
		id, size := uint(whole[i]), 1
		if id >= 1<<7 {
			id, size = id&(1<<7-1)|uint(whole[i+1])<<7, 2
			if id >= 1<<14 {
				id, size = id&(1<<14-1)|uint(whole[i+2])<<14, 3
				if id >= 1<<21 {
					break
				}
			}
		}
		if id-1 >= uint(n) || size > len(b)-i { // 0 wraps round
			break
		}
		dst[k] = uint32(id - 1)
		k++
		i += size
	}
	return k, i
}

// varints counts the varints in b: each ends in the one byte below 0x80.
func varints(b []byte) (n int) {
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}

func (w *walk) location(id uint64) error {
	idx, ok := w.p.locIDs.find(id)
	if !ok {
		return w.unknown(id)
	}
	if len(w.locs) >= w.p.budget.StackDepth {
		return w.tooDeep(len(w.locs) + 1)
	}
	w.locs = append(w.locs, idx)
	return nil
}

func (w *walk) packedValues(b []byte) error {
	for i := 0; i < len(b); {
		v, next := uvarint(b, i)
		if next < 0 {
			return w.malformed("a value is cut off")
		}
		if !w.value(v) {
			return w.tooManyValues()
		}
		i = next
	}
	return nil
}

// value takes one value, or refuses it: there is no room for more than one too many.
func (w *walk) value(v uint64) bool {
	if len(w.values) == cap(w.values) {
		return false
	}
	w.values = append(w.values, int64(v))
	return true
}

func (w *walk) tooManyValues() error { return w.malformed("more values than sample types") }

// label decodes a message Label (key = 1, str = 2, num = 3, unit = 4), or only
// counts it if nobody asked.
func (w *walk) label(data []byte) error {
	if w.nLabels++; w.nLabels > w.p.budget.Labels {
		return fail(TooLarge, "sample %d has more than %d labels", w.n, w.p.budget.Labels)
	}
	if !w.wantLabels {
		return nil
	}
	var v [5]uint64
	if bad := numbers(data, v[:]); bad != "" {
		return w.malformed("a label: " + bad)
	}
	l := Label{Num: int64(v[3])}
	var err error
	if l.Key, err = w.p.name(v[1], "a label's key"); err != nil {
		return err
	}
	switch {
	case v[2] != 0: // with a text, number and unit mean nothing
		l.Num = 0
		l.Str, err = w.p.name(v[2], "a label's text")
	case v[4] != 0:
		l.Unit, err = w.p.name(v[4], "a label's unit")
	case v[3] == 0:
		return nil // neither text nor number: google/pprof drops it as well
	}
	if err != nil {
		return err
	}
	w.labels = append(w.labels, l)
	return nil
}

func (w *walk) malformed(why string) error { return fail(Malformed, "sample %d: %s", w.n, why) }

func (w *walk) unknown(id uint64) error {
	return fail(Malformed, "sample %d is at location %d, which is in no table", w.n, id)
}

func (w *walk) tooDeep(n int) error {
	return fail(TooLarge, "sample %d has a stack of %d locations, %d are allowed", w.n, n, w.p.budget.StackDepth)
}
