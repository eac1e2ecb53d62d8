package gunzip

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// texts are what deflate's parts are about: nothing, runs, near and far
// repetitions, and what cannot be compressed.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n, below int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.IntN(below))
		}
		return b
	}
	far := random(40_000, 256)
	mixed := random(300_000, 40)
	for at := 1000; at < len(mixed); at += 20 + r.IntN(600) {
		n, distance := 3+r.IntN(300), 1+r.IntN(min(at, 32<<10))
		for i := at; i < min(at+n, len(mixed)); i++ {
			mixed[i] = mixed[i-distance]
		}
	}
	all := map[string][]byte{
		"nothing": {}, "a byte": {'x'}, "zeros": make([]byte, 100_000), "noise": random(100_000, 256),
		"few letters": random(100_000, 3), "skewed": skewed(r, 200_000), "mixed": mixed,
		"far": append(append(far[:32<<10:32<<10], far[:300]...), far[:32<<10]...),
	}
	for distance := range 40 {
		all[fmt.Sprintf("distance %d", distance+1)] = bytes.Repeat(random(distance+1, 256), 700)
	}
	return all
}

// skewed makes bytes each half as frequent as the one before: its codes are as
// long as codes get.
func skewed(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		for b[i] < 60 && r.IntN(2) == 0 {
			b[i]++
		}
	}
	return b
}

func zip(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// frame puts a header and a trailer round deflated bytes.
func frame(header string, deflated, plain []byte) []byte {
	b := append([]byte(header), deflated...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(plain))
	return binary.LittleEndian.AppendUint32(b, uint32(len(plain)))
}

const plainHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// into inflates into a buffer inside a larger one, and checks that nothing
// outside was touched.
func into(t testing.TB, size int, gz []byte) ([]byte, error) {
	t.Helper()
	const guard = 512
	whole := bytes.Repeat([]byte{0xa5}, size+2*guard)
	err := Into(whole[guard:guard+size], gz)
	for i, b := range whole {
		if b != 0xa5 && (i < guard || i >= guard+size) {
			t.Fatalf("byte %d of a buffer of %d was written", i-guard, size)
		}
	}
	return whole[guard : guard+size], err
}

func TestLevels(t *testing.T) {
	for name, plain := range texts() {
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			gz := zip(t, plain, level)
			got, err := into(t, len(plain), gz)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s, level %d: %v, equal: %v", name, level, err, bytes.Equal(got, plain))
			}
			for _, size := range []int{len(plain) - 1, len(plain) + 1, len(plain) / 2, 0} {
				if size < 0 || size == len(plain) {
					continue
				}
				if _, err := into(t, size, gz); !errors.Is(err, ErrSize) {
					t.Errorf("%s, level %d, into %d of %d bytes: %v", name, level, size, len(plain), err)
				}
			}
		}
	}
}

// bitWriter writes deflate by hand, so that tests can write what no compressor
// would.
type bitWriter struct {
	b []byte
	n int
}

// put appends the low n bits of v, lowest first, as all but codes are written.
func (w *bitWriter) put(v uint64, n int) *bitWriter {
	for i := range n {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
	return w
}

// code appends a code, highest bit first.
func (w *bitWriter) code(v uint64, n int) *bitWriter {
	for i := n - 1; i >= 0; i-- {
		w.put(v>>i&1, 1)
	}
	return w
}

func TestBlocks(t *testing.T) {
	bits := func() *bitWriter { return new(bitWriter) }
	fixed := func() *bitWriter { return bits().put(1, 1).put(1, 2) }
	literal := func(w *bitWriter, c byte) *bitWriter { return w.code(0x30+uint64(c), 8) }
	end := func(w *bitWriter) []byte { return w.code(0, 7).b }
	stored := "\x00\x03\x00\xfc\xffabc\x01\x02\x00\xfd\xffde"
	// A code for lengths in which 0, 1 and 18 (many zeros) have one or two bits.
	dynamic := func(nSymbols, nDistances uint64) *bitWriter {
		w := bits().put(1, 1).put(2, 2).put(nSymbols-257, 5).put(nDistances-1, 5).put(18-4, 4)
		for _, symbol := range lengthOrder[:18] {
			w.put(map[uint8]uint64{18: 1, 0: 2, 1: 2}[symbol], 3)
		}
		return w
	}
	zeros := func(w *bitWriter, n uint64) *bitWriter { return w.code(0, 1).put(n-11, 7) }
	one := func(w *bitWriter) *bitWriter { return w.code(3, 2) }
	none := func(w *bitWriter) *bitWriter { return w.code(2, 2) }
	// Codes for 'a' and the end only, and one or no distance.
	aAndEnd := func(distance func(*bitWriter) *bitWriter) *bitWriter {
		return distance(one(zeros(zeros(one(zeros(dynamic(257, 1), 97)), 138), 20)))
	}

	for _, c := range []struct {
		name     string
		deflated []byte
		plain    string
		want     error
	}{
		{"stored", []byte(stored), "abcde", nil},
		{"stored, nothing", []byte("\x01\x00\x00\xff\xff"), "", nil},
		{"stored, wrong complement", []byte("\x01\x01\x00\xff\xffa"), "a", ErrCorrupt},
		{"stored, longer than all", []byte("\x01\xff\x00\x00\xffa"), "a", ErrTruncated},
		{"fixed", end(literal(literal(fixed(), 'h'), 'i')), "hi", nil},
		{"fixed, a run", end(literal(fixed(), 'x').code(1, 7).code(0, 5)), "xxxx", nil},
		{"fixed, the longest run", end(literal(fixed(), 'x').code(0xc5, 8).code(0, 5)), strings.Repeat("x", 259), nil},
		{"fixed, before the start", end(literal(fixed(), 'x').code(1, 7).code(1, 5)), "xxxx", ErrCorrupt},
		{"fixed, length 286", end(literal(fixed(), 'x').code(0xc6, 8).code(0, 5)), "x", ErrCorrupt},
		{"fixed, distance 30", end(literal(fixed(), 'x').code(1, 7).code(30, 5)), "x", ErrCorrupt},
		{"block of type 3", bits().put(1, 1).put(3, 2).b, "", ErrCorrupt},
		{"dynamic", aAndEnd(none).code(0, 1).code(0, 1).code(1, 1).b, "aa", nil},
		{"dynamic, a distance of one bit", aAndEnd(one).code(0, 1).code(1, 1).b, "a", nil},
		{"dynamic, too many symbols", dynamic(287, 1).b, "", ErrCorrupt},
		{"dynamic, too many distances", dynamic(257, 31).b, "", ErrCorrupt},
		{"dynamic, too many lengths", zeros(zeros(dynamic(257, 1), 138), 138).b, "", ErrCorrupt},
		{"dynamic, three codes of one bit", none(one(one(one(zeros(zeros(dynamic(257, 1), 138), 116))))).b, "", ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := into(t, len(c.plain), frame(plainHeader, c.deflated, []byte(c.plain)))
			if !errors.Is(err, c.want) || err == nil && string(got) != c.plain {
				t.Errorf("got %q, %v; want %v", got, err, c.want)
			}
			agree(t, c.deflated)
		})
	}
}

func TestHeaders(t *testing.T) {
	plain := []byte("some text, some text")
	deflated := zip(t, plain, gzip.BestSpeed)[headerSize:]
	deflated = deflated[:len(deflated)-trailerSize]
	withCRC := func(h string) string {
		return string(binary.LittleEndian.AppendUint16([]byte(h), uint16(crc32.ChecksumIEEE([]byte(h)))))
	}
	head := func(flags byte) string { return "\x1f\x8b\x08" + string([]byte{flags}) + "\x01\x02\x03\x04\x00\xff" }
	long := strings.Repeat("n", longestText)
	for _, c := range []struct {
		name, header string
		want         error
	}{
		{"plain", head(0), nil},
		{"text", head(1), nil},
		{"extra", head(flagExtra) + "\x03\x00abc", nil},
		{"name", head(flagName) + "profile\x00", nil},
		{"longest name", head(flagName) + long + "\x00", nil},
		{"longer name", head(flagName) + long + "n\x00", ErrCorrupt},
		{"comment", head(flagComment) + "\x00", nil},
		{"checksum", withCRC(head(flagHeaderCRC)), nil},
		{"all", withCRC(head(31) + "\x02\x00abname\x00comment\x00"), nil},
		{"wrong checksum", head(flagHeaderCRC) + "ab", ErrChecksum},
		{"wrong magic", "\x1f\x8c" + head(0)[2:], ErrCorrupt},
		{"wrong method", "\x1f\x8b\x07" + head(0)[3:], ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			gz := frame(c.header, deflated, plain)
			if _, err := into(t, len(plain), gz); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			for n := range gz {
				if _, err := into(t, len(plain), gz[:n]); err == nil || c.want == nil && !errors.Is(err, ErrTruncated) {
					t.Errorf("cut at %d: %v", n, err)
				}
			}
		})
	}
}

// Whatever is missing, changed or added is noticed.
func TestDamage(t *testing.T) {
	plain := texts()["mixed"][:5000]
	for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
		gz := zip(t, plain, level)
		for n := range gz {
			if _, err := into(t, len(plain), gz[:n]); !errors.Is(err, ErrTruncated) {
				t.Fatalf("level %d, cut at %d of %d: %v", level, n, len(gz), err)
			}
		}
		for i := headerSize; i < len(gz); i++ {
			gz[i] ^= 0x55
			if _, err := into(t, len(plain), gz); err == nil {
				t.Fatalf("level %d: byte %d was changed and it went unnoticed", level, i)
			}
			gz[i] ^= 0x55
		}
		if _, err := into(t, len(plain), append(gz, 0)); !errors.Is(err, ErrTrailing) {
			t.Fatalf("level %d: %v", level, err)
		}
	}
}

// agree checks that a stream of deflate is refused, or inflated to the same
// bytes, here and by the standard library. (Not klauspost/compress: behind a
// code of a single symbol it takes corrupt streams that zlib refuses as well.)
func agree(t *testing.T, deflated []byte) {
	t.Helper()
	const most = 320 << 10
	in := bytes.NewReader(deflated)
	z := flate.NewReader(in)
	want := make([]byte, most)
	n, err := 0, error(nil)
	for err == nil && n < most {
		var k int
		k, err = z.Read(want[n:])
		n += k
	}
	switch {
	case n == most:
		t.Skip("it is larger than the test's buffer")
	case err.Error() != "EOF":
		if _, _, ours := inflate(make([]byte, most), deflated); ours == nil {
			t.Fatalf("accepted; the standard library says %v", err)
		}
		return
	}
	for _, room := range []int{0, 1, 1000} {
		got := make([]byte, n+room)
		written, used, err := inflate(got, deflated)
		if err != nil || written != n || used != len(deflated)-in.Len() || !bytes.Equal(got[:n], want[:n]) {
			t.Fatalf("%d bytes from %d, %v; the standard library has %d from %d; equal: %v",
				written, used, err, n, len(deflated)-in.Len(), bytes.Equal(got[:n], want[:n]))
		}
	}
}

// FuzzInflate holds the decoder of blocks against the standard library. The gzip
// round it would keep a fuzzer out: it cannot guess checksums.
func FuzzInflate(f *testing.F) {
	for _, plain := range texts() {
		plain = plain[:min(len(plain), 3000)]
		for _, level := range []int{gzip.HuffmanOnly, gzip.NoCompression, gzip.BestSpeed, gzip.BestCompression} {
			gz := zip(f, plain, level)
			f.Add(gz[headerSize : len(gz)-trailerSize])
		}
	}
	f.Fuzz(agree)
}
