package bench

import (
	"regexp"
	"strings"

	"busywork/profile"
)

// A pattern is what -test.bench takes: alternatives, separated by "|", of
// regular expressions for the parts of a name, separated by "/". It is taken
// apart as package testing does it, so that a function whose name does not match
// is neither built nor run.
type pattern [][]string

// parsePattern takes a pattern apart; "" matches everything.
func parsePattern(s string) (pattern, error) {
	p := split(s)
	for _, alternative := range p {
		for _, part := range alternative {
			if _, err := regexp.Compile(part); err != nil {
				return nil, Errorf(BadOption, "it is a regular expression, as for go test -bench",
					"the pattern %q cannot be read: %s", profile.CleanLine(s), profile.CleanLine(err.Error()))
			}
		}
	}
	return p, nil
}

// split splits at every "|" and "/" that is in neither brackets nor parentheses.
func split(s string) pattern {
	p := pattern{nil}
	began, brackets, parens := 0, 0, 0
	end := func(i int) {
		last := len(p) - 1
		p[last] = append(p[last], s[began:i])
		began = i + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '[':
			brackets++
		case c == ']':
			brackets = max(0, brackets-1) // one too many is legal
		case brackets > 0:
		case c == '(':
			parens++
		case c == ')':
			parens--
		case parens != 0:
		case c == '/':
			end(i)
		case c == '|':
			end(i)
			p = append(p, nil)
		}
	}
	end(len(s))
	return p
}

// matches says whether a function of that name, or something below it, may
// match. The name is that of a Go function.
func (p pattern) matches(function string) bool { return len(p.under(function)) > 0 }

// under are the alternatives for what is below a function that matches, each
// without its first part.
func (p pattern) under(function string) (rest [][]string) {
	for _, alternative := range p {
		if ok, err := regexp.MatchString(alternative[0], function); ok && err == nil {
			rest = append(rest, alternative[1:])
		}
	}
	return rest
}

// only is the pattern for -test.bench that leaves of all functions only this
// one, and below it what matches. partial says that it asks for something below.
func (p pattern) only(function string) (bench string, partial bool) {
	partial = true
	var alternatives []string
	for _, rest := range p.under(function) {
		partial = partial && len(rest) > 0
		alternatives = append(alternatives, strings.Join(append([]string{exactly(function)}, rest...), "/"))
	}
	return strings.Join(alternatives, "|"), partial
}

// exactly is the pattern for -test.bench that matches one name and nothing else.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
