package analyze

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"
	"github.com/klauspost/compress/gzip"

	"busywork/profile"
)

// BenchmarkFindings goes from a compressed profile to findings, in turns with
// three others on the same bytes, because only ratios within one run compare on
// a machine that others use too:
//
//   - x-inflate: how many times the least that any reader must do, inflating
//   - parse-x:   how many times faster than google/pprof's profile.Parse alone
//   - top-x:     how many times faster than `go tool pprof -top`
//
// Each figure is the median of its turns. Run it with
//
//	go test ./analyze -run '^$' -bench Findings -benchmem -benchtime 20x
func BenchmarkFindings(b *testing.B) {
	for _, file := range largeProfiles(b) {
		b.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(b *testing.B) {
			data, err := os.ReadFile(file)
			if err != nil {
				b.Fatal(err)
			}
			var inflate, findings, parse, top []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				findings = append(findings, timed(func() { findIn(b, file, data) }))
				b.StopTimer()
				inflate = append(inflate, timed(func() { inflateAll(b, data) }))
				parse = append(parse, timed(func() { parseWhole(b, data) }))
				if len(top) < 5 {
					top = append(top, timed(func() { pprofTop(b, file) }))
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(median(findings)), "ns/op") // without the collections in between
			b.ReportMetric(ratio(findings, inflate), "x-inflate")
			b.ReportMetric(ratio(parse, findings), "parse-x")
			b.ReportMetric(ratio(top, findings), "top-x")
		})
	}
}

// BenchmarkCatalogue is what all rules cost beside the three that the catalogue
// began with, from the bytes on, in turns, on the largest profile and on the
// largest recorded capture:
//
//   - x-three:    how many times the time with three rules
//
//   - goroutines: the part that reading where goroutines stood has in it
//
//     go test ./analyze -run '^$' -bench Catalogue -benchtime 20x
func BenchmarkCatalogue(b *testing.B) {
	file := largeProfiles(b)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	name := largestCapture(b)
	recorded, err := profile.Load(filepath.Join(captureDir, name))
	if err != nil {
		b.Fatal(err)
	}
	founding := []*Rule{&RefusedWork, &LinearQueueScan, &RespawnLoop}
	for name, c := range map[string]*profile.Capture{
		filepath.Base(filepath.Dir(file)): {Profiles: []profile.CPUProfile{{Source: file, Data: data}}},
		name:                              recorded,
	} {
		b.Run(name, func(b *testing.B) {
			var all, three, goroutines []time.Duration
			for b.Loop() {
				all = append(all, timed(func() { Run(NewFacts(c), Catalogue, Options{}) }))
				b.StopTimer()
				three = append(three, timed(func() { Run(NewFacts(c), founding, Options{}) }))
				goroutines = append(goroutines, timed(func() { newGoroutines(c.Goroutines, "") }))
				b.StartTimer()
			}
			b.ReportMetric(float64(median(all)), "ns/op")
			b.ReportMetric(ratio(all, three), "x-three")
			b.ReportMetric(ratio(goroutines, all), "goroutines")
		})
	}
}

// largestCapture is the recorded capture with most bytes.
func largestCapture(b *testing.B) string {
	b.Helper()
	dirs, err := os.ReadDir(captureDir)
	if err != nil {
		b.Fatal(err)
	}
	largest, most := "", int64(-1)
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(captureDir, dir.Name(), "*"))
		if err != nil {
			b.Fatal(err)
		}
		total := int64(0)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				total += info.Size()
			}
		}
		if total > most {
			largest, most = dir.Name(), total
		}
	}
	return largest
}

// timed starts from a collected heap, so that nobody pays for the garbage of the
// one before.
func timed(f func()) time.Duration {
	runtime.GC()
	start := time.Now()
	f()
	return time.Since(start)
}

func ratio(a, b []time.Duration) float64 { return float64(median(a)) / float64(median(b)) }

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// largeProfiles are the three largest of the corpus, or, without a corpus, one
// of the recorded captures.
func largeProfiles(b *testing.B) []string {
	b.Helper()
	type sized struct {
		file string
		size int64
	}
	var list []sized
	files, err := filepath.Glob(filepath.Join(corpusDir(), "*", "*"))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(captureDir, "dispatch-waste", "cpu-1.pb.gz")) {
		if info, err := os.Stat(file); err == nil {
			list = append(list, sized{file, info.Size()})
		}
	}
	slices.SortFunc(list, func(x, y sized) int { return int(y.size - x.size) })
	if len(list) == 0 {
		b.Fatal("no profile to measure with")
	}
	var largest []string
	for _, s := range list[:min(3, len(list))] {
		largest = append(largest, s.file)
	}
	return largest
}

func findIn(b *testing.B, file string, data []byte) {
	c := &profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}
	if r := Analyze(c, Options{}); len(r.Ledger) == 0 {
		b.Fatal("nothing was read")
	}
}

var inflated = make([]byte, 0, 16<<20)

func inflateAll(b *testing.B, data []byte) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	out := bytes.NewBuffer(inflated)
	if _, err := io.Copy(out, z); err != nil {
		b.Fatal(err)
	}
}

func parseWhole(b *testing.B, data []byte) {
	if _, err := pprof.ParseData(data); err != nil {
		b.Fatal(err)
	}
}

func pprofTop(b *testing.B, file string) {
	if out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}
