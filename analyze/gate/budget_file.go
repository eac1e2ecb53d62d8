package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

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

// ReadBudget reads a budget as YAML. It takes nothing that it does not know: a
// misspelt key would be a budget that is never broken. The error is a
// *profile.Unavailable that names the line.
func ReadBudget(data []byte) (*Budget, error) {
	if len(data) > maxBudget {
		return nil, &profile.Unavailable{Reason: fmt.Sprintf("budget: %d bytes, and at most %d are read", len(data), maxBudget)}
	}
	root, err := budgetRoot(data)
	if err != nil {
		return nil, err
	}
	b := new(Budget)
	err = eachMember(root, "the budget", map[string]func(ast.Node) error{
		"per_job": b.readPerJob,
		"findings": func(n ast.Node) error {
			return eachMember(n, "findings", map[string]func(ast.Node) error{
				"none_of":          b.readNoneOf,
				"none_at_or_above": b.readNoneFrom,
			})
		},
	})
	if err != nil {
		return nil, err
	}
	if b.empty() {
		return nil, &profile.Unavailable{Reason: "budget: it demands nothing", Hint: "busywork gate budget --propose CAPTURE writes one from a capture"}
	}
	return b, nil
}

func (b *Budget) empty() bool {
	return len(b.PerJob) == 0 && len(b.NoneOf) == 0 && b.NoneFrom == analyze.SeverityNone
}

// budgetRoot parses the file and returns what its only document is.
func budgetRoot(data []byte) (_ ast.Node, err error) {
	defer func() { // should the bytes find a bug of the parser, it is a file that cannot be read
		if bug := recover(); bug != nil {
			err = &profile.Unavailable{Reason: "budget: not YAML that can be read"}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		if at, ok := errors.AsType[yaml.Error](err); ok && at.GetToken() != nil && at.GetToken().Position != nil {
			return nil, budgetError(at.GetToken().Position.Line, "%s", at.GetMessage())
		}
		return nil, &profile.Unavailable{Reason: "budget: " + cleanLine(err.Error())}
	}
	if len(file.Docs) > 1 {
		return nil, &profile.Unavailable{Reason: fmt.Sprintf("budget: %d YAML documents, want one", len(file.Docs))}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &ast.MappingNode{}, nil // nothing but comments
	}
	return file.Docs[0].Body, nil
}

// budgetError says what is wrong in which line, in one line without control
// characters.
func budgetError(line int, format string, args ...any) error {
	return &profile.Unavailable{Reason: fmt.Sprintf("budget, line %d: ", line) + cleanLine(fmt.Sprintf(format, args...))}
}

// lineOf is the line in which a node begins, 1 if it has none.
func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// eachMember hands the value of every key of a mapping to the reader of that key.
func eachMember(n ast.Node, what string, readers map[string]func(ast.Node) error) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return budgetError(lineOf(n), "%s must be keys with values", what)
	}
	var seen []string
	for _, member := range m.Values {
		key, ok := member.Key.(*ast.StringNode)
		if !ok {
			return budgetError(lineOf(member.Key), "a key of %s must be a plain word", what)
		}
		read := readers[key.Value]
		switch {
		case read == nil:
			return budgetError(lineOf(key), "no key %q in %s; there are %s", key.Value, what, keysOf(readers))
		case slices.Contains(seen, key.Value):
			return budgetError(lineOf(key), "%s stands there twice", key.Value)
		}
		seen = append(seen, key.Value)
		if err := read(member.Value); err != nil {
			return err
		}
	}
	return nil
}

// keysOf are the keys that there are, in the order of [analyze.JobCostKeys], others
// by name.
func keysOf(readers map[string]func(ast.Node) error) string {
	var keys []string
	for _, k := range analyze.JobCostKeys() {
		if readers[k] != nil {
			keys = append(keys, k)
		}
	}
	if keys == nil {
		for k := range readers {
			keys = append(keys, k)
		}
		slices.Sort(keys)
	}
	return strings.Join(keys, ", ")
}

func (b *Budget) readPerJob(n ast.Node) error {
	readers := map[string]func(ast.Node) error{}
	for _, key := range analyze.JobCostKeys() {
		readers[key] = func(n ast.Node) error {
			most, ok := numberOf(n)
			if !ok || !(most >= 0) || math.IsInf(most, 0) {
				return budgetError(lineOf(n), "%s is not a number from 0 on: %s", key, textOf(n))
			}
			b.PerJob = append(b.PerJob, Allowance{key, most})
			return nil
		}
	}
	return eachMember(n, "per_job", readers)
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

// textOf is a node as it was written, for errors.
func textOf(n ast.Node) string {
	if t := n.GetToken(); t != nil {
		return fmt.Sprintf("%q", t.Value)
	}
	return "nothing"
}

func (b *Budget) readNoneOf(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return budgetError(lineOf(n), "none_of must be a list of rules: [refused-work, linear-queue-scan]")
	}
	for _, n := range list.Values {
		name, ok := n.(*ast.StringNode)
		switch {
		case !ok || analyze.FindRule(name.Value) == nil:
			return budgetError(lineOf(n), "no rule %s%s; busywork rules lists them", textOf(n), nearestRule(textOf(n)))
		case slices.Contains(b.NoneOf, name.Value):
			return budgetError(lineOf(n), "rule %s stands there twice", name.Value)
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

func (b *Budget) readNoneFrom(n ast.Node) error {
	if word, ok := n.(*ast.StringNode); ok {
		if s, err := analyze.ParseSeverity(word.Value); err == nil {
			b.NoneFrom = s
			return nil
		}
	}
	return budgetError(lineOf(n), "none_at_or_above is not a severity: %s, want low, medium or high", textOf(n))
}
