package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"busywork/profile"
)

// Options say what is compared. Only Base is required.
type Options struct {
	Dir      string   // the user's folder; "" is this process's
	Base     string   // a git ref; head is the work tree as it is
	Pattern  string   // which benchmarks, as for go test -bench; "" is all
	Packages []string // which packages, as for go test; none is ./...
	Flags    []string // more build flags for both sides, such as -tags=integration

	// Timeout of one execution of a test binary; 0 is [DefaultTimeout].
	Timeout time.Duration
	// Progress, if it is not nil, is told each step as it begins: "build base:
	// example.org/queue".
	Progress func(step string)
}

// DefaultTimeout is for an execution that by design takes a third of a second. A
// benchmark whose single operation takes longer than 10 s is no use in a gate.
const DefaultTimeout = time.Minute

// A Benchmark is one that can be run on both sides.
type Benchmark struct {
	Package string // import path
	Name    string // BenchmarkCancel/n=1000: without a suffix for GOMAXPROCS, which is 1
	File    string // where head has its function: relative to the repository, with slashes
	Line    int

	// Parallel says that it calls b.RunParallel. On the one CPU that the gate
	// uses, what its goroutines cost each other by contention does not show.
	Parallel bool
	// Unchanged says that the test binaries of both sides are the same bytes, and so
	// are the files in the package's folder: no difference between the sides can be
	// due to the change. What a benchmark reads elsewhere may still differ.
	Unchanged bool
}

func (b Benchmark) String() string { return b.Package + "." + b.Name }

// An Origin is where the program of a side comes from.
type Origin struct {
	Ref      string    `json:"ref,omitempty"` // as it was given; head has none
	Commit   string    `json:"commit"`        // "" if head has no commit yet
	Changed  int       `json:"changed"`       // files of head that differ from the commit or are new
	Settings []Setting `json:"settings"`      // how it was built
}

// A Bench is both sides, built and ready to be run. Its methods must not be
// called at the same time: two executions would be noise to each other.
type Bench struct {
	Base, Head Origin
	// Environment are the variables that change how a Go program runs. Both sides
	// have the same.
	Environment []Setting
	// CPU is the number of the one that every execution is pinned to; -1 if the
	// system does not allow it.
	CPU int
	// Benchmarks are sorted by package; within one they are in the order in which
	// go test runs them.
	Benchmarks []Benchmark
	// NotCompared are benchmarks that match and cannot be compared, and why. Some
	// are only caveats: see [Problem.Caveat].
	NotCompared []*Error
	// Notes are what a reader of the result should know: one sentence each.
	Notes []string

	options  Options
	match    pattern
	scratch  *scratch
	binaries map[Side]map[string]binary // by package
	env      []string
	read     []string // files that differ and are not compiled; see repository.read
}

// Prepare checks base out, builds the test binaries of both sides and finds the
// benchmarks in them: every one that matches is run once on each side. The caller
// must Close what it returns. The error is an *[Error] where the user can do
// something about it; after an error nothing is left behind.
//
// It is an error if there is nothing to compare and all reasons are caveats. If
// some matching benchmark is broken, Prepare returns what there is, be it no
// benchmark at all: NotCompared says the rest.
func Prepare(ctx context.Context, o Options) (*Bench, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	match, err := parsePattern(o.Pattern)
	if err != nil {
		return nil, err
	}
	repo, err := openRepository(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	commit, err := repo.resolve(ctx, o.Base)
	if err != nil {
		return nil, err
	}
	golang, err := findTool("go", Errorf(NoGo, "install Go, in the version that go.mod asks for", "the go command is not installed"))
	if err != nil {
		return nil, err
	}
	repo.sweep(ctx)
	s, err := newScratch()
	if err != nil {
		return nil, err
	}
	b := &Bench{
		Base:     Origin{Ref: profile.CleanLine(o.Base), Commit: commit},
		CPU:      chooseCPU(),
		options:  o,
		match:    match,
		scratch:  s,
		binaries: map[Side]map[string]binary{Base: {}, Head: {}},
		env:      benchmarkEnvironment(s.temp()),
	}
	if err := b.prepare(ctx, repo, golang); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes the work tree of base and all else that was made; a second time,
// it does nothing. It takes no context: it has to work when that is done.
func (b *Bench) Close() error {
	if err := b.scratch.remove(); err != nil {
		return fmt.Errorf("remove what the gate made in %s: %w", b.scratch.dir, err)
	}
	return nil
}

// complete fills in the defaults and checks the rest.
func (o Options) complete() (Options, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, err
	}
	o.Dir = dir
	if len(o.Packages) == 0 {
		o.Packages = []string{"./..."}
	}
	o.Packages = slices.Clone(o.Packages)
	for i, p := range o.Packages {
		if strings.HasSuffix(p, ".go") {
			return o, Errorf(BadOption, "name packages, such as ./queue or ./...", "%s is a file, not a package", profile.CleanLine(p))
		}
		if !filepath.IsAbs(p) {
			continue
		}
		// A path into the work tree would mean head's package on both sides.
		if p, err = filepath.Rel(o.Dir, p); err != nil {
			return o, err
		}
		o.Packages[i] = "./" + filepath.ToSlash(p)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o, nil
}

func (b *Bench) prepare(ctx context.Context, repo *repository, golang tool) error {
	b.options.Progress("check out base")
	if err := b.scratch.checkOut(ctx, repo, b.Base.Commit); err != nil {
		return err
	}
	base, err := b.baseTree(ctx, repo, golang)
	if err != nil {
		return err
	}
	if b.read, err = repo.read(ctx, b.Base.Commit); err != nil {
		return err
	}
	head := tree{side: Head, root: repo.root, golang: golang.in(filepath.Join(repo.root, repo.prefix))}
	if err := head.inModule(ctx); err != nil {
		return err
	}
	if err := b.describe(ctx, repo, base, head); err != nil {
		return err
	}
	b.options.Progress("look for benchmarks")
	inBase := map[string]testPackage{}
	if base != nil {
		if inBase, err = base.list(ctx, b.options, b.match); err != nil {
			return err
		}
	}
	inHead, err := head.list(ctx, b.options, b.match)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(union(inBase, inHead))) {
		both := b.inBoth(inBase[path], inHead[path], path)
		if len(both) == 0 {
			continue
		}
		if err := b.buildBoth(ctx, *base, head, inBase[path], inHead[path]); err != nil {
			return err
		}
		for _, function := range both {
			if err := b.discover(ctx, path, function, repo.root); err != nil {
				return err
			}
		}
	}
	return b.somethingToDo()
}

// baseTree is base as the go command sees it; nil if base does not have the
// user's folder.
func (b *Bench) baseTree(ctx context.Context, repo *repository, golang tool) (*tree, error) {
	dir := filepath.Join(b.scratch.root, repo.prefix)
	if _, err := os.Stat(dir); err != nil {
		b.note("base has no folder %s.", filepath.ToSlash(repo.prefix))
		return nil, nil
	}
	o := outside{golang: golang, trees: b.scratch.trees(), root: b.scratch.root, head: repo.root}
	goWork, err := o.link(ctx, repo.prefix)
	if err != nil {
		return nil, err
	}
	return &tree{side: Base, root: b.scratch.root, golang: golang.in(dir).with("GOWORK=" + goWork)}, nil
}

func (b *Bench) buildBoth(ctx context.Context, base, head tree, inBase, inHead testPackage) error {
	name := fmt.Sprintf("%03d.test", len(b.binaries[Base]))
	for _, side := range []struct {
		tree
		testPackage
	}{{base, inBase}, {head, inHead}} {
		b.options.Progress(fmt.Sprintf("build %s: %s", side.side, profile.CleanLine(side.path)))
		bin, err := side.build(ctx, side.testPackage, b.options.Flags, filepath.Join(b.scratch.bin(side.side), name))
		if err != nil {
			return err
		}
		b.binaries[side.side][side.path] = bin
	}
	return nil
}

// inBoth are the functions that both sides have, in the order of head; the
// others become caveats.
func (b *Bench) inBoth(base, head testPackage, path string) (both []benchmarkFunc) {
	for _, f := range head.functions {
		if base.function(f.name) != nil {
			both = append(both, f)
		} else {
			b.oneSided(Head, Benchmark{Package: path, Name: f.name})
		}
	}
	for _, f := range base.functions {
		if head.function(f.name) == nil {
			b.oneSided(Base, Benchmark{Package: path, Name: f.name})
		}
	}
	return both
}

func (b *Bench) oneSided(side Side, bm Benchmark) {
	b.NotCompared = append(b.NotCompared, Errorf(OneSided, "", "it exists only in %s", side).of(bm, side))
}

// somethingToDo is the error for a run without a benchmark, unless that is
// because all are broken.
func (b *Bench) somethingToDo() error {
	broken := slices.ContainsFunc(b.NotCompared, func(e *Error) bool { return !e.Problem.Caveat() })
	if len(b.Benchmarks) > 0 || broken {
		return nil
	}
	const hint = "those that exist: go test -run '^$' -list Benchmark "
	packages := profile.CleanLine(strings.Join(b.options.Packages, " "))
	if len(b.NotCompared) == 0 {
		matching := ""
		if b.options.Pattern != "" {
			matching = fmt.Sprintf(" that matches %q", profile.CleanLine(b.options.Pattern))
		}
		return Errorf(NoBenchmarks, hint+packages, "there is no benchmark%s in %s, neither in base nor in head", matching, packages)
	}
	e := Errorf(NoBenchmarks, hint+packages, "no benchmark can be run on both sides")
	for _, why := range b.NotCompared {
		e.Output = append(e.Output, why.Error())
	}
	e.Output = e.Output[:min(len(e.Output), shownLines)]
	return e
}

func (b *Bench) note(format string, args ...any) {
	b.Notes = append(b.Notes, fmt.Sprintf(format, args...))
}

func union(a, b map[string]testPackage) map[string]testPackage {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
