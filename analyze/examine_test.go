package analyze

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"weak"

	"busywork/profile"
)

// An Examination has the very report that Analyze gives.
func TestExamineReportsTheSame(t *testing.T) {
	for _, name := range captureNames(t) {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		e := Examine(c, Options{})
		got, err := json.Marshal(e.Report)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(Analyze(c, Options{}))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}

// The bytes are those of the profile that the rules looked at: of several the one
// with the most samples.
func TestExaminedProfile(t *testing.T) {
	c := newCapture(t, 0.5, 1, stack{"main.small < main.main", 1})
	large := profileOf(t, stack{"main.large < main.main", 5})
	c.Profiles = append(c.Profiles, large, profileOf(t, stack{"main.other < main.main", 2}))
	if e := Examine(c, Options{}); !slices.Equal(e.Profile(), large.Data) {
		t.Error("another profile was kept")
	}
}

// What remains of a window is the report, the rows and the profile: neither the
// Capture nor its Facts, which what key-parse-per-job accuses is a method of, nor
// the inflated profile that names are pieces of.
func TestExaminationLetsGo(t *testing.T) {
	const n = 40
	for _, name := range []string{"dispatch-waste", "key-parse-per-job-waste"} {
		var all []*Examination
		var captures []weak.Pointer[profile.Capture]
		load := func() {
			c, err := profile.Load(filepath.Join(captureDir, name))
			if err != nil {
				t.Fatal(err)
			}
			captures = append(captures, weak.Make(c))
			all = append(all, Examine(c, Options{}))
		}
		load() // whatever is made once is made now
		before := heap()
		for range n {
			load()
		}
		kept := float64(heap()-before) / n
		for i, c := range captures {
			if c.Value() != nil {
				t.Fatalf("%s: capture %d is still there", name, i)
			}
		}
		if size := float64(all[n].Size()); kept > 1.5*size || kept < 0.5*size {
			t.Errorf("%s: an Examination keeps %.0f bytes and says %.0f", name, kept, size)
		}
		runtime.KeepAlive(all)
	}
}

// heap is the bytes that are reachable. A second collection frees what the first
// one found to have a cleanup.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
