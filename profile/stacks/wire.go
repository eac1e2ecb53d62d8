package stacks

// Protobuf's wire types; the group types 3 and 4 are long dead and refused.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// maxVarint is the longest varint: ten groups of seven bits hold 64.
const maxVarint = 10

// uvarint reads the varint at b[i:] and returns it and the index behind it,
// or -1 if b ends inside it or it is too long. Bits beyond the 64th fall off,
// as in google/pprof. It is too large to be inlined, so the hot loops test for
// the single byte that most varints are before they call it.
func uvarint(b []byte, i int) (v uint64, next int) {
	if len(b)-i >= 3 { // up to three bytes are nearly all there are
		if b[i] < 0x80 {
			return uint64(b[i]), i + 1
		}
		if b[i+1] < 0x80 {
			return uint64(b[i]&0x7f) | uint64(b[i+1])<<7, i + 2
		}
		if b[i+2] < 0x80 {
			return uint64(b[i]&0x7f) | uint64(b[i+1]&0x7f)<<7 | uint64(b[i+2])<<14, i + 3
		}
	}
	for shift := 0; shift < 7*maxVarint && i < len(b); shift += 7 {
		c := b[i]
		i++
		v |= uint64(c&0x7f) << (shift & 63) // at most 63 anyway; the mask saves a test
		if c < 0x80 {
			return v, i
		}
	}
	return 0, -1
}

// fields walks the fields of one message that is wholly in memory.
type fields struct {
	buf []byte
	pos int

	num  uint64 // field number
	wire int    // wire type
	u64  uint64 // the value of a varint
	data []byte // the content of a bytes field; in place
	bad  string // why the walk stopped before the end, "" if it did not
}

// next moves to the next field and reports whether there is one.
func (f *fields) next() bool {
	b, i := f.buf, f.pos
	if i >= len(b) {
		return false
	}
	tag := uint64(b[i])
	i++
	if tag >= 0x80 {
		if tag, i = uvarint(b, i-1); i < 0 {
			return f.stop("a field's tag is cut off")
		}
	}
	f.num, f.wire = tag>>3, int(tag&7)
	var v uint64
	if f.wire == wireVarint || f.wire == wireBytes {
		if i < len(b) && b[i] < 0x80 {
			v = uint64(b[i])
			i++
		} else if v, i = uvarint(b, i); i < 0 {
			return f.stop("a number is cut off")
		}
	}
	switch f.wire {
	case wireVarint:
		f.u64 = v
	case wireBytes:
		if v > uint64(len(b)-i) {
			return f.stop("a field is longer than the record it is in")
		}
		f.data = b[i : i+int(v)]
		i += int(v)
	case wireFixed64:
		i += 8
	case wireFixed32:
		i += 4
	default:
		return f.stop("unknown wire type")
	}
	if f.num == 0 {
		return f.stop("field number 0")
	}
	if i > len(b) {
		return f.stop("a field is longer than the record it is in")
	}
	f.pos = i
	return true
}

func (f *fields) stop(why string) bool {
	f.bad = why
	return false
}

// varint takes the field's value if it is a number; a known field of another
// wire type ends the walk.
func (f *fields) varint(into *uint64) {
	if f.wire != wireVarint {
		f.mistyped()
		return
	}
	*into = f.u64
}

// mistyped ends the walk at a known field of the wrong wire type.
func (f *fields) mistyped() {
	f.pos = len(f.buf)
	f.bad = "a field has the wrong wire type"
}

// numbers decodes a message whose known fields are all numbers into v, by field
// number, skipping fields beyond v. It returns what is wrong, "" if nothing is.
func numbers(b []byte, v []uint64) (bad string) {
	i := leading(b, 0, v)
	if i == len(b) {
		return "" // nearly always
	}
	f := fields{buf: b, pos: i}
	for f.next() {
		if f.num < uint64(len(v)) {
			f.varint(&v[f.num])
		}
	}
	return f.bad
}

// leading is the short cut of numbers: from b[i:] it decodes number fields that
// v has a place for, and returns where it met anything else, or anything wrong.
func leading(b []byte, i int, v []uint64) int {
	for i+1 < len(b) && b[i]&0x87 == wireVarint && b[i] >= 1<<3 && int(b[i]>>3) < len(v) {
		num, u, next := b[i]>>3, uint64(b[i+1]), i+2
		if u >= 0x80 {
			if u, next = uvarint(b, i+1); next < 0 {
				return i
			}
		}
		v[num] = u
		i = next
	}
	return i
}
