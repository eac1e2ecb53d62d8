package bench

import "strings"

// service is a small module. Its base has every kind of benchmark that a gate
// meets; head then does three times the work.
const service = `
-- go.mod --
module example.org/service

go 1.24
-- queue/queue.go --
package queue

func Work(n int) (sum int) {
	for i := range factor * n {
		sum = sum*31 + i
	}
	return sum
}
-- queue/factor.go --
package queue

const factor = 1
-- queue/testdata/jobs.txt --
jobs
-- queue/queue_test.go --
package queue

import (
	"fmt"
	"os"
	"testing"
)

var sink int

func BenchmarkWork(b *testing.B) {
	for range b.N {
		sink += Work(2000)
	}
}

func BenchmarkPrepared(b *testing.B) {
	sink += Work(20_000_000)
	b.ResetTimer()
	for range b.N {
		sink += Work(2000)
	}
}

func BenchmarkSized(b *testing.B) {
	for _, name := range []string{"n=10", "n=10", "a/b (c) [d]|e", "jobs\x1b[31m"} {
		b.Run(name, func(b *testing.B) {
			var keep [][]byte
			for b.Loop() {
				keep = append(keep[:0], make([]byte, 64*len(os.Args)), make([]byte, 64))
			}
		})
	}
}

func BenchmarkTestdata(b *testing.B) {
	for range b.N {
		if _, err := os.ReadFile("testdata/jobs.txt"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTalks(b *testing.B) {
	for range b.N {
		sink += Work(2000)
	}
	fmt.Print("1\t2 ns/op\t3 B/op\t4 allocs/op\nBenchmarkOther\t1\t2 ns/op\t3 B/op\t4 allocs/op\nand on")
}

func BenchmarkGrown(b *testing.B) {
	for i := range factor {
		b.Run(fmt.Sprint("n=", i), func(b *testing.B) {})
	}
}

func BenchmarkParallel(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			Work(10)
		}
	})
}
-- queue/broken_test.go --
package queue_test

import (
	"fmt"
	"os"
	"testing"
)

func BenchmarkPanics(b *testing.B) {
	b.Run("fine", func(b *testing.B) {})
	b.Run("bad", func(b *testing.B) { panic("boom \x1b[31m") })
	b.Run("never", func(b *testing.B) {})
}

func BenchmarkPanicsLater(b *testing.B) {
	if b.N > 2 {
		var m map[string]int
		m["x"] = 1
	}
}

func BenchmarkFails(b *testing.B) {
	for _, name := range []string{"fine", "bad"} {
		b.Run(name, func(b *testing.B) {
			if name == "bad" {
				b.Fatal("no broker at 127.0.0.1")
			}
		})
	}
}

func BenchmarkSkips(b *testing.B)     { b.Skip("not on this machine") }
func BenchmarkExits(b *testing.B)     { fmt.Fprintln(os.Stderr, "no broker"); os.Exit(3) }
func BenchmarkExitsWell(b *testing.B) { os.Exit(0) }
func BenchmarkMute(b *testing.B)      { os.Stdout.Close() }
func BenchmarkIdle(b *testing.B)      {}

func BenchmarkFloods(b *testing.B) {
	for {
		fmt.Println("and", "on", "and", "on", "and", "on", "and", "on", "and", "on", "and", "on", "and", "on")
	}
}

type helper struct{}

func (helper) BenchmarkNot(b *testing.B)   {}
func BenchmarkNotEither(b *testing.T)      {}
func Benchmarknor(b *testing.B)            {}
func BenchmarkNeither(b *testing.B, n int) {}
-- old/old_test.go --
package old

import "testing"

func BenchmarkOld(b *testing.B) {}
-- plain/plain.go --
package plain
`

// changed is what head has otherwise.
const changed = `
-- queue/factor.go --
package queue

const factor = 3
-- queue/head_test.go --
package queue

import "testing"

func BenchmarkNew(b *testing.B) {}
-- fresh/fresh_test.go --
package fresh

import "testing"

func BenchmarkFresh(b *testing.B) {}
`

// The service's Not… functions would not compile with go vet, but -c does not
// run it; the go command itself refuses a benchmark of a wrong type, so they are
// cut from what is built.
func buildable(files string) string {
	from := strings.Index(files, "func BenchmarkNotEither")
	to := strings.Index(files, "-- old/")
	return files[:from] + files[to:]
}
