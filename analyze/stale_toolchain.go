package analyze

import (
	"fmt"
	"go/version"
	"strings"
)

// StaleToolchain finds services that a newer Go toolchain makes cheaper without
// a changed line.
//
// "Upgrade, it will be faster" is true of few programs, so this rule speaks only
// of operations for which it was measured (go run ./fixtures/toolchains): the
// same source built with each toolchain, the binaries taking turns on one CPU.
// What changed between any two for which it says nothing was within noise, or
// was not measured.
var StaleToolchain = Rule{
	Name:  "stale-toolchain",
	Title: "An old Go toolchain makes much of the work dearer than it is today",
	Doc: `What it is: the service is built with a Go toolchain in which operations that it
spends much CPU on are known to cost a multiple of what they do today: SHA-256
without the processor's instructions for it (before 1.21), RSA verification
(before 1.22), sort.Ints and its like (before 1.22), look-ups in large maps
(before 1.24).

What it costs: the part of these operations' CPU that a newer toolchain does not
need.

How to fix it: build with a current toolchain. The source stays as it is; the go
line of go.mod may, too.

When this rule is wrong: when the operation's inputs differ from those it was
measured with (a map that fits the caches gains less). That is why it is advice,
and never graded above low. Of toolchains from 1.24 on nothing was measured that
would be worth a finding; a profile for PGO is left to the levers.`,
	Needs: Signals{All: SignalCPU | SignalBuild},
	Limits: []Limit{
		{"saved", 0.05, "of the target's CPU", "less than the difference between two windows of one service"},
		{"cores", 0.03, "cores", "below, it is not worth a release"},
	},
	Check: checkStaleToolchain,
}

// A gain is what an operation cost in a toolchain before one that made it
// cheaper, as a multiple of what it costs since. The bounds are the least and the
// most that was measured; a map of 100 keys gained nothing, one of 50,000 most.
type gain struct {
	since string // the first language version with it
	what  string
	times Interval
	// functions by name; flat counts only what is spent in them, and not below.
	functions []string
	flat      bool
}

var gains = []gain{
	{"go1.21", "SHA-256", Interval{3.8, 3.5, 4.5}, []string{"crypto/sha256.block"}, true},
	{"go1.22", "verifying RSA signatures", Interval{5, 4, 6.5}, []string{"crypto/rsa.VerifyPKCS1v15", "crypto/rsa.VerifyPSS"}, false},
	{"go1.22", "sorting numbers and strings", Interval{4, 3, 4.3}, []string{"sort.Ints", "sort.Strings", "sort.Float64s"}, false},
	{"go1.24", "looking up in maps", Interval{1.5, 1, 2.4}, []string{"runtime.mapaccess1", "runtime.mapaccess2", "runtime.mapaccess1_fast32", "runtime.mapaccess2_fast32",
		"runtime.mapaccess1_fast64", "runtime.mapaccess2_fast64", "runtime.mapaccess1_faststr", "runtime.mapaccess2_faststr"}, true},
}

func checkStaleToolchain(p *Pass) {
	built := languageOf(p.Build.GoVersion)
	if built == "" {
		p.Clean("%q is not the version of a Go toolchain", p.Build.GoVersion)
		return
	}
	spent := p.CPU.spentIn()
	var saved Interval
	var evidence []Evidence
	var what []string
	for _, g := range gains {
		if version.Compare(built, g.since) >= 0 {
			continue
		}
		seconds := 0.0
		for _, name := range g.functions {
			if s := spent[name]; g.flat {
				seconds += s.flat
			} else {
				seconds += s.cum
			}
		}
		if seconds == 0 {
			continue
		}
		part := p.cores(seconds)
		saved = sum(saved, Interval{
			part.Value * (1 - 1/g.times.Value), part.Low * (1 - 1/g.times.Low), part.High * (1 - 1/g.times.High),
		})
		what = append(what, fmt.Sprintf("%s (%.2f cores)", g.what, part.Value))
		evidence = append(evidence,
			Evidence{What: "CPU of " + g.what, Value: part.Value, Unit: "cores", Source: "CPU profile"},
			Evidence{What: "cost with " + built + ", by that since " + g.since, Value: g.times.Value, Unit: "1", Source: "measured: fixtures/toolchains"})
	}
	if part := saved.Value / max(p.TargetCores, 1e-9); saved.Value < p.Limit("cores") || part < p.Limit("saved") {
		p.Clean("%s; what newer toolchains are known to make cheaper would save %.2f cores", p.Build.GoVersion, saved.Value)
		return
	}
	p.Report(Finding{
		Subject:    p.Build.GoVersion,
		Message:    fmt.Sprintf("The service is built with %s, in which %s cost a multiple of what they do today: a current toolchain saves about %.2f cores.", p.Build.GoVersion, strings.Join(what, " and "), saved.Value),
		Confidence: Inferred,
		Waste:      wasteOf(saved),
		Evidence:   evidence,
		Fix:        "Build with a current Go toolchain; the source stays as it is.",
		RefutedBy:  []string{"the same source, built with a current toolchain, costs as much CPU a job (busywork compare)"},
		severe:     SeverityLow,
	})
}

// languageOf is "go1.20" for "go1.20.14 X:nocoverageredesign", "" if it is none.
func languageOf(toolchain string) string {
	word, _, _ := strings.Cut(toolchain, " ")
	return version.Lang(word)
}

// A spending is the CPU seconds in a function itself, and with what it calls.
type spending struct{ flat, cum float64 }

// spentIn is the CPU by function name. Two functions may bear one name, where it
// was cut or the compiler made variants of one.
func (c *CPU) spentIn() map[string]spending {
	by := make(map[string]spending, len(c.Functions))
	for i := range c.Functions {
		if c.Flat[i] == 0 && c.Cum[i] == 0 {
			continue
		}
		s := by[c.Functions[i].Name]
		s.flat += c.Flat[i]
		s.cum += c.Cum[i]
		by[c.Functions[i].Name] = s
	}
	return by
}
