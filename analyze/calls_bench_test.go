package analyze

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"busywork/profile"
)

// BenchmarkCalls makes the tree of the largest profiles from their bytes, in
// turns with an analysis of the same bytes, because only ratios within one run
// compare on a machine that others use too:
//
//   - x-analyze: how many times as long as Analyze, the median of the turns
//   - least-ms:  the fastest turn, which other load on the machine moves least
//
// Run it with
//
//	go test ./analyze -run '^$' -bench Calls -benchmem -benchtime 20x
func BenchmarkCalls(b *testing.B) {
	for _, file := range largeProfiles(b) {
		b.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(b *testing.B) {
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			c := &profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}
			e := Examine(c, Options{})
			var calls, analyze []time.Duration
			var tree *Calls
			b.ReportAllocs()
			for b.Loop() {
				calls = append(calls, timed(func() {
					if tree, err = e.Calls(); err != nil {
						b.Fatal(err)
					}
				}))
				b.StopTimer()
				analyze = append(analyze, timed(func() { Analyze(c, Options{}) }))
				b.StartTimer()
			}
			b.ReportMetric(float64(median(calls)), "ns/op") // without the collections in between
			b.ReportMetric(least(calls).Seconds()*1e3, "least-ms")
			b.ReportMetric(ratio(calls, analyze), "x-analyze")
			b.ReportMetric(float64(len(tree.Nodes)), "nodes")
		})
	}
}

// BenchmarkExamine is what a screen's part adds to Analyze, in turns, on the
// largest recorded capture:
//
//   - x-analyze: how many times as long
func BenchmarkExamine(b *testing.B) {
	c, err := profile.Load(filepath.Join(captureDir, largestCapture(b)))
	if err != nil {
		b.Fatal(err)
	}
	var examine, analyze []time.Duration
	for b.Loop() {
		examine = append(examine, timed(func() { Examine(c, Options{}) }))
		b.StopTimer()
		analyze = append(analyze, timed(func() { Analyze(c, Options{}) }))
		b.StartTimer()
	}
	b.ReportMetric(float64(median(examine)), "ns/op")
	b.ReportMetric(float64(least(examine))/float64(least(analyze)), "x-analyze")
}

// BenchmarkAccused is one pass over the largest tree, as a screen makes it when
// another finding is chosen, and BenchmarkBefore the match of that tree with
// itself, as it makes it once a window.
func BenchmarkAccused(b *testing.B) {
	c := largestTree(b)
	c.accused = accusations{by: []findingKey{{"rule", ""}}, parts: [accusers]float64{0.5}, groups: make([]uint64, 1<<16)}
	for i := range c.accused.groups {
		c.accused.groups[i] = 1
	}
	b.ReportAllocs()
	for b.Loop() {
		if c.Accused(&Finding{Rule: "rule"})[0] == 0 {
			b.Fatal("nothing is accused")
		}
	}
}

func BenchmarkBefore(b *testing.B) {
	c := largestTree(b)
	b.ReportAllocs()
	for b.Loop() {
		if c.Before(c)[0] == 0 {
			b.Fatal("nothing was before")
		}
	}
}

func largestTree(b *testing.B) *Calls {
	b.Helper()
	file := largeProfiles(b)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	c, err := Examine(&profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}, Options{}).Calls()
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func least(list []time.Duration) time.Duration {
	m := list[0]
	for _, d := range list {
		m = min(m, d)
	}
	return m
}
