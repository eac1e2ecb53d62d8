package bench

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"busywork/profile"
)

const (
	// listing is kept of what a binary writes when it runs all that is below one
	// function: about 200 bytes for each, so that of 20,000 none is lost.
	listing = 4 << 20
	// longestName is longer than any real name; what is longer cannot be told
	// from garbage.
	longestName = 1 << 10
)

// A trial is what became of one benchmark when it was run once.
type trial struct {
	name    string
	trouble *Error // nil if it runs
}

// discover runs each benchmark of a function once on both sides and adds those
// that run on both to the Bench. The root is that of head's work tree.
func (b *Bench) discover(ctx context.Context, pkg string, f benchmarkFunc, root string) error {
	trials := map[Side][]trial{}
	broken := map[Side]bool{}
	for _, side := range []Side{Base, Head} {
		b.options.Progress("try " + string(side) + ": " + profile.CleanLine(pkg) + "." + f.name)
		list, whole, err := b.try(ctx, pkg, f.name, side)
		if err != nil {
			return err
		}
		trials[side], broken[side] = list, !whole
	}
	bm := Benchmark{Package: pkg, Line: f.line, Parallel: f.parallel, Unchanged: b.unchanged(pkg, root)}
	if file, err := filepath.Rel(root, f.file); err == nil {
		bm.File = filepath.ToSlash(file)
	}
	for _, side := range []Side{Head, Base} {
		other := map[Side]Side{Head: Base, Base: Head}[side]
		for _, t := range trials[side] {
			bm.Name = t.name
			there := slices.IndexFunc(trials[other], func(o trial) bool { return o.name == t.name })
			switch {
			case t.trouble != nil:
				b.NotCompared = append(b.NotCompared, t.trouble.of(bm, side))
			case there >= 0 && trials[other][there].trouble == nil && side == Head:
				b.Benchmarks = append(b.Benchmarks, bm)
			case there < 0 && !broken[other]: // a side that broke off did not come to all
				b.oneSided(side, bm)
			}
		}
	}
	return nil
}

// unchanged says whether both sides run the same program on the same files.
func (b *Bench) unchanged(pkg, root string) bool {
	base, head := b.binaries[Base][pkg], b.binaries[Head][pkg]
	folder, err := filepath.Rel(root, head.dir)
	if err != nil || base.hash != head.hash {
		return false
	}
	within := strings.TrimPrefix(filepath.ToSlash(folder)+"/", "./") // "" is all of the repository
	return !slices.ContainsFunc(b.read, func(file string) bool { return strings.HasPrefix(file, within) })
}

// try runs all that is below a function once on a side. whole says that it came
// to the end, so that a benchmark which is not among the trials does not exist.
func (b *Bench) try(ctx context.Context, pkg, function string, side Side) (list []trial, whole bool, err error) {
	pattern, partial := b.match.only(function)
	// As test2json asks for it: package testing marks what it says itself, so that
	// it can be told from what a benchmark writes.
	e, err := b.run(ctx, pkg, side, listing, pattern, 1, "-test.v=test2json")
	if err != nil {
		return nil, false, err
	}
	heard := hear(e.out, function)
	list = heard.trials(partial)
	whole = e.stopped == nil && heard.ended
	if whole {
		return list, true, nil
	}
	// It broke off in what it ran last.
	trouble := trial{name: heard.last, trouble: e.failure(pkg, b.options.Timeout)}
	if heard.last == "" {
		trouble.name = function
	}
	list = slices.DeleteFunc(list, func(t trial) bool { return t.name == trouble.name })
	return append(list, trouble), false, nil
}

// A hearing is what package testing said while it ran benchmarks once.
type hearing struct {
	order []string // names, as they began
	state map[string]*said
	last  string // what ran last
	ended bool   // it said PASS or FAIL
}

// said is what was said of one benchmark.
type said struct {
	result  bool
	verdict Problem // Failed or Skipped; "" if it was said to be neither
	words   string  // the last line that it wrote
	below   bool    // it has benchmarks below it
}

// marker begins what package testing says itself.
const marker = '\x16'

// hear follows the output of -test.v=test2json for a function and all below it.
func hear(out, function string) *hearing {
	h := &hearing{state: map[string]*said{}}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		at := strings.LastIndexByte(line, marker)
		if at < 0 {
			h.other(line)
			continue
		}
		switch word := line[at+1:]; {
		case word == "PASS" || word == "FAIL":
			h.ended = true
		case strings.HasPrefix(word, "=== RUN "):
			h.begin(strings.TrimSpace(strings.TrimPrefix(word, "=== RUN ")), function)
		case strings.HasPrefix(word, "--- FAIL: "):
			h.verdict(strings.TrimPrefix(word, "--- FAIL: "), Failed)
		case strings.HasPrefix(word, "--- SKIP: "):
			h.verdict(strings.TrimPrefix(word, "--- SKIP: "), Skipped)
		}
	}
	return h
}

func (h *hearing) begin(name, function string) {
	if name != function && !strings.HasPrefix(name, function+"/") ||
		len(name) > longestName || profile.Clean(name) != name || h.state[name] != nil {
		return
	}
	h.order = append(h.order, name)
	h.state[name] = &said{}
	h.last = name
	// "a/b" may be the name of one benchmark below its parent: all that it may be
	// below of are told.
	for parent := name; strings.Contains(parent, "/"); {
		parent = parent[:strings.LastIndexByte(parent, '/')]
		if s := h.state[parent]; s != nil {
			s.below = true
		}
	}
}

func (h *hearing) verdict(name string, p Problem) {
	if s := h.state[name]; s != nil {
		s.verdict = p
	}
}

// other is a line that is not marked: a result, or words of the benchmark.
func (h *hearing) other(line string) {
	s := h.state[h.last]
	if s == nil {
		return
	}
	if _, ok := findLine(line+"\n", 1); ok {
		s.result = true
	} else if line != h.last && strings.TrimSpace(line) != "" {
		s.words = line
	}
}

// trials are the benchmarks that measure something, or should. partial says that
// only what is below the function was asked for.
func (h *hearing) trials(partial bool) (list []trial) {
	for i, name := range h.order {
		s := h.state[name]
		switch {
		case s.below:
			// It only holds others; when one of them fails, it is said to fail too.
		case s.verdict == Skipped:
			list = append(list, trial{name, Errorf(Skipped, "", "it is skipped%s", quoted(profile.CleanLine(s.words)))})
		case s.verdict == Failed:
			list = append(list, trial{name, Errorf(Failed, "", "it failed%s", quoted(profile.CleanLine(s.words)))})
		case s.result:
			list = append(list, trial{name: name})
		case partial && i == 0:
			// Nothing below it matches.
		default:
			list = append(list, trial{name, Errorf(Garbled, "", "it ended well, but wrote no result")})
		}
	}
	return list
}
