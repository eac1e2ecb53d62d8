package bench

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestPatternParts(t *testing.T) {
	for text, want := range map[string]pattern{
		"":                  {{""}},
		".":                 {{"."}},
		"Cancel/n=10":       {{"Cancel", "n=10"}},
		"Cancel|Push/x":     {{"Cancel"}, {"Push", "x"}},
		"(Cancel|Push)/a|B": {{"(Cancel|Push)", "a"}, {"B"}},
		`[/|]/\/|x`:         {{"[/|]", `\/`}, {"x"}},
		"a]/b":              {{"a]", "b"}},
		"a/":                {{"a", ""}},
	} {
		got, err := parsePattern(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q is taken apart as %q, want %q", text, got, want)
		}
	}
}

func TestPatternThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"(", "a/[", "a|b/*"} {
		if _, err := parsePattern(text); problemOf(err) != BadOption {
			t.Errorf("%q: got %v, want %s", text, err, BadOption)
		}
	}
}

func TestPatternForOneFunction(t *testing.T) {
	for _, c := range []struct {
		text, function, bench string
		partial               bool
	}{
		{"", "BenchmarkCancel", "^BenchmarkCancel$", false},
		{"Cancel/n=10$", "BenchmarkCancel", "^BenchmarkCancel$/n=10$", true},
		{"Cancel|Can/x", "BenchmarkCancel", "^BenchmarkCancel$|^BenchmarkCancel$/x", false},
		{"Push|Can/x", "BenchmarkCancel", "^BenchmarkCancel$/x", true},
	} {
		p, err := parsePattern(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if bench, partial := p.only(c.function); bench != c.bench || partial != c.partial {
			t.Errorf("%q for %s: got %q, %v; want %q, %v", c.text, c.function, bench, partial, c.bench, c.partial)
		}
	}
	p, err := parsePattern("Cancel/x")
	if err != nil {
		t.Fatal(err)
	}
	if p.matches("BenchmarkPush") || !p.matches("BenchmarkCancelAll") {
		t.Error("a pattern matches the wrong functions")
	}
}

// A name must match its own pattern and no other, whatever is in it.
func TestExactly(t *testing.T) {
	names := []string{
		"BenchmarkX", "BenchmarkX/a", "BenchmarkX/a#01", "BenchmarkX/a/b", "BenchmarkX/(a|b)", "BenchmarkX/[a/b]",
		`BenchmarkX/\x00`, "BenchmarkX/.*", "BenchmarkX/", "BenchmarkX/$", "BenchmarkX/ä",
	}
	for _, pattern := range names {
		for _, name := range names {
			if got := testingMatches(t, exactly(pattern), name); got != (name == pattern) {
				t.Errorf("the pattern for %q matches %q: %v", pattern, name, got)
			}
		}
	}
}

// testingMatches is how package testing matches a name that is not shorter than
// the pattern: part by part.
func testingMatches(t *testing.T, text, name string) bool {
	t.Helper()
	parts, elements := split(text), strings.Split(name, "/")
	if len(parts) != 1 {
		t.Fatalf("%q falls into %d alternatives", text, len(parts))
	}
	if len(elements) != len(parts[0]) {
		return false
	}
	for i, part := range parts[0] {
		if ok, err := regexp.MatchString(part, elements[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
