package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"busywork/analyze"
	"busywork/profile"
)

// A Budget is what one completed job may cost at most, and what must not be found
// while the jobs are done. As a file:
//
//	per_job:
//	  cpu_ms: 4.0
//	  forks: 0
//	findings:
//	  none_of: [refused-work]
//	  none_at_or_above: high
//
// The keys of per_job are those of [analyze.PerJob].
type Budget struct {
	PerJob []Allowance // in the order of the file
	NoneOf []string    // names of rules
	// NoneFrom is the severity from which on nothing must be found; SeverityNone
	// demands nothing.
	NoneFrom analyze.Severity
}

// An Allowance is the most that one completed job may cost of one thing.
type Allowance struct {
	Key  string
	Most float64
}

// maxBudget is the size of a budget in bytes: all keys and all rules take 2 KB. The
// parser takes time that grows with the square of how deep things are nested:
// this much takes it half a second at most.
const maxBudget = 16 << 10

// ReadBudget reads a budget as YAML; file is its name, for errors. It takes
// nothing that it does not know: a misspelt key would be a budget that is never
// broken. The error is a *profile.Unavailable that names the line.
func ReadBudget(file string, data []byte) (*Budget, error) {
	f := strictFile{profile.Clean(file), maxBudget}
	root, err := f.read(data)
	if err != nil {
		return nil, err
	}
	b := new(Budget)
	if root != nil {
		if err := b.read(f, root); err != nil {
			return nil, err
		}
	}
	if b.empty() {
		return nil, &profile.Unavailable{Reason: f.name + " demands nothing", Hint: "busywork gate budget --propose CAPTURE writes a budget from a capture"}
	}
	return b, nil
}

func (b *Budget) read(f strictFile, root ast.Node) error {
	var costs []strictKey
	for _, key := range analyze.JobCostKeys() {
		costs = append(costs, strictKey{key, func(n ast.Node) error { return b.readAllowance(f, key, n) }})
	}
	demands := []strictKey{
		{"none_of", func(n ast.Node) error { return b.readNoneOf(f, n) }},
		{"none_at_or_above", func(n ast.Node) error { return b.readNoneFrom(f, n) }},
	}
	return f.members(root, "the budget", []strictKey{
		{"per_job", func(n ast.Node) error { return f.members(n, "per_job", costs) }},
		{"findings", func(n ast.Node) error { return f.members(n, "findings", demands) }},
	})
}

func (b *Budget) empty() bool {
	return len(b.PerJob) == 0 && len(b.NoneOf) == 0 && b.NoneFrom == analyze.SeverityNone
}

func (b *Budget) readAllowance(f strictFile, key string, n ast.Node) error {
	most, ok := numberOf(n)
	if !ok || !(most >= 0) || math.IsInf(most, 0) {
		return f.errorAt(lineOf(n), "%s is not a number from 0 on: %s", key, textOf(n))
	}
	b.PerJob = append(b.PerJob, Allowance{key, most})
	return nil
}

// numberOf reads a plain number.
func numberOf(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.FloatNode:
		return n.Value, true
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return float64(v), true
		case uint64:
			return float64(v), true
		}
	}
	return 0, false
}

func (b *Budget) readNoneOf(f strictFile, n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return f.errorAt(lineOf(n), "none_of must be a list of rules: [refused-work, linear-queue-scan]")
	}
	for _, n := range list.Values {
		name, ok := n.(*ast.StringNode)
		switch {
		case !ok || analyze.FindRule(name.Value) == nil:
			return f.errorAt(lineOf(n), "no rule %s%s; busywork rules lists them", textOf(n), nearestRule(textOf(n)))
		case slices.Contains(b.NoneOf, name.Value):
			return f.errorAt(lineOf(n), "rule %s stands there twice", name.Value)
		}
		b.NoneOf = append(b.NoneOf, name.Value)
	}
	return nil
}

// nearestRule asks whether a rule was meant that has a word of the name.
func nearestRule(written string) string {
	words := strings.FieldsFunc(strings.ToLower(written), func(r rune) bool { return r < 'a' || r > 'z' })
	for _, rule := range analyze.Catalogue {
		for word := range strings.SplitSeq(rule.Name, "-") {
			if len(word) > 3 && slices.Contains(words, word) { // "per", "job" and "cpu" are in too many
				return fmt.Sprintf(" (%s?)", rule.Name)
			}
		}
	}
	return ""
}

func (b *Budget) readNoneFrom(f strictFile, n ast.Node) error {
	if word, ok := n.(*ast.StringNode); ok {
		if s, err := analyze.ParseSeverity(word.Value); err == nil {
			b.NoneFrom = s
			return nil
		}
	}
	return f.errorAt(lineOf(n), "none_at_or_above is not a severity: %s, want low, medium or high", textOf(n))
}
