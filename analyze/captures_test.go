package analyze

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"busywork/profile"
)

var update = flag.Bool("update", false, "rewrite the goldens of the recorded captures")

// captureDir holds the recorded captures of the fixtures.
var captureDir = filepath.Join("..", "fixtures", "captures")

// TestCaptures runs every rule on every recorded capture. The goldens are short
// on purpose: what changed in one is to be read, and judged.
func TestCaptures(t *testing.T) {
	fires, spares := map[string]bool{}, map[string]bool{}
	for _, name := range captureNames(t) {
		t.Run(name, func(t *testing.T) {
			c, err := profile.Load(filepath.Join(captureDir, name))
			if err != nil {
				t.Fatal(err)
			}
			r := Analyze(c, Options{})
			for _, s := range r.Rules {
				switch s.Status {
				case "found":
					fires[s.Rule] = true
				case "clean":
					spares[s.Rule] = true
				case "failed":
					t.Errorf("%s failed: %s", s.Rule, s.Reason)
				}
			}
			golden := filepath.Join("testdata", "captures", name+".txt")
			got := summary(r)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, r := range Catalogue {
		if !fires[r.Name] || !spares[r.Name] {
			t.Errorf("%s needs a recorded capture on which it fires (has one: %v) and one which it spares (%v)", r.Name, fires[r.Name], spares[r.Name])
		}
	}
}

func captureNames(t *testing.T) []string {
	t.Helper()
	dirs, err := os.ReadDir(captureDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range dirs {
		if d.IsDir() {
			names = append(names, d.Name())
		}
	}
	return names
}

// summary is a report in a dozen lines.
func summary(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Target.Name, r.Host.Sentence)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s %s %s at %s\n  %s\n  waste %.2f (%.2f to %.2f) cores", f.Severity, f.Confidence, f.Rule, f.Subject,
			f.Message, f.Waste.Cores, f.Waste.Low, f.Waste.High)
		if p := f.Prediction; p != nil {
			fmt.Fprintf(&b, ", host busy %s → %s", Percent(p.Before), Percent(p.After))
		}
		b.WriteString("\n")
	}
	for _, s := range r.Rules {
		fmt.Fprintf(&b, "%s: %s", s.Rule, s.Status)
		if s.Reason != "" {
			fmt.Fprintf(&b, " (%s)", s.Reason)
		}
		b.WriteString("\n")
	}
	for i, row := range r.Ledger {
		if i < 3 {
			fmt.Fprintf(&b, "%5.2f %s %s\n", row.Cores, row.Kind, row.Name)
		}
	}
	return b.String()
}

// TestCapturesThatMustBeSpared: no recorded capture of a repaired service, or of a
// near miss, gives a finding above low.
func TestCapturesThatMustBeSpared(t *testing.T) {
	for _, name := range captureNames(t) {
		if strings.Contains(name, "-waste") {
			continue
		}
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if r := Analyze(c, Options{}); r.Worst() > SeverityLow {
			t.Errorf("%s is accused: %s", name, r.Findings[0].Message)
		}
	}
}
