package stacks

import (
	"io"
	"unsafe"
)

// Field numbers of message Profile in pprof's profile.proto.
const (
	fSampleType    = 1
	fSample        = 2
	fMapping       = 3
	fLocation      = 4
	fFunction      = 5
	fString        = 6
	fDropFrames    = 7
	fKeepFrames    = 8
	fTimeNanos     = 9
	fDurationNanos = 10
	fPeriodType    = 11
	fPeriod        = 12
	fComment       = 13
	fDefaultType   = 14
	fDocURL        = 15

	lastField = fDocURL
)

// The fields as bit sets: those that may come more than once, those that are
// messages, strings or packed numbers, and those that are numbers. Comments
// may be packed or not.
const (
	repeated = 1<<fSampleType | 1<<fSample | 1<<fMapping | 1<<fLocation |
		1<<fFunction | 1<<fString | 1<<fComment
	messages = repeated | 1<<fPeriodType
	numeric  = (1<<(lastField+1)-1)&^messages | 1<<fComment
)

// tables takes in the tables of a profile, record by record in whatever order
// the writer chose. Names are string numbers and functions are ids until all
// has been read; resolve.go makes the Profile of it then.
type tables struct {
	b Budget
	m *meter

	strings   pile[string]
	functions pile[rawFunction]
	locations pile[rawLocation]
	frames    pile[rawFrame]
	mappings  pile[rawMapping]

	functionIDs, locationIDs, mappingIDs idTable

	sampleTypes []rawType
	periodType  rawType
	once        [lastField + 1]uint64 // the numbers that come once, by field
	comment     uint64                // the highest string that a comment uses

	seen  uint32 // bit set of the fields met
	known int    // records of a field that the format has

	samples                int
	sampleBytes            int64
	inlined                int // frames of the location that has most
	firstSample, endSample int // in memory, where they all are

	// Over a stream, what is needed after the window has gone on.
	stream bool
	arena  []byte // the bytes of strings
	head   []byte // the first sample records
}

// Raw table entries, with references as written.
type (
	rawType     struct{ typ, unit uint64 }
	rawFunction struct {
		line               int64
		name, system, file uint32
	}
	rawLocation struct {
		address, mapping uint64
		frames           uint32
	}
	rawFrame struct {
		function uint64
		line     int64
	}
	rawMapping struct {
		start, limit, offset uint64
		file, buildID        uint32
	}
)

// A pile is a list that grows in pieces: it copies nothing, leaves no garbage,
// and is read once, in order.
type pile[T any] struct {
	full [][]T
	last []T
	n    int
}

func (p *pile[T]) add(v T, m *meter) error {
	if len(p.last) == cap(p.last) {
		if err := p.grow(m); err != nil {
			return err
		}
	}
	p.last = append(p.last, v)
	p.n++
	return nil
}

// grow starts another piece. It doubles the whole, so that little is taken for
// a little profile, up to a size of which half wasted is nothing.
func (p *pile[T]) grow(m *meter) error {
	var v T
	size := min(max(p.n, 64), 4096)
	if err := m.take(size*int(unsafe.Sizeof(v)), "the tables"); err != nil {
		return err
	}
	if p.n > 0 {
		p.full = append(p.full, p.last)
	}
	p.last = make([]T, 0, size)
	return nil
}

// pieces returns all there is, in order.
func (p *pile[T]) pieces() [][]T { return append(p.full, p.last) }

// read takes in all records of w.
func (t *tables) read(w *window) error {
	for {
		if err := w.next(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if w.num > lastField {
			continue // from a later version of the format
		}
		if err := t.record(w); err != nil {
			return err
		}
	}
	switch {
	case w.base+int64(w.end) == 0:
		return fail(Empty, "the file is empty")
	case t.known == 0:
		return fail(NotAProfile, "protobuf perhaps, but no field of it is a profile's")
	}
	return nil
}

// record takes in the record that w is at.
func (t *tables) record(w *window) error {
	bit := uint32(1) << w.num
	if w.wire == wireBytes && messages&bit == 0 || w.wire == wireVarint && numeric&bit == 0 || w.wire&1 == 1 {
		kind := Malformed
		if t.known == 0 {
			kind = NotAProfile
		}
		return w.fail(kind, "field %d has the wrong wire type", w.num)
	}
	t.known++
	if t.seen&bit != 0 && repeated&bit == 0 {
		return w.fail(Malformed, "concatenated: field %d, which a profile has once, comes again", w.num)
	}
	t.seen |= bit

	switch w.num {
	case fSample:
		return t.sample(w)
	case fLocation:
		return t.location(w)
	case fFunction:
		return t.function(w)
	case fString:
		return t.str(w)
	case fMapping:
		return t.mapping(w)
	case fSampleType:
		return t.sampleType(w)
	case fPeriodType:
		return rawTypeOf(w, &t.periodType)
	case fComment:
		return t.comments(w)
	}
	t.once[w.num] = w.u64
	return nil
}

// tooMany refuses entry n+1 of a table.
func tooMany(n, limit int, what string) error {
	if n < limit {
		return nil
	}
	return fail(TooLarge, "more than %d %s", limit, what)
}

// headSize is how much of a stream's samples is kept for a look at their order.
const headSize = 64 << 10

// sample notes where samples are; samples.go decodes them.
func (t *tables) sample(w *window) error {
	if err := tooMany(t.samples, t.b.Samples, "samples"); err != nil {
		return err
	}
	if t.stream {
		if len(t.head)+len(w.raw()) <= headSize {
			t.head = append(t.head, w.raw()...)
		}
	} else {
		if t.samples == 0 {
			t.firstSample = w.start
		}
		t.endSample = w.pos
	}
	t.samples++
	t.sampleBytes += int64(len(w.data))
	return nil
}

func (t *tables) sampleType(w *window) error {
	if err := tooMany(len(t.sampleTypes), t.b.SampleTypes, "sample types"); err != nil {
		return err
	}
	var r rawType
	if err := rawTypeOf(w, &r); err != nil {
		return err
	}
	t.sampleTypes = append(t.sampleTypes, r)
	return nil
}

// rawTypeOf decodes a message ValueType.
func rawTypeOf(w *window, r *rawType) error {
	var v [3]uint64 // by field number: type, unit
	if bad := numbers(w.data, v[:]); bad != "" {
		return w.fail(Malformed, "a value type: %s", bad)
	}
	*r = rawType{typ: v[1], unit: v[2]}
	return nil
}

// comments keeps the highest string number that comments use, which is enough
// to check them all: read as unsigned, a negative one is higher still.
func (t *tables) comments(w *window) error {
	if w.wire == wireVarint {
		t.comment = max(t.comment, w.u64)
		return nil
	}
	for i := 0; i < len(w.data); {
		v, next := uvarint(w.data, i)
		if next < 0 {
			return w.fail(Malformed, "a comment's number is cut off")
		}
		t.comment = max(t.comment, v)
		i = next
	}
	return nil
}

func (t *tables) str(w *window) error {
	if err := tooMany(t.strings.n, t.b.Strings, "strings"); err != nil {
		return err
	}
	if t.strings.n == 0 && len(w.data) > 0 {
		return w.fail(Malformed, "the first string is not empty")
	}
	b := w.data
	if t.stream {
		var err error
		if b, err = t.keep(b); err != nil {
			return err
		}
	}
	return t.strings.add(inPlace(b), t.m)
}

// keep copies bytes to where they stay.
func (t *tables) keep(b []byte) ([]byte, error) {
	const size = 256 << 10
	if cap(t.arena)-len(t.arena) < len(b) {
		n := max(size, len(b))
		if err := t.m.take(n, "the strings"); err != nil {
			return nil, err
		}
		t.arena = make([]byte, 0, n) // the strings in the old one keep it alive
	}
	from := len(t.arena)
	t.arena = append(t.arena, b...)
	return t.arena[from:], nil
}

// inPlace makes a string of bytes without copying them: half of a profile are
// strings. Nobody changes the bytes again: they are a buffer of this package,
// or a Decode caller's data, which Decode asks to leave alone.
func inPlace(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// stringNumber holds the number of a string, as a table entry refers to it,
// against all that there can be. Whether there is such a string is only known
// in the end.
func (t *tables) stringNumber(v uint64, w *window) (uint32, error) {
	if v >= uint64(t.b.Strings) { // a negative one is a huge unsigned one
		return 0, w.fail(Malformed, "string number %d is out of range", int64(v))
	}
	return uint32(v), nil
}

func (t *tables) mapping(w *window) (err error) {
	if err := tooMany(t.mappings.n, t.b.Mappings, "mappings"); err != nil {
		return err
	}
	var v [7]uint64 // by field number: id, start, limit, offset, file, build id
	if bad := numbers(w.data, v[:]); bad != "" {
		return w.fail(Malformed, "a mapping: %s", bad)
	}
	if err := t.mappingIDs.add(v[1], "mapping", t.m); err != nil {
		return err
	}
	r := rawMapping{start: v[2], limit: v[3], offset: v[4]}
	if r.file, err = t.stringNumber(v[5], w); err != nil {
		return err
	}
	if r.buildID, err = t.stringNumber(v[6], w); err != nil {
		return err
	}
	return t.mappings.add(r, t.m)
}

func (t *tables) function(w *window) (err error) {
	if err := tooMany(t.functions.n, t.b.Functions, "functions"); err != nil {
		return err
	}
	var v [6]uint64 // by field number: id, name, system name, file, start line
	if bad := numbers(w.data, v[:]); bad != "" {
		return w.fail(Malformed, "a function: %s", bad)
	}
	if err := t.functionIDs.add(v[1], "function", t.m); err != nil {
		return err
	}
	r := rawFunction{line: int64(v[5])}
	if r.name, err = t.stringNumber(v[2], w); err != nil {
		return err
	}
	if r.system, err = t.stringNumber(v[3], w); err != nil {
		return err
	}
	if r.file, err = t.stringNumber(v[4], w); err != nil {
		return err
	}
	return t.functions.add(r, t.m)
}

func (t *tables) location(w *window) error {
	if err := tooMany(t.locations.n, t.b.Locations, "locations"); err != nil {
		return err
	}
	const fLine = 4
	var v [fLine]uint64 // by field number: id, mapping id, address
	n := 0
	f := fields{buf: w.data}
	for {
		f.pos = leading(f.buf, f.pos, v[:])
		if !f.next() {
			break
		}
		switch {
		case f.num == fLine && f.wire == wireBytes:
			if n++; n > t.b.Inlined {
				return w.fail(TooLarge, "a location of more than %d frames", t.b.Inlined)
			}
			if err := t.frame(w, f.data); err != nil {
				return err
			}
		case f.num == fLine, f.num == fLine+1 && f.wire != wireVarint: // the latter: is folded
			f.mistyped()
		case f.num < fLine:
			f.varint(&v[f.num])
		}
	}
	if f.bad != "" {
		return w.fail(Malformed, "a location: %s", f.bad)
	}
	if err := t.locationIDs.add(v[1], "location", t.m); err != nil {
		return err
	}
	t.inlined = max(t.inlined, n)
	return t.locations.add(rawLocation{address: v[3], mapping: v[2], frames: uint32(n)}, t.m)
}

// frame decodes a message Line.
func (t *tables) frame(w *window, data []byte) error {
	var v [4]uint64 // by field number: function id, line, column
	if bad := numbers(data, v[:]); bad != "" {
		return w.fail(Malformed, "a line: %s", bad)
	}
	return t.frames.add(rawFrame{function: v[1], line: int64(v[2])}, t.m)
}
