package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

const captures = "../../fixtures/captures"

// lay makes a recording of so many windows, all of them the same capture. They are
// links: a day of it takes no room.
func lay(t testing.TB, capture string, windows int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "incident")
	for i := range windows {
		link(t, filepath.Join(captures, capture), filepath.Join(dir, fmt.Sprintf("%06d", i+1)))
	}
	return dir
}

func link(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			// The temporary folder may be on another disk.
			data, err := os.ReadFile(filepath.Join(from, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// gather follows a feed until enough says so, or it ends.
func gather(t *testing.T, f Feed, enough func(list []Arrival) bool) []Arrival {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that a failure is not for ever
	defer cancel()
	var list []Arrival
	err := f.Follow(ctx, func(a Arrival) {
		list = append(list, a)
		if enough(list) {
			cancel()
		}
	})
	if err != nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("%v after %d windows", err, len(list))
	}
	return list
}

func toTheEnd([]Arrival) bool { return false }

// sameReport says whether two examinations say the same.
func sameReport(t *testing.T, a, b *analyze.Examination) bool {
	t.Helper()
	x, err := json.Marshal(a.Report)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b.Report)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// diagnosed is what diagnosing a capture alone says.
func diagnosed(t *testing.T, dir string) *analyze.Examination {
	t.Helper()
	c, err := profile.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return analyze.Examine(c, analyze.Options{})
}

// TestExamineSurvivesAPanic: a capture that is none stands for whatever analysis
// may stumble over.
func TestExamineSurvivesAPanic(t *testing.T) {
	e, err := examine(nil, analyze.Options{})
	if e != nil || err == nil || !strings.Contains(err.Error(), "internal error: ") || !strings.Contains(err.Error(), "busywork/analyze.") {
		t.Errorf("%v, %v", e, err)
	}
}

// TestHeld: both bounds hold, and the newest window of each target is held
// whatever comes.
func TestHeld(t *testing.T) {
	small := diagnosed(t, filepath.Join(captures, "beats-waste"))
	large := diagnosed(t, filepath.Join(captures, "dispatch-waste"))
	const targets = 12
	if targets*maxHeld*large.Size() < maxHeldBytes {
		t.Fatalf("an examination of %d bytes is too small to reach the bound", large.Size())
	}
	var h held
	for n := 1; n <= 3*maxHeld; n++ {
		h.add(window{0, n, small})
	}
	if h.count(0) != maxHeld || h.get(0, 2*maxHeld) != nil || h.get(0, 2*maxHeld+1) != small {
		t.Errorf("%d windows are held", h.count(0))
	}
	for n := 1; n <= maxHeld; n++ {
		for target := 1; target <= targets; target++ {
			h.add(window{target, n, large})
		}
		if h.size > maxHeldBytes {
			t.Fatalf("%d bytes are held", h.size)
		}
	}
	sum := 0
	for target := 1; target <= targets; target++ {
		if h.get(target, maxHeld) == nil {
			t.Errorf("the newest window of target %d is not held", target)
		}
	}
	for _, w := range h.list {
		sum += w.exam.Size()
	}
	if sum != h.size || h.count(0) != 1 || h.get(0, 3*maxHeld) == nil {
		t.Errorf("%d bytes are held and %d accounted for; %d windows are older than all others", sum, h.size, h.count(0))
	}
	t.Logf("%d windows of %d bytes", len(h.list), large.Size())
}

func TestCache(t *testing.T) {
	e := new(analyze.Examination)
	var c cache
	for n := range maxCached {
		c.put(window{0, n, e})
	}
	c.get(0, 0) // now it was asked for last
	c.put(window{0, maxCached, e})
	c.put(window{1, 0, e})
	c.put(window{1, 0, e})
	for n := range maxCached + 1 {
		if got := c.get(0, n) != nil; got != (n != 1 && n != 2) {
			t.Errorf("window %d is held: %v", n, got)
		}
	}
	if len(c.list) != maxCached || c.get(1, 0) == nil {
		t.Errorf("%d are held", len(c.list))
	}
}

func TestEvenly(t *testing.T) {
	for n := -1; n <= 130; n++ {
		e, seen := newEvenly(n), map[int]bool{}
		for i, ok := e.next(); ok; i, ok = e.next() {
			if i < 0 || i >= n || seen[i] {
				t.Fatalf("%d of %d", i, n)
			}
			seen[i] = true
		}
		if len(seen) != max(0, n) {
			t.Errorf("%d of %d came", len(seen), n)
		}
	}
	// Of a day's windows, after any number of them no gap is longer than four times
	// what it would be if they lay as evenly as can be.
	const n = 17_280
	e := newEvenly(n)
	come := make([]bool, n)
	for k := 1; k <= n; k++ {
		i, _ := e.next()
		come[i] = true
		if k&(k-1) != 0 {
			continue // the gaps of twice as many are no longer
		}
		gap, longest := 0, 0
		for _, c := range come {
			if gap++; c {
				gap = 0
			}
			longest = max(longest, gap)
		}
		if longest > 4*n/k {
			t.Errorf("after %d windows the longest gap is %d", k, longest)
		}
	}
}

// heap is what is alive.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
