package bench

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// one is a module with one benchmark, that calls f.
const one = `
-- go.mod --
module example.org/one

go 1.24
-- one.go --
package one

func f() {}
-- one_test.go --
package one

import "testing"

func BenchmarkOne(b *testing.B) {
	for range b.N {
		f()
	}
}
`

// A module below the root of its repository, that needs another beside the
// repository by a relative path: base, elsewhere, must find it. And since nothing
// is changed, both sides must be the same bytes. What the repository does after a
// checkout is not for this one.
func TestSameSourceSameBytes(t *testing.T) {
	scratches := alone(t)
	parent := t.TempDir()
	repo{t, parent}.write(`
-- sibling/go.mod --
module example.org/sibling

go 1.24
-- sibling/sibling.go --
package sibling

func F() {}
`)
	r := newRepo(t, filepath.Join(parent, "repository"), `
-- services/one/go.mod --
module example.org/one

go 1.24

require example.org/sibling v0.0.0

replace example.org/sibling => ../../../sibling
-- services/one/one_test.go --
package one

import (
	"testing"

	"example.org/sibling"
)

func BenchmarkOne(b *testing.B) {
	for range b.N {
		sibling.F()
	}
}
-- go.mod --
module example.org/root

go 1.24
-- root_test.go --
package root

import "testing"

func BenchmarkRoot(b *testing.B) {}
`)
	hooked := filepath.Join(parent, "hooked")
	hook := filepath.Join(r.dir, ".git", "hooks", "post-checkout")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho x > "+hooked+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := r.prepare(Options{Dir: filepath.Join(r.dir, "services", "one")})
	if isFile(hooked) {
		t.Error("a hook ran")
	}
	if len(b.Benchmarks) != 1 || b.Benchmarks[0].String() != "example.org/one.BenchmarkOne" || !b.Benchmarks[0].Unchanged {
		t.Fatalf("got %+v, %v", b.Benchmarks, b.NotCompared)
	}
	if b.Benchmarks[0].File != "services/one/one_test.go" {
		t.Errorf("it is in %s", b.Benchmarks[0].File)
	}
	if !slices.Contains(b.Notes, "Base and head are the same commit.") {
		t.Errorf("notes: %q", b.Notes)
	}
	var sides [2][]byte
	for i, side := range []Side{Base, Head} {
		data, err := os.ReadFile(b.binaries[side]["example.org/one"].path)
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = data
	}
	if !bytes.Equal(sides[0], sides[1]) {
		t.Error("the same source gives different binaries")
	}
	if bytes.Contains(sides[0], []byte(scratches)) {
		t.Error("a binary knows where it was built")
	}
}

// What is the same program on both sides need not be run, unless files differ
// that it may read.
func TestUnchanged(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), `
-- go.mod --
module example.org/two

go 1.24
-- README --
one
-- a/a_test.go --
package a

import "testing"

func BenchmarkA(b *testing.B) {}
-- a/testdata/jobs.txt --
one
-- b/b_test.go --
package b

import "testing"

func BenchmarkB(b *testing.B) {}
`)
	for _, c := range []struct {
		name, files string
		a, b        bool // what is unchanged
	}{
		{"nothing", "", true, true},
		{"what nothing is built of", "-- README --\ntwo\n-- a/a_windows.go --\npackage a\n", true, true},
		{"the program", "-- b/b.go --\npackage b\n\nfunc init() { println() }\n", true, false},
		{"what it reads, not committed", "-- a/testdata/jobs.txt --\ntwo\n", false, true},
		{"what it reads, not known to git", "-- b/testdata/x.go --\npackage x\n", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.git("reset", "--hard", "base")
			r.git("clean", "-fdx")
			r.write(c.files)
			got := map[string]bool{}
			for _, bm := range (repo{t, r.dir}).prepare(Options{}).Benchmarks {
				got[bm.Name] = bm.Unchanged
			}
			if want := map[string]bool{"BenchmarkA": c.a, "BenchmarkB": c.b}; !maps.Equal(got, want) {
				t.Errorf("unchanged: %v, want %v", got, want)
			}
		})
	}
}

// A go.work above the repository uses it and a module beside it; base must be
// built with its own code in that workspace, not with head's.
func TestWorkspaceAboveTheRepository(t *testing.T) {
	alone(t)
	parent := t.TempDir()
	repo{t, parent}.write(`
-- go.work --
go 1.24

use (
	./repository
	./sibling
)
-- sibling/go.mod --
module example.org/sibling

go 1.24
-- sibling/sibling.go --
package sibling

func F() {}
`)
	r := newRepo(t, filepath.Join(parent, "repository"), strings.Replace(one, "func f() {}", `import "example.org/sibling"

func f() { sibling.F() }`, 1))
	r.write(`
-- one.go --
package one

import "example.org/sibling"

func f() { sibling.F(); sibling.F(); println() }
`)
	r.commit()
	b := r.prepare(Options{})
	if len(b.Benchmarks) != 1 || b.Benchmarks[0].Unchanged {
		t.Fatalf("got %+v, %v", b.Benchmarks, b.NotCompared)
	}
}

// Modules in a vendor folder are built from it, offline.
func TestVendor(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), `
-- go.mod --
module example.org/one

go 1.24

require example.org/dep v1.0.0
-- .gitmodules --
[submodule "proto"]
	path = proto
	url = ../proto
-- vendor/modules.txt --
# example.org/dep v1.0.0
## explicit; go 1.24
example.org/dep
-- vendor/example.org/dep/dep.go --
package dep

func F() {}
-- one_test.go --
package one

import (
	"testing"

	"example.org/dep"
)

func BenchmarkOne(b *testing.B) { dep.F() }
`)
	b := r.prepare(Options{})
	if len(b.Benchmarks) != 1 || !b.Benchmarks[0].Unchanged {
		t.Errorf("got %+v, %v", b.Benchmarks, b.NotCompared)
	}
	if !slices.Contains(b.Notes, "The repository has submodules: base is measured without them.") {
		t.Errorf("notes: %q", b.Notes)
	}
}

func TestDoesNotBuild(t *testing.T) {
	scratches := alone(t)
	r := newRepo(t, t.TempDir(), one)
	r.write("-- one.go --\npackage one\n\nfunc f() { return 1 }\n")
	_, err := Prepare(t.Context(), Options{Dir: r.dir, Base: "base"})
	brokenOn(t, err, Head)
	r.commit()
	r.git("tag", "--force", "base")
	r.write("-- one.go --\npackage one\n\nfunc f() {}\n")
	_, err = Prepare(t.Context(), Options{Dir: r.dir, Base: "base"})
	brokenOn(t, err, Base)
	r.mustBeTidy(scratches)
}

func brokenOn(t *testing.T, err error, side Side) {
	t.Helper()
	mustBe(t, err, DoesNotBuild)
	e, _ := errors.AsType[*Error](err)
	if e.Side != side || !strings.Contains(e.Reason, "one.go:3:19: too many return values") || len(e.Output) < 3 {
		t.Errorf("got %+v, want that %s does not build, and why", e, side)
	}
	if text := strings.Join(e.Output, "\n"); strings.Contains(text, scratchName) {
		t.Errorf("the compiler's words depend on where base lies: %s", text)
	}
}

func TestNoModule(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), "-- one_test.go --\npackage one\n")
	_, err := Prepare(t.Context(), Options{Dir: r.dir, Base: "base"})
	mustBe(t, err, NoModule)
}

// Absolute paths into the work tree would have base built with head's code.
func TestAbsoluteReplace(t *testing.T) {
	alone(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := newRepo(t, dir, strings.Replace(one, "go 1.24\n", "go 1.24\n\nreplace example.org/x => "+dir+"/x\n", 1))
	_, err = Prepare(t.Context(), Options{Dir: r.dir, Base: "base"})
	mustBe(t, err, DoesNotBuild)
	if !strings.Contains(err.Error(), "code of head") {
		t.Error(err)
	}
}

func TestNoBenchmarks(t *testing.T) {
	scratches := alone(t)
	r := newRepo(t, t.TempDir(), one)
	r.write("-- new/go.mod --\nmodule example.org/new\n\ngo 1.24\n-- new/x_test.go --\npackage x\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) {}\n")
	for _, o := range []Options{
		{Pattern: "Two"},
		{Packages: []string{"./none/..."}},
		{Dir: filepath.Join(r.dir, "new")}, // a module that base does not have
	} {
		if o.Dir == "" {
			o.Dir = r.dir
		}
		o.Base = "base"
		_, err := Prepare(t.Context(), o)
		mustBe(t, err, NoBenchmarks)
	}
	for _, o := range []Options{{Pattern: "("}, {Packages: []string{"one_test.go"}}} {
		o.Dir, o.Base = r.dir, "base"
		_, err := Prepare(t.Context(), o)
		mustBe(t, err, BadOption)
	}
	r.mustBeTidy(scratches)
}

// What waits for ever in head, and works in base, is stopped, and it is said
// where it waits. Where all wait for each other, the runtime notices.
func TestHang(t *testing.T) {
	alone(t)
	r := newRepo(t, t.TempDir(), one+`
-- two_test.go --
package one

import "testing"

func BenchmarkTwo(b *testing.B) { b.Run("x", func(b *testing.B) { g() }) }
-- two.go --
package one

func g() {}
`)
	r.write(`
-- one.go --
package one

import "time"

func f() { time.Sleep(time.Hour) }
-- two.go --
package one

func g() { select {} }
`)
	b := r.prepare(Options{Timeout: 5 * time.Second}) // base, which does nothing, needs milliseconds
	if len(b.Benchmarks) != 0 || len(b.NotCompared) != 2 {
		t.Fatalf("got %v, %v", b.Benchmarks, b.NotCompared)
	}
	for i, want := range []struct {
		name    string
		problem Problem
		says    string
	}{
		{"example.org/one.BenchmarkOne", Hung, "it did not end within 5s: sleep in one.f (example.org/one/one.go:5)"},
		{"example.org/one.BenchmarkTwo/x", Panicked, "fatal error: all goroutines are asleep - deadlock!: select (no cases) in one.g (example.org/one/two.go:3)"},
	} {
		if e := b.NotCompared[i]; e.Benchmark.String() != want.name || e.Side != Head || e.Problem != want.problem || e.Reason != want.says {
			t.Errorf("got %+v, want %s: %s", e, want.problem, want.says)
		}
	}
}

// Ctrl-C ends the context. Whatever was going on then, nothing is left.
func TestInterruptedNothingIsLeft(t *testing.T) {
	scratches := alone(t)
	r := newRepo(t, t.TempDir(), one)
	cause := errors.New("interrupt")
	for _, at := range []string{"check out base", "look for benchmarks", "build head: example.org/one", "try base: example.org/one.BenchmarkOne"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		reached := false
		_, err := Prepare(ctx, Options{Dir: r.dir, Base: "base", Progress: func(step string) {
			if step == at {
				reached = true
				cancel(cause)
			}
		}})
		if !reached || !errors.Is(err, cause) {
			t.Errorf("at %q: got %v", at, err)
		}
		r.mustBeTidy(scratches)
	}
}
