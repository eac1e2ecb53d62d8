package bench

import (
	"slices"
	"strings"
	"testing"

	"busywork/analyze/gate/blame"
)

// allocating has benchmarks of whose allocations it is known where they come from.
const allocating = `
-- go.mod --
module example.org/letters

go 1.24
-- letters.go --
package letters

import "strings"

type letter struct{ words, tags []string }

var kept *letter

func Read(s string) { kept = &letter{words: split(s)} }

func split(s string) []string { return strings.Fields(s) }

func Sum(list []int) (sum int) {
	for _, v := range list {
		sum += v
	}
	return sum
}

func Pack(list []string) []string { return pack(list) }

func pack(list []string) []string { return append([]string(nil), list...) }
-- letters_test.go --
package letters

import "testing"

var (
	total  int
	packed []string
)

func BenchmarkRead(b *testing.B) {
	prepared := make([]string, 1000)
	for i := range prepared {
		prepared[i] = "one two  three"
	}
	for i := range b.N {
		Read(prepared[i%1000])
	}
}

func BenchmarkSum(b *testing.B) {
	for range b.N {
		total = Sum([]int{1, 2, 3})
	}
}

func BenchmarkPack(b *testing.B) {
	list := []string{"one", "two", "three"}
	for range b.N {
		packed = Pack(list)
	}
}
`

func TestAllocated(t *testing.T) {
	if testing.Short() {
		t.Skip("builds benchmarks")
	}
	alone(t)
	r := newRepo(t, t.TempDir(), allocating)
	r.write(`
-- letters.go --
package letters

import "strings"

type letter struct{ words, tags []string }

var kept *letter

func Read(s string) { kept = &letter{words: split(s), tags: tags(s)} }

func split(s string) []string { return strings.Fields(s) }

func tags(s string) []string { return []string{strings.ToUpper(s), strings.Repeat(s, 2)} }

func Sum(list []int) (sum int) {
	for _, v := range list {
		sum += v
	}
	kept = &letter{}
	return sum
}

func Pack(list []string) []string {
	kept = &letter{words: pack(list), tags: pack(list)}
	return kept.words
}

func pack(list []string) []string { return append([]string(nil), list...) }
`)
	b := r.prepare(Options{})
	const n = 102
	for _, c := range []struct {
		benchmark, column string
		was, is           float64
		function, says    string
	}{
		{"BenchmarkRead", "alloc_objects", 2, 5, "letters.tags", "3 of the 3 more for one operation"},
		{"BenchmarkSum", "alloc_objects", 0, 1, "letters.Sum", "1 of the 1 more for one operation"},
		{"BenchmarkSum", "alloc_space", 0, 48, "letters.Sum", "48 of the 48 more for one operation"},
		{"BenchmarkPack", "alloc_objects", 1, 3, "letters.Pack", "1 of the 2 more for one operation"},
	} {
		t.Run(c.benchmark+" "+c.column, func(t *testing.T) {
			var counted [2]blame.Allocated
			for i := range counted {
				a, err := b.Allocated(t.Context(), named(t, b, c.benchmark), []Side{Base, Head}[i], n)
				if err != nil {
					t.Fatal(err)
				}
				counted[i] = a
			}
			counted[0].PerOp, counted[1].PerOp = c.was, c.is
			causes, err := blame.Allocations(counted[0], counted[1], c.column)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(causes, func(cause blame.Cause) bool {
				return strings.HasSuffix(cause.Function, c.function) && cause.File == "letters.go" && strings.Contains(cause.Why, c.says)
			}) {
				t.Errorf("causes %+v", causes)
			}
		})
	}
}
