package gate

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
	"busywork/analyze/report"
)

// evil is what hostile code calls things: terminal escapes old and new, clipboard
// writes, line tricks, right-to-left overrides, markup of all kinds, commands to
// CI systems, the end of CDATA, and characters that XML does not have.
const evil = "x\x1b[31m\x1b]52;c;aGk=\a\u009b2J\r\n\u202e<script>alert(1)</script>[a](http://evil)|`_*\xff" +
	"\n::error::pwned ::add-mask::x ##[group]y ##vso[task.x]y ]]> \ufffe @everyone #1 ![i](x) & %0A,: --> é日本 "

// hostile is a result in which whatever code can name is evil, and whose figures
// are absurd. It is settled.
func hostile() *Result {
	r := &Result{Gate: "run", Base: evil, Head: evil, Caveats: []string{evil, evil}}
	absurd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 0}
	for i, v := range []Verdict{Slower, Slower, Inconclusive, Same, Faster, Slower} {
		f := absurd[i]
		row := Row{Package: evil, Name: evil, Metric: evil, Unit: evil, Verdict: v, Base: number(f), Head: number(f), Limit: number(f),
			Effect: &analyze.Interval{Value: f, Low: f, High: f}, Control: &analyze.Interval{Value: f}, Why: evil, File: evil, Line: -7,
			Causes: []blame.Cause{{Function: evil, File: evil, Callees: []string{evil}, Operation: evil, Points: analyze.Interval{Value: f}, Rule: evil, Why: evil}}}
		if i == 5 {
			row.Accepted = &Acceptance{Benchmark: evil, Reason: evil, Until: evil}
		}
		r.Rows = append(r.Rows, row)
	}
	r.Settle()
	return r
}

// command is what a CI system takes for one in a log: GitHub's at the beginning
// of a line, the others anywhere.
var command = regexp.MustCompile(`(?m)^\s*::|##`)

func TestHostileNames(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		for name, f := range writers(t, report.Style{Width: width}) {
			out := written(t, f, hostile())
			for i, c := range out {
				if c != '\n' && !(name == "junit" && c == '\t') && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) {
					t.Errorf("%s: %U at byte %d: …%q", name, c, i, out[max(0, i-30):i])
					break
				}
			}
			if s := command.FindString(strings.TrimPrefix(out, "## ")); s != "" && name != "annotations" {
				t.Errorf("%s: %q begins a command:\n%s", name, s, out)
			}
		}
	}
}

// escaped is a character that Markdown takes as it is.
var escaped = regexp.MustCompile(`\\[[:punct:]]`)

func TestHostileMarkdown(t *testing.T) {
	for _, f := range []Renderer{Markdown, StepSummary} {
		out := written(t, f, hostile())
		unescaped := escaped.ReplaceAllString(out, "")
		if strings.ContainsAny(unescaped, "<[`@") || strings.Contains(out, "http://") {
			t.Errorf("markup survives:\n%s", out)
		}
		for line := range strings.Lines(unescaped) {
			if n := strings.Count(line, "|"); n != 0 && n != 8 {
				t.Errorf("a row of the table has %d bars, want 8: %s", n, line)
			}
		}
	}
}

// Annotations are one line each, of the kind they were meant to be, with the
// properties they were given.
func TestHostileAnnotations(t *testing.T) {
	valid := regexp.MustCompile(`^::(error|warning|notice) (file=[^:,\r\n]+,(line=\d+,)?)?title=[^:,]*::[^\r\n]*$`)
	for _, r := range []*Result{hostile(), mixed()} {
		out := written(t, Annotations, r)
		for line := range strings.Lines(out) {
			if !valid.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("not a command: %q", line)
			}
		}
		if n := strings.Count(out, "\n"); n == 0 || n > 3*mostAnnotations {
			t.Errorf("%d annotations", n)
		}
	}
}

func TestAnnotationsAreFew(t *testing.T) {
	r := many(400)
	out := written(t, Annotations, r)
	for kind, want := range map[string]string{"error": "and 191 more", "warning": "and 191 more"} {
		if n := strings.Count(out, "::"+kind+" "); n != mostAnnotations {
			t.Errorf("%d annotations of kind %s, want %d", n, kind, mostAnnotations)
		}
		if !strings.Contains(out, want) {
			t.Errorf("%q is not said", want)
		}
	}
}

// many has n rows, half of them regressions and half not judged.
func many(n int) *Result {
	r := &Result{Gate: "compare"}
	for i := range n {
		row := Row{Package: "p", Name: fmt.Sprintf("BenchmarkMany/case=%05d", i), Metric: "cpu", Unit: "s/op", Verdict: Slower,
			Effect: &analyze.Interval{Value: 0.1, Low: 0.08, High: 0.12}, Why: strings.Repeat("because ", 20)}
		if i%2 == 1 {
			row.Verdict = Inconclusive
		}
		r.Rows = append(r.Rows, row)
	}
	r.Settle()
	return r
}

func TestMarkdownFits(t *testing.T) {
	r := many(12_000)
	for _, c := range []struct {
		f    Renderer
		most int
	}{{Markdown, 65_536}, {StepSummary, 1 << 20}} {
		out := written(t, c.f, r)
		if len(out) > c.most || len(out) < c.most/2 {
			t.Errorf("%d bytes, want at most %d, and not much less", len(out), c.most)
		}
		if !strings.Contains(out, "are left out here") || !strings.Contains(out, "because") {
			t.Error("why is not said, or not that something is missing")
		}
	}
	if out := written(t, Markdown, mixed()); strings.Contains(out, "left out") {
		t.Error("something is left out of little")
	}
}

func TestLocal(t *testing.T) {
	for file, want := range map[string]string{
		"queue/delayed.go": "queue/delayed.go", "./a.go": "a.go", "": "", "/etc/passwd": "", "../x.go": "", "a/../../x.go": "", `C:\x.go`: "", "a//b.go": "a/b.go",
	} {
		if got := local(file); got != want {
			t.Errorf("local(%q) is %q, want %q", file, got, want)
		}
	}
}

func TestInert(t *testing.T) {
	for s, want := range map[string]string{
		"std::vector":                      "std::vector",
		"::add-mask::x":                    ": :add-mask::x",
		"a ::::x":                          "a : : : :x",
		"a\u00a0::stop-commands::t":        "a : :stop-commands::t",
		"see ##[group] and ### here":       "see # #[group] and # # # here",
		"BenchmarkX/#01":                   "BenchmarkX/#01",
		strings.Repeat("é", longestString): strings.Repeat("é", (longestString-3)/2) + "…",
	} {
		if got := inert(s); got != want {
			t.Errorf("inert(%.40q) is %.60q, want %.60q", s, got, want)
		}
	}
}
