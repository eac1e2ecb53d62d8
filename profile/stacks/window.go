package stacks

import "io"

// A window walks the records of a profile, which are the top-level fields of
// its protobuf. Over bytes in memory buf is all of them and nothing is copied;
// over a stream it slides.
type window struct {
	buf   []byte
	pos   int       // the next record starts at buf[pos]
	end   int       // buf[pos:end] has been read
	src   io.Reader // a stream, or nil
	err   error     // what src said last
	base  int64     // offset of buf[0] in the profile
	limit int       // Budget.Message

	// The record that next found, which starts at buf[start]. data is in
	// place, and on a stream gone with the next one.
	start int
	num   uint64
	wire  int
	u64   uint64
	data  []byte
}

// raw is the record that next found, header and all.
func (w *window) raw() []byte { return w.buf[w.start:w.pos] }

// next moves to the next record: io.EOF after the last, *Error for anything
// that is not a whole record.
func (w *window) next() error {
	// Nearly every record is a message of at most 16 KB in one of the 15
	// fields, wholly at hand.
	if i := w.pos; w.end-i >= 3 && w.buf[i]&0x87 == wireBytes && w.buf[i] >= 1<<3 {
		n, from := int(w.buf[i+1]), i+2
		if n >= 0x80 && w.buf[from] < 0x80 {
			n = n&0x7f | int(w.buf[from])<<7
			from++
		}
		if n <= w.limit && n <= w.end-from && w.buf[from-1] < 0x80 {
			w.start, w.pos = i, from+n
			w.num, w.wire, w.data = uint64(w.buf[i]>>3), wireBytes, w.buf[from:from+n]
			return nil
		}
	}
	return w.nextOfAnyKind()
}

// nextOfAnyKind is next without a short cut.
func (w *window) nextOfAnyKind() error {
	if w.end-w.pos < 2*maxVarint {
		if err := w.ask(2 * maxVarint); err != nil {
			return err
		}
		if w.pos == w.end {
			return io.EOF
		}
	}
	b := w.buf[:w.end]
	tag, i := uvarint(b, w.pos)
	if i < 0 {
		return w.cutVarint(w.pos)
	}
	w.num, w.wire = tag>>3, int(tag&7)
	if w.num == 0 {
		return w.fail(Malformed, "field number 0")
	}
	switch w.wire {
	case wireVarint:
		valueAt := i
		if w.u64, i = uvarint(b, i); i < 0 {
			return w.cutVarint(valueAt)
		}
	case wireBytes:
		return w.bytes(i)
	case wireFixed64:
		i += 8
	case wireFixed32:
		i += 4
	default:
		return w.fail(Malformed, "unknown wire type %d", w.wire)
	}
	if i > w.end {
		return w.fail(Truncated, "the profile ends inside a record")
	}
	w.start, w.pos = w.pos, i
	return nil
}

// bytes takes the length-prefixed record whose length is at buf[i:].
func (w *window) bytes(i int) error {
	n, j := uvarint(w.buf[:w.end], i)
	if j < 0 {
		return w.cutVarint(i)
	}
	head := j - w.pos
	if w.src == nil && n > uint64(len(w.buf)-j) { // more than there will ever be
		if err := w.ask(len(w.buf)); err != nil {
			return err
		}
		return w.fail(Truncated, "the profile ends %d bytes into a record of %d", w.end-j, n)
	}
	if n > uint64(w.limit) {
		return w.fail(TooLarge, "a record of %d bytes, %d are allowed", n, w.limit)
	}
	size := head + int(n)
	if err := w.ask(size); err != nil {
		return err
	}
	if w.end-w.pos < size {
		return w.fail(Truncated, "the profile ends %d bytes into a record of %d", w.end-w.pos-head, n)
	}
	w.start = w.pos
	w.pos += size
	w.data = w.buf[w.start+head : w.pos]
	return nil
}

// cutVarint says what is wrong with the varint at buf[i:].
func (w *window) cutVarint(i int) error {
	if w.end-i < maxVarint {
		return w.fail(Truncated, "the profile ends inside a record")
	}
	return w.fail(Malformed, "a number of more than %d bytes", maxVarint)
}

// fail makes an error that says where. What is wrong from the very first byte
// on is no profile at all.
func (w *window) fail(k Kind, format string, args ...any) error {
	if k == Malformed && w.base+int64(w.pos) == 0 {
		k = NotAProfile
	}
	e := fail(k, format, args...)
	e.Detail += at(w.base + int64(w.pos))
	return e
}

// ask tries to have n bytes at hand from pos on; having fewer is no error, it
// means that the stream ended.
func (w *window) ask(n int) error {
	if w.src != nil {
		w.read(n)
	}
	if w.err != nil && w.err != io.EOF {
		return w.err
	}
	return nil
}

// read reads from the stream until n bytes are at hand or there are no more.
func (w *window) read(n int) {
	if w.pos+n > len(w.buf) {
		w.slide(n)
	}
	for w.end-w.pos < n && w.err == nil {
		var k int
		k, w.err = w.src.Read(w.buf[w.end:])
		w.end += k
	}
}

// slide moves what is unread to the front of a buffer of at least n bytes.
func (w *window) slide(n int) {
	to := w.buf
	if n > len(to) {
		// Message bounds n, and doubling bounds how often this copies.
		to = make([]byte, max(n, min(2*len(to), w.limit+2*maxVarint)))
	}
	copy(to, w.buf[w.pos:w.end])
	w.base += int64(w.pos)
	w.buf, w.end, w.pos = to, w.end-w.pos, 0
}
