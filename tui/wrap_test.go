package tui

import (
	"slices"
	"strings"
	"testing"
)

func TestFolded(t *testing.T) {
	for _, c := range []struct {
		text        string
		first, rest int
		want        []string
	}{
		{"", 10, 10, nil},
		{"one two", 7, 7, []string{"one two"}},
		{"one two", 6, 6, []string{"one", "two"}},
		{"  one \n two  ", 3, 9, []string{"one", "two"}},
		{"internal/queue.go", 3, 9, []string{"", "internal/", "queue.go"}}, // the first row has no room for it
		{"a internal/queue.go", 12, 9, []string{"a", "internal/", "queue.go"}},
		{"漢字かな", 5, 4, []string{"漢字", "かな"}},
		{"漢字", 1, 1, []string{"漢", "字"}}, // wider than the row, which then leaves it out
		{"ab", 0, 0, []string{"a", "b"}},
		{"é è", 1, 1, []string{"é", "è"}},
	} {
		if got := folded(c.text, c.first, c.rest); !slices.Equal(got, c.want) {
			t.Errorf("folded(%q, %d, %d) = %q, want %q", c.text, c.first, c.rest, got, c.want)
		}
	}
}

// Whatever the text, nothing of it gets lost but blanks, and no row is too long.
func TestFoldedLosesNothing(t *testing.T) {
	for _, name := range hostile {
		text := "a " + name + " b " + name
		for w := 2; w < 40; w++ {
			rows := folded(text, w/2, w)
			for i, row := range rows {
				if n := width(row); n > w || i == 0 && n > w/2 && w > 3 {
					t.Fatalf("row %d of %d has %d cells: %q", i, w, n, row)
				}
			}
			if got, want := strings.Join(strings.Fields(strings.Join(rows, "")), ""), strings.Join(strings.Fields(text), ""); got != want {
				t.Fatalf("%d cells: got %q, want %q", w, got, want)
			}
		}
	}
}

func TestElided(t *testing.T) {
	for _, c := range []struct {
		row  string
		n    int
		want string
	}{
		{"let it run", 11, "let it run…"},
		{"let it run", 10, "let it…"},
		{"unbreakable", 8, "unbreak…"},
		{"", 3, "…"},
	} {
		if got := elided(c.row, c.n); got != c.want {
			t.Errorf("elided(%q, %d) = %q, want %q", c.row, c.n, got, c.want)
		}
	}
}
