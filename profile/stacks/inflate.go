package stacks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"busywork/profile/stacks/gunzip"
)

// windowSize is how much of a stream is looked at at a time: some thousand
// samples, and small enough to stay in a core's cache.
const windowSize = 256 << 10

// maxRatio is the most that deflate can compress: 258 bytes in two bits.
const maxRatio = 1032

// A source is where the samples can be walked again and again: bytes in
// memory, or gzip to inflate anew each time.
type source struct {
	plain []byte
	gz    []byte // used if not nil
	limit Budget
}

// walk starts at the first record.
func (s source) walk() (*window, error) {
	if s.gz == nil {
		return &window{buf: s.plain, end: len(s.plain), limit: s.limit.Message}, nil
	}
	z, err := newInflater(s.gz, s.limit.Inflated)
	if err != nil {
		return nil, err
	}
	return &window{buf: make([]byte, windowSize), src: z, limit: s.limit.Message}, nil
}

// open finds out in which form data comes and returns a window for the first
// walk over all of it, and a source for later ones.
func open(data []byte, b Budget, m *meter) (w *window, src source, err error) {
	src = source{limit: b}
	switch {
	case len(data) == 0:
		return nil, src, fail(Empty, "the file is empty")
	case len(data) == 1 && data[0] == 0x1f:
		return nil, src, fail(Truncated, "one byte of gzip")
	case !isGzip(data):
		if int64(len(data)) > b.Inflated {
			return nil, src, tooManyBytes(b.Inflated)
		}
		src.plain = data
		w, err = src.walk()
		return w, src, err
	}
	if src.plain, err = inflateWhole(data, b, m); err != nil {
		return nil, src, err
	}
	if src.plain == nil {
		src.gz = data
		if err = m.take(b.Message, "a window"); err != nil {
			return nil, src, err
		}
	}
	w, err = src.walk()
	return w, src, err
}

// inflateWhole inflates into memory at once, which takes less than half as long
// as a stream does. It returns nil for what is too large to keep and for
// whatever is not plainly right: the stream is better at saying what is wrong.
//
// It is one step before the rest, not a goroutine beside it: on two hardware
// threads of one core the overlap gained less than the streaming inflater cost.
func inflateWhole(data []byte, b Budget, m *meter) ([]byte, error) {
	size := claimedSize(data)
	if size > min(b.InMemory, int64(b.Memory), b.Inflated, maxRatio*int64(len(data))) {
		return nil, nil
	}
	if err := m.take(int(size), "the inflated profile"); err != nil {
		return nil, err
	}
	buf := make([]byte, size)
	if gunzip.Into(buf, data) != nil {
		return nil, nil
	}
	return buf, nil
}

func isGzip(data []byte) bool { return len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b }

// claimedSize is the inflated size in gzip's trailer. It is a claim: a cut
// file has anything there.
func claimedSize(data []byte) int64 {
	if len(data) < 18 { // a header and a trailer
		return 0
	}
	return int64(binary.LittleEndian.Uint32(data[len(data)-4:]))
}

// inflater reads one gzip member and nothing else, and speaks our errors.
type inflater struct {
	z     *gzip.Reader
	rest  *bytes.Reader
	left  int64
	limit int64
}

func newInflater(data []byte, limit int64) (*inflater, error) {
	f := &inflater{rest: bytes.NewReader(data), left: limit, limit: limit}
	z, err := gzip.NewReader(f.rest)
	if err != nil {
		return nil, gzipError(err)
	}
	z.Multistream(false)
	f.z = z
	return f, nil
}

// Read is io.Reader; apart from io.EOF its errors are *Error.
func (f *inflater) Read(p []byte) (int, error) {
	n, err := f.z.Read(p)
	f.left -= int64(n)
	switch {
	case f.left < 0:
		return 0, tooManyBytes(f.limit)
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, gzipError(err)
	case f.rest.Len() > 0 && isGzip(tail(f.rest)):
		return n, fail(Malformed, "concatenated: %d bytes, another gzip member, follow the profile", f.rest.Len())
	case f.rest.Len() > 0:
		return n, fail(Malformed, "%d trailing bytes follow the profile", f.rest.Len())
	}
	return n, io.EOF
}

// tail peeks at the next two bytes.
func tail(r *bytes.Reader) []byte {
	var b [2]byte
	n, _ := r.ReadAt(b[:], r.Size()-int64(r.Len()))
	return b[:n]
}

func gzipError(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail(Truncated, "the gzip stream has no end")
	case errors.Is(err, gzip.ErrChecksum):
		return fail(Malformed, "gzip: the checksum is wrong")
	case errors.Is(err, gzip.ErrHeader):
		return fail(Malformed, "gzip: the header is wrong")
	}
	return fail(Malformed, "gzip: the compressed data is wrong")
}

func tooManyBytes(limit int64) error {
	return fail(TooLarge, "more than %d bytes inflated", limit)
}

func at(offset int64) string { return fmt.Sprintf(" (at byte %d)", offset) }

// head returns the first bytes of what data holds, for naming it.
func head(data []byte) []byte {
	const enough = 512 // legacy headers and HTML's doctype come first or not at all
	if !isGzip(data) {
		return data[:min(len(data), enough)]
	}
	z, err := newInflater(data, enough)
	if err != nil {
		return nil
	}
	b := make([]byte, enough)
	n, _ := io.ReadFull(z, b)
	return b[:n]
}
