package stacks

import (
	"bytes"
	"io"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"
	"github.com/klauspost/compress/gzip"
)

// BenchmarkInflate is the floor: the least that anybody must do with the bytes.
func BenchmarkInflate(b *testing.B) {
	data := largest(b)
	buf := make([]byte, claimedSize(data))
	in := bytes.NewReader(data)
	z := new(gzip.Reader)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(data)
		if err := z.Reset(in); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(z, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeAndWalk is gz → tables → every sample seen once.
func BenchmarkDecodeAndWalk(b *testing.B) {
	data := largest(b)
	b.SetBytes(claimedSize(data))
	b.ReportAllocs()
	for b.Loop() {
		p, err := Decode(data, Budget{})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Each(func([]uint32, []int64) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProfileParse is google/pprof's reader on the same bytes.
func BenchmarkProfileParse(b *testing.B) {
	data := largest(b)
	b.SetBytes(claimedSize(data))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pprof.ParseData(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRatio runs the three turn by turn and reports the fastest of each
// against the fastest inflation, which other load on the machine moves least.
func BenchmarkRatio(b *testing.B) {
	data := largest(b)
	buf := make([]byte, claimedSize(data))
	runs := []func(){
		func() {
			z, _ := gzip.NewReader(bytes.NewReader(data))
			_, _ = io.ReadFull(z, buf)
		},
		func() {
			p, _ := Decode(data, Budget{})
			_ = p.Each(func([]uint32, []int64) {})
		},
		func() { _, _ = pprof.ParseData(data) },
	}
	best := make([]time.Duration, len(runs))
	for b.Loop() {
		for i, run := range runs {
			start := time.Now()
			run()
			if took := time.Since(start); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	b.ReportMetric(best[1].Seconds()/best[0].Seconds(), "decode/inflate")
	b.ReportMetric(best[2].Seconds()/best[0].Seconds(), "parse/inflate")
	b.ReportMetric(best[0].Seconds()*1e3, "inflate-ms")
}
