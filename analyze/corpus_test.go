package analyze

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"busywork/profile"
)

// corpusDir is where 40 labelled profiles of other people's services lie, if
// they are here: they are not part of this repository.
func corpusDir() string {
	if dir := os.Getenv("BUSYWORK_CORPUS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared", "corpus")
}

// TestCorpus holds the rules against code that nobody here wrote: nothing may
// break, a profile with too few samples gives no finding, and a healthy one
// none above low.
func TestCorpus(t *testing.T) {
	labels, err := os.Open(filepath.Join(corpusDir(), "labels.tsv"))
	if err != nil {
		if os.Getenv("BUSYWORK_CORPUS") != "" {
			t.Fatal(err)
		}
		t.Skip("no corpus here; set BUSYWORK_CORPUS to its folder")
	}
	defer labels.Close()
	lines := bufio.NewScanner(labels)
	for lines.Scan() {
		file, rest, _ := strings.Cut(lines.Text(), "\t")
		verdict, _, _ := strings.Cut(rest, "\t")
		if file == "file" {
			continue
		}
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(corpusDir(), file))
			if err != nil {
				t.Fatal(err)
			}
			r := Analyze(&profile.Capture{Profiles: []profile.CPUProfile{{Source: file, Data: data}}}, Options{})
			for _, s := range r.Rules {
				if s.Status == "failed" {
					t.Errorf("%s failed: %s", s.Rule, s.Reason)
				}
			}
			switch {
			case verdict == "insufficient" && len(r.Findings) > 0:
				t.Errorf("too few samples, but found %s", r.Findings[0].Message)
			case verdict == "healthy" && r.Worst() > SeverityLow:
				t.Errorf("healthy, but found %s", r.Findings[0].Message)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
