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

// summary is a report in a dozen lines. What rules that found nothing say of it is
// left out: their figures move with every recording.
func summary(r *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Target.Name, r.Host.Sentence)
	if d := r.Done; d != nil {
		fmt.Fprintf(&b, "%.1f %s a second, %.2f ms of CPU each\n", d.PerSecond, d.What, d.TargetCPU)
	}
	if l := r.Backlog; l != nil {
		fmt.Fprintf(&b, "%.0f wait in %s: empty %s, after the fix %s\n", l.Depth, l.Queue, l.Now, l.AfterFix)
	}
	for i := range r.Findings {
		summarise(&b, &r.Findings[i], "")
	}
	var clean, skipped []string
	for _, s := range r.Rules {
		switch s.Status {
		case "clean":
			clean = append(clean, s.Rule)
		case "skipped":
			skipped = append(skipped, s.Rule+" ("+s.Reason+")")
		}
	}
	fmt.Fprintf(&b, "clean: %s\nskipped: %s\n", strings.Join(clean, ", "), strings.Join(skipped, ", "))
	for i, row := range r.Ledger {
		if i < 3 {
			fmt.Fprintf(&b, "%5.2f %s %s\n", row.Cores, row.Kind, row.Name)
		}
	}
	return b.String()
}

func summarise(b *strings.Builder, f *Finding, indent string) {
	fmt.Fprintf(b, "%s%s %s %s at %s\n%s  %s\n%s  waste %.2f (%.2f to %.2f) cores", indent, f.Severity, f.Confidence, f.Rule, f.Subject,
		indent, f.Message, indent, f.Waste.Cores, f.Waste.Low, f.Waste.High)
	if d := f.Delay; d != nil {
		fmt.Fprintf(b, ", %.1f jobs wait", d.JobHours)
	}
	if p := f.Prediction; p != nil {
		fmt.Fprintf(b, ", host busy %s → %s", Percent(p.Before), Percent(p.After))
	}
	if a := f.After; a != nil {
		fmt.Fprintf(b, ", %.0f jobs a second possible", a.Value)
	}
	b.WriteString("\n")
	for i := range f.Kin {
		summarise(b, &f.Kin[i], indent+"    ")
	}
}

// TestMatrix shows what every rule does with every capture on one page: a letter
// for a finding (H, M and L by severity, s for a suspicion, behind a bracket if it
// stands beneath another), a dot where it is clean, a dash where it could
// not look. A letter away from a rule's own captures is a cross-fire: read it,
// and judge whether an expert would agree.
func TestMatrix(t *testing.T) {
	var b strings.Builder
	for i, r := range Catalogue {
		fmt.Fprintf(&b, "%2d %s\n", i+1, r.Name)
	}
	fmt.Fprintf(&b, "\n%-36s", "")
	for i := range Catalogue {
		fmt.Fprintf(&b, "%3d", i+1)
	}
	b.WriteString("\n")
	for _, name := range captureNames(t) {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%-36s", name)
		r := Analyze(c, Options{})
		for _, s := range r.Rules {
			fmt.Fprintf(&b, "%3s", cell(r, s))
		}
		b.WriteString("\n")
	}
	golden := filepath.Join("testdata", "matrix.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func cell(r *Report, s RuleStatus) string {
	switch s.Status {
	case "clean":
		return "."
	case "skipped":
		return "-"
	case "failed":
		return "!"
	}
	letter := func(f *Finding) string {
		if f.Confidence == Suspected {
			return "s"
		}
		return strings.ToUpper(f.Severity.String()[:1])
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Rule == s.Rule {
			return letter(f)
		}
	}
	for i := range r.Findings {
		for k := range r.Findings[i].Kin {
			if f := &r.Findings[i].Kin[k]; f.Rule == s.Rule {
				return "(" + letter(f)
			}
		}
	}
	return "?"
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
