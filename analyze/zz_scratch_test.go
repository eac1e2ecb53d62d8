package analyze

import (
	"os"
	"testing"
	"path/filepath"
	"time"
	"fmt"
	"busywork/profile"
	"busywork/profile/stacks"
)

func BenchmarkZZ(b *testing.B) {
	for _, file := range largeProfiles(b) {
		b.Run(filepath.Base(file), func(b *testing.B) {
			data, _ := os.ReadFile(file)
			b.ReportAllocs()
			for b.Loop() {
				findIn(b, file, data)
			}
		})
	}
}

func TestZZStages(t *testing.T) {
	b := &testing.B{}
	_ = b
	for _, file := range zzlarge() {
		data, _ := os.ReadFile(file)
		best := map[string]time.Duration{}
		keep := func(n string, d time.Duration) { if v, ok := best[n]; !ok || d < v { best[n] = d } }
		var p *stacks.Profile
		for range 40 {
			start := time.Now()
			inflateAll(nil, data)
			keep("inflate", time.Since(start))
			start = time.Now()
			p, _ = stacks.Decode(data, stacks.Budget{})
			keep("decode", time.Since(start))
			start = time.Now()
			p.Each(func([]uint32, []int64){})
			keep("each", time.Since(start))
			start = time.Now()
			own := ownershipOf(p, "")
			cl := classify(p, own, nil)
			keep("classify", time.Since(start))
			start = time.Now()
			c := &CPU{Functions: p.Functions, Flat: make([]float64, len(p.Functions)), Cum: make([]float64, len(p.Functions))}
			v, _ := pickValues(p)
			c.aggregate(p, v, cl)
			c.finish()
			keep("aggregate", time.Since(start))
			start = time.Now()
			r := Analyze(&profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}, Options{})
			keep("all", time.Since(start))
			_ = r
			if best["groups"] == 0 {
				best["groups"] = time.Duration(len(c.Groups))
				best["functions"] = time.Duration(len(p.Functions))
				best["locations"] = time.Duration(len(p.Locations))
				best["samples"] = time.Duration(p.Samples)
				n := 0
				p.Each(func(l []uint32, _ []int64) { n += len(l) })
				best["frames"] = time.Duration(n)
			}
		}
		fmt.Println(filepath.Base(file), best)
	}
}

func zzlarge() []string {
	return []string{"/work/shared/corpus/google+pprof/large.cpu", "/work/shared/corpus/HarshVaragiya+sslsearch/78c66c53__default.pgo", "/work/shared/corpus/evmos+testing/cpu1.prof"}
}
