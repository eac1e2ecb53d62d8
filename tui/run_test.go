package tui

import (
	"slices"
	"testing"
	"time"

	"busywork/tui/feed"
)

// A screen that is stuck holds nobody up, and is told the newest of what it has
// missed.
func TestRelay(t *testing.T) {
	stuck, first := make(chan struct{}), make(chan struct{})
	var seen []int
	r := relay(func(a feed.Arrival) {
		if seen = append(seen, a.Number); len(seen) == 1 {
			close(first)
			<-stuck
		}
	})
	r.push(feed.Arrival{Number: 1})
	<-first
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		for n := 2; n <= 10*maxQueued; n++ {
			r.push(feed.Arrival{Number: n})
		}
	}()
	select {
	case <-pushed:
	case <-time.After(20 * time.Second):
		t.Fatal("windows wait for the screen")
	}
	close(stuck)
	r.end()
	if len(seen) != 1+maxQueued || !slices.IsSorted(seen) || seen[maxQueued] != 10*maxQueued {
		t.Errorf("%d windows were seen: %v", len(seen), seen)
	}
}
