package gate

import (
	"slices"
	"testing"
)

// What is run at a time is about the same each time.
func TestGroups(t *testing.T) {
	for n, want := range [][]int{{}, {1}, {2}, {3}, {4}, {3, 2}, {3, 3}, {4, 3}, {4, 4}, {3, 3, 3}} {
		var got []int
		for group := range groups(make([]int, n)) {
			got = append(got, len(group))
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
}
