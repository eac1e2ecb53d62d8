package gate

import (
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// JUnit writes the result for what shows the results of tests: one suite for each
// package, one test case for each row. A regression that nobody has accepted is a
// failure, and what could not be judged is skipped.
func JUnit(w io.Writer, r *Result) error {
	suites := junit.Testsuites{Name: "busywork gate " + r.Gate}
	titles := r.titles()
	var order []string
	of := map[string]*junit.Testsuite{}
	for i := range r.Rows {
		row := &r.Rows[i]
		name := row.Package
		if name == "" {
			name = suites.Name
		}
		if of[name] == nil {
			order = append(order, name)
			of[name] = newSuite(r, name, len(of))
		}
		of[name].AddTestcase(testcase(row, name, titles[i]))
	}
	if len(order) == 0 { // caveats are all there is to say
		order = []string{suites.Name}
		of[suites.Name] = newSuite(r, suites.Name, 0)
	}
	if len(r.Caveats) > 0 {
		of[order[0]].SystemOut = &junit.Output{Data: characters("caveat: " + strings.Join(r.Caveats, "\ncaveat: "))}
	}
	for _, name := range order {
		suites.AddSuite(*of[name])
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	return suites.WriteXML(w)
}

// newSuite is an empty suite. A test's time is what people would take it for, and
// a verdict has none: it is 0.
func newSuite(r *Result, name string, id int) *junit.Testsuite {
	s := &junit.Testsuite{Name: name, ID: id, Time: "0"}
	for _, p := range []junit.Property{
		{Name: "gate", Value: r.Gate}, {Name: "base", Value: r.Base}, {Name: "head", Value: r.Head}, {Name: "outcome", Value: string(r.Outcome)},
	} {
		s.AddProperty(p.Name, p.Value)
	}
	return s
}

func testcase(row *Row, class, title string) junit.Testcase {
	c := junit.Testcase{Name: title, Classname: class, Time: "0"}
	text := row.explanation()
	short := strings.TrimSpace(row.word() + " " + row.change())
	switch {
	case row.fails():
		c.Failure = &junit.Result{Message: short, Type: string(Slower), Data: characters(text)}
	case row.Verdict == Inconclusive:
		c.Skipped = &junit.Result{Message: characters(text)}
	default:
		c.SystemOut = &junit.Output{Data: characters(short + "\n" + text)}
	}
	return c
}

// explanation is why of a row and all that is known of its causes, in lines.
func (r *Row) explanation() string {
	lines := []string{r.Why}
	for i := range r.Causes {
		lines = append(lines, causeSentence(&r.Causes[i]))
		if why := r.Causes[i].Why; why != "" {
			lines = append(lines, why)
		}
	}
	if s := r.acceptance(); s != "" {
		lines = append(lines, s)
	}
	return strings.Join(lines, "\n")
}

// characters replaces what XML 1.0 cannot hold even in CDATA, where encoding/xml
// does not look: of clean text that is U+FFFE and U+FFFF.
func characters(s string) string {
	return strings.Map(func(c rune) rune {
		if c == 0xFFFE || c == 0xFFFF {
			return utf8.RuneError
		}
		return c
	}, s)
}
