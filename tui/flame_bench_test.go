package tui

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile"
)

// flameProfiles are what the flame screen is measured with: the largest profile of
// the corpus, which is not part of this repository, and a recorded capture.
func flameProfiles(b *testing.B) map[string]*profile.Capture {
	b.Helper()
	recorded, err := profile.Load("../fixtures/captures/reminders-waste")
	if err != nil {
		b.Fatal(err)
	}
	list := map[string]*profile.Capture{"reminders-waste": recorded}
	dir := os.Getenv("BUSYWORK_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		b.Fatal(err)
	}
	largest, most := "", int64(0)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Size() > most {
			largest, most = file, info.Size()
		}
	}
	if largest == "" {
		return list
	}
	data, err := os.ReadFile(largest)
	if err != nil {
		b.Fatal(err)
	}
	list[filepath.Base(largest)] = &profile.Capture{Profiles: []profile.CPUProfile{{Source: largest, Data: data}}}
	return list
}

func flameBench(b *testing.B, run func(b *testing.B, exam *analyze.Examination)) {
	for name, c := range flameProfiles(b) {
		exam := analyze.Examine(c, analyze.Options{})
		b.Run(name, func(b *testing.B) { run(b, exam) })
	}
}

// BenchmarkFlameOpen is what it takes from an examined window to the first frame:
// 150 ms are the bound.
func BenchmarkFlameOpen(b *testing.B) {
	flameBench(b, func(b *testing.B, exam *analyze.Examination) {
		b.ReportAllocs()
		for b.Loop() {
			f := newFlame()
			f.SetSize(120, 37)
			calls, err := exam.Calls()
			if err != nil {
				b.Fatal(err)
			}
			f.Show(flameScene(termenv.TrueColor, exam, calls))
			_ = f.View()
		}
	})
}

// BenchmarkFlameView is one frame that nothing has changed since.
func BenchmarkFlameView(b *testing.B) {
	flameBench(b, func(b *testing.B, exam *analyze.Examination) {
		f := openFlame(b, exam)
		b.ReportAllocs()
		for b.Loop() {
			_ = f.View()
		}
	})
}

// BenchmarkFlameMove is what it takes from a key to the frame that shows what it
// did: 33 ms are the bound, 2 the aim. worst-ms is the slowest of the keys, each
// taken as the fastest of its rounds, so that what others do on the machine is
// left out.
func BenchmarkFlameMove(b *testing.B) {
	keys := []string{
		"down", "down", "enter", "end", "f", "up", "up", "right", "right", "left", "enter", "down", "x",
		"end", "enter", "u", "u", "f", "n", "n", "N", "f", "u", "home", "pgdown", "pgup",
	}
	flameBench(b, func(b *testing.B, exam *analyze.Examination) {
		f := openFlame(b, exam)
		fastest := make([]time.Duration, len(keys))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			k := i % len(keys)
			start := time.Now()
			f.Key(keyMsg(keys[k]))
			_ = f.View()
			if took := time.Since(start); i < len(keys) || took < fastest[k] {
				fastest[k] = took
			}
		}
		b.ReportMetric(float64(slices.Max(fastest))/float64(time.Millisecond), "worst-ms")
	})
}

// BenchmarkFlameSearch is a letter of a search, and the frame that shows what it
// has found.
func BenchmarkFlameSearch(b *testing.B) {
	flameBench(b, func(b *testing.B, exam *analyze.Examination) {
		f := openFlame(b, exam)
		filters := []string{"r", "ru", "run", "runt"}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s := *f.scene
			s.filter = filters[i%len(filters)]
			f.Show(&s)
			_ = f.View()
		}
	})
}

// openFlame is the screen of a window, at 120×40.
func openFlame(tb testing.TB, exam *analyze.Examination) *flame {
	tb.Helper()
	calls, err := exam.Calls()
	if err != nil {
		tb.Fatal(err)
	}
	f := newFlame().(*flame)
	f.SetSize(120, 37)
	f.Show(flameScene(termenv.TrueColor, exam, calls))
	return f
}

// flameScene is a scene with a tree of calls.
func flameScene(colours termenv.Profile, exam *analyze.Examination, calls *analyze.Calls) *scene {
	return &scene{
		theme: newTheme(colours, true), keys: newKeyMap(), target: "dispatchd", live: true, history: new(history),
		exam: exam, number: 1, newest: true, calls: callsMsg{exam: exam, calls: calls},
	}
}
