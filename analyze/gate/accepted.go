package gate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"busywork/profile"
)

// Accepted are the regressions that somebody has accepted, for a while. As a
// file, which belongs in the repository, so that accepting one is a change that
// somebody reviews:
//
//	# busywork-accepted.yaml
//	- benchmark: BenchmarkCancel/depth=.*
//	  metric: cpu
//	  reason: the index costs memory we do not have before the migration, see #1234
//	  until: 2026-12-31
//
// benchmark is a name or a regular expression for all of one, with or without the
// package's path and a dot before it. metric may be left out: any.
type Accepted struct {
	file string // its name
	list []accepted
}

type accepted struct {
	benchmark string
	pattern   *regexp.Regexp // matches all of a name
	metric    string         // "" for any
	reason    string
	until     string // the last day, 2006-01-02: such strings sort as the days do
	line      int
}

// AcceptedFile is where the command looks for accepted regressions.
const AcceptedFile = "busywork-accepted.yaml"

// The parser takes time that grows with the square of how deep things are nested:
// this much takes it about two seconds, and holds two hundred entries.
const mostAccepted = 32 << 10

// ReadAccepted reads a file of accepted regressions; file is its name, for errors.
// It takes nothing that it does not know: an entry that is misread would let a
// regression through, or stop what was accepted. The error is a
// *profile.Unavailable that names the line.
func ReadAccepted(file string, data []byte) (Accepted, error) {
	f := strictFile{profile.Clean(file), mostAccepted}
	root, err := f.read(data)
	if err != nil || root == nil {
		return Accepted{}, err
	}
	list, ok := root.(*ast.SequenceNode)
	if !ok {
		return Accepted{}, f.errorAt(lineOf(root), "want a list of entries: - benchmark: …")
	}
	a := Accepted{file: f.name}
	for _, n := range list.Values {
		e, err := readAcceptance(f, n)
		if err != nil {
			return Accepted{}, err
		}
		a.list = append(a.list, e)
	}
	return a, nil
}

func readAcceptance(f strictFile, n ast.Node) (accepted, error) {
	e := accepted{line: lineOf(n)}
	into := func(key string, to *string) strictKey {
		return strictKey{key, func(n ast.Node) (err error) {
			*to, err = f.text(n, key)
			return err
		}}
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		e.line = lineOf(m.Values[0].Key)
	}
	until := into("until", &e.until)
	err := f.members(n, "an entry", []strictKey{
		{"benchmark", func(n ast.Node) error { return e.readBenchmark(f, n) }},
		into("metric", &e.metric),
		into("reason", &e.reason),
		{"until", func(n ast.Node) error {
			if err := until.read(n); err != nil {
				return err
			}
			if _, err := time.Parse(time.DateOnly, e.until); err != nil {
				return f.errorAt(lineOf(n), "until is not a day: %q, want 2026-12-31", e.until)
			}
			return nil
		}},
	})
	if err != nil {
		return e, err
	}
	for _, required := range []struct{ key, value string }{{"benchmark", e.benchmark}, {"reason", e.reason}, {"until", e.until}} {
		if required.value == "" {
			return e, f.errorAt(e.line, "an entry without %s", required.key)
		}
	}
	return e, nil
}

func (e *accepted) readBenchmark(f strictFile, n ast.Node) (err error) {
	if e.benchmark, err = f.text(n, "benchmark"); err != nil {
		return err
	}
	if _, err := regexp.Compile(e.benchmark); err != nil {
		return f.errorAt(lineOf(n), `benchmark is no regular expression: %v; \Q before a name and \E behind it take it as it is`, err)
	}
	e.pattern, err = regexp.Compile(`^(?:` + e.benchmark + `)$`)
	return err
}

// matches says whether an entry speaks of a row.
func (e *accepted) matches(r *Row) bool {
	if e.metric != "" && e.metric != r.Metric {
		return false
	}
	for _, name := range []string{r.Name, r.Package + "." + r.Name} {
		if name == e.benchmark || e.pattern.MatchString(name) {
			return true
		}
	}
	return false
}

// Apply marks the regressions of a settled result that are accepted on that day,
// and settles it again. Where an entry has expired its regression stays one, and
// says since when. Entries that speak of nothing in the result are a caveat: what
// they accepted was renamed, or was not judged. So are those that have expired
// and have nothing left to accept.
func (a Accepted) Apply(r *Result, today time.Time) {
	day := today.Format(time.DateOnly)
	used, needed := make([]bool, len(a.list)), make([]bool, len(a.list))
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Accepted = nil
		for k := range a.list {
			e := &a.list[k]
			if !e.matches(row) {
				continue
			}
			used[k] = true
			needed[k] = needed[k] || row.Verdict == Slower || row.Verdict == Inconclusive
			if row.Verdict == Slower && (row.Accepted == nil || row.Accepted.Expired) {
				row.Accepted = e.on(day, row.Accepted)
			}
		}
	}
	for k, e := range a.list {
		entry := fmt.Sprintf("%s, line %d: %s", a.file, e.line, strings.TrimSpace(e.benchmark+" "+e.metric))
		switch {
		case !used[k]:
			r.Caveats = append(r.Caveats, entry+" is accepted, but no such figure was judged")
		case e.until < day && !needed[k]:
			r.Caveats = append(r.Caveats, entry+" was accepted until "+e.until+" and is no regression any more: the entry can go")
		}
	}
	r.Settle()
}

// on is the acceptance as of a day. Of several that have expired, the last counts.
func (e *accepted) on(day string, before *Acceptance) *Acceptance {
	if before != nil && e.until < day && e.until <= before.Until {
		return before
	}
	return &Acceptance{Benchmark: e.benchmark, Reason: e.reason, Until: e.until, Expired: e.until < day}
}
