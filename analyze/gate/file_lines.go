package gate

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"
)

// mostOutputLine bounds a line of results: a name and its metrics. It is below
// what the reader of x/perf can take, which gives up at 64 KiB.
const mostOutputLine = 32 << 10

// errTooLarge ends the reading of a file of more than mostFile.
var errTooLarge = errors.New("too large")

// benchLines passes on the lines that say something of results, with an empty one
// for every other, so that lines keep their numbers. What benchmarks print looks
// like configuration as soon as there is a colon in it, and without bounds would
// be kept as such.
type benchLines struct {
	r    *bufio.Reader
	left *io.LimitedReader
	sum  hash.Hash
	rest []byte // of a line

	start    []byte // of the file
	overlong int
	failed   int
	cut      bool
}

func newBenchLines(r io.Reader) *benchLines {
	l := &benchLines{sum: sha256.New(), left: &io.LimitedReader{R: r, N: mostFile + 1}}
	l.r = bufio.NewReaderSize(io.TeeReader(l.left, l.sum), mostOutputLine)
	l.start, _ = l.r.Peek(2) // a file that is shorter than this is found empty soon enough
	l.start = bytes.Clone(l.start)
	return l
}

func (l *benchLines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		line, err := l.line()
		if err != nil {
			return 0, err
		}
		l.rest = line
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// line is the next line, with its end.
func (l *benchLines) line() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	skipped := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	if l.left.N == 0 {
		return nil, errTooLarge
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, err
	}
	switch {
	case skipped:
		l.overlong++
		return []byte("\n"), nil
	case !l.says(line):
		return []byte("\n"), nil
	}
	l.cut = err != nil && bytes.HasPrefix(line, []byte("Benchmark"))
	return append(bytes.TrimRight(line, "\r\n"), '\n'), nil
}

// says tells whether a line has to do with results, and takes note of failures.
func (l *benchLines) says(line []byte) bool {
	for _, mark := range []string{"--- FAIL:", "FAIL\t", "FAIL\n", "panic:"} {
		if bytes.HasPrefix(line, []byte(mark)) {
			l.failed++
			return false
		}
	}
	if bytes.HasPrefix(line, []byte("Benchmark")) || bytes.HasPrefix(line, []byte("pkg:")) {
		return true
	}
	return slices.ContainsFunc(machineKeys[:], func(key string) bool {
		return bytes.HasPrefix(line, []byte(key+":"))
	})
}

// hint is what a file without results may be instead.
func (l *benchLines) hint() string {
	switch {
	case bytes.Equal(l.start, []byte{0xff, 0xfe}), bytes.Equal(l.start, []byte{0xfe, 0xff}):
		return "it is in UTF-16, which PowerShell's > writes: write it with Out-File -Encoding utf8"
	case bytes.HasPrefix(l.start, []byte("{")):
		return "it looks like the output of go test -json: leave -json out"
	case bytes.Equal(l.start, []byte{0x1f, 0x8b}):
		return "it is compressed: unpack it"
	}
	return "want the output of go test -run '^$' -bench . -benchmem -count 10"
}
