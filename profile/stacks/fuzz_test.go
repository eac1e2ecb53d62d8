package stacks

import (
	"bytes"
	"errors"
	"testing"

	pprof "github.com/google/pprof/profile"
)

// seeds are small profiles of every shape that the tests know.
func seeds(f *testing.F) {
	f.Add([]byte(small()))
	f.Add([]byte(busyProfile(3, 4)))
	f.Add([]byte(small().sub(fMapping, msg{}.num(1, 1).num(5, 1)).num(fPeriod, 5).num(fDefaultType, 3).packed(fComment, 1, 2)))
	f.Add([]byte(small().sub(fSample, msg{}.num(1, 1).num(2, 7).num(2, 8).sub(3, msg{}.num(1, 5).num(2, 6)).sub(3, msg{}.num(1, 5).num(3, 9).num(4, 2)))))
	f.Add([]byte(small().sub(fFunction, msg{}.num(1, 1<<40).num(2, 5)).sub(fLocation, msg{}.num(1, 1<<50).sub(4, msg{}.num(1, 1<<40)).sub(4, msg{}.num(1, 1)))))
	f.Add([]byte("goroutine profile: total 1\n"))
}

// FuzzDecode: whatever comes in, an answer of ours comes out, within a budget
// that is small enough to see it passed, and the same in memory and as a stream.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Add(zip(f, small()))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := Budget{Inflated: 1 << 20, Memory: 1 << 20, Message: 1 << 16, Visits: 1 << 20}
		var kind [2]Kind
		for i := range kind {
			b.InMemory = []int64{0, 1}[i]
			p, err := readAll(data, b)
			if e := new(Error); errors.As(err, &e) {
				kind[i] = e.Kind
			} else if err != nil {
				t.Fatalf("not an *Error: %v", err)
			} else if p.Samples == 0 {
				t.Fatal("accepted without samples")
			}
		}
		if (kind[0] == "") != (kind[1] == "") && kind[0] != TooLarge && kind[1] != TooLarge {
			t.Fatalf("in memory %q, as a stream %q", kind[0], kind[1])
		}
	})
}

// FuzzOracle: on plain protobuf we and google/pprof agree.
func FuzzOracle(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		// google/pprof's bombs: legacy text, which a failed parse falls back to,
		// and labels, for whose maps it takes memory by their number.
		if len(data) > 4<<10 || isGzip(data) || bytes.Count(data, []byte{tagLabel}) > 64 {
			t.Skip()
		}
		p, err := pprof.ParseUncompressed(data)
		if err == nil {
			err = p.CheckValid()
		}
		if err != nil {
			if _, err := readAll(data, Budget{}); err == nil {
				t.Fatal("accepted, but google/pprof refuses it")
			}
			return
		}
		compare(t, data, Budget{})
	})
}
