package feed

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"busywork/analyze"
)

// BenchmarkLoad is one step of a scrubber to a window that is not held, with a
// capture of a service under load. The goal is 50 ms.
func BenchmarkLoad(b *testing.B) {
	f, err := OpenRecorded([]string{lay(b, "dispatch-waste", 2*maxCached)}, analyze.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		if _, err := f.Load(0, n%(2*maxCached)+1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIndex reads a recording for its figures, without the pauses, and
// reports what of it is in memory when half of it and when all of it has come.
// BUSYWORK_WINDOWS is the number of windows; a day of windows of 5 s has 17,280.
func BenchmarkIndex(b *testing.B) {
	windows, err := strconv.Atoi(os.Getenv("BUSYWORK_WINDOWS"))
	if err != nil {
		windows = 200
	}
	dir := lay(b, "dispatch-waste", windows)
	for b.Loop() {
		b.StopTimer()
		before := heap()
		f := open(b, dir)
		b.StartTimer()
		order := []*evenly{newEvenly(windows - 1)}
		come := 0
		for turn := 0; ; turn++ {
			target, w, more := f.nextToIndex(order, turn)
			if !more {
				break
			}
			f.index(target, w, func(Arrival) {
				if come++; come == windows/2 {
					b.StopTimer()
					b.ReportMetric(float64(heap()-before)/1e6, "MB-half")
					b.StartTimer()
				}
			})
		}
		if come != windows-1 {
			b.Fatalf("%d of %d windows came", come, windows)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/1e6, "MB-all")
		runtime.KeepAlive(f)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*(windows-1)), "ms/window")
}

func open(b *testing.B, dir string) *recorded {
	b.Helper()
	f, err := OpenRecorded([]string{dir}, analyze.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return f.(*recorded)
}

// BenchmarkGrown is one look at whether a recording of a day has grown.
func BenchmarkGrown(b *testing.B) {
	f := open(b, lay(b, "beats-waste", 2000))
	for b.Loop() {
		f.news(context.Background(), func(Arrival) { b.Error("a window came") })
	}
}

// BenchmarkHeld holds one window more, at the bound.
func BenchmarkHeld(b *testing.B) {
	f := open(b, filepath.Join(captures, "dispatch-waste"))
	e, err := f.Load(0, 1)
	if err != nil {
		b.Fatal(err)
	}
	var h held
	for n := 0; b.Loop(); n++ {
		h.add(window{n % 8, n, e})
	}
}
