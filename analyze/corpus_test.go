package analyze

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
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

// ruleOfTag is the rule that is to find what a reviewer of the corpus called so.
var ruleOfTag = map[string]string{
	"busy_poll": "busy-poll", "lock_contention": "lock-contention", "chan_contention": "channel-per-item",
	"compile_per_call": "compile-per-call", "gc_pressure": "gc-thrash", "alloc_churn": "gc-thrash",
	"serialization_churn": "serialisation-churn", "logging_overhead": "log-churn", "observability_overhead": "observability-overhead",
	"tls_handshake_per_job": "handshake-per-job", "conn_churn": "handshake-per-job", "syscall_small_io": "small-io", "recompute": "recompute",
}

const (
	// corpusSamples is how many samples a profile must have to count as a hit or a
	// miss, and corpusHits the share of repositories whose waste must be found:
	// repositories, because some give many profiles that are nearly the same.
	corpusSamples = 400
	corpusHits    = 0.8
)

// TestCorpus holds the rules against code that nobody here wrote: nothing may
// break, a profile with too few samples gives no finding, a healthy one none
// above low, and of the wasteful ones most are found by the rule they are for.
func TestCorpus(t *testing.T) {
	labels, err := os.Open(filepath.Join(corpusDir(), "labels.tsv"))
	if err != nil {
		if os.Getenv("BUSYWORK_CORPUS") != "" {
			t.Fatal(err)
		}
		t.Skip("no corpus here; set BUSYWORK_CORPUS to its folder")
	}
	defer labels.Close()
	hits := map[string]bool{} // by repository: whether all of its wasteful profiles were found
	lines := bufio.NewScanner(labels)
	for lines.Scan() {
		column := strings.Split(lines.Text(), "\t")
		if len(column) < 7 || column[0] == "file" {
			continue
		}
		file, verdict, repository := column[0], column[1], column[6]
		tag, _, _ := strings.Cut(column[2], ";")
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
			samples, _ := strconv.ParseFloat(strings.TrimPrefix(column[4], "~"), 64)
			if verdict == "waste" && samples >= corpusSamples {
				found := ruleFound(r, ruleOfTag[tag])
				if before, seen := hits[repository]; seen {
					found = found && before
				}
				hits[repository] = found
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	found := 0
	for repository, hit := range hits {
		if hit {
			found++
		} else {
			t.Logf("missed: %s", repository)
		}
	}
	if len(hits) == 0 || float64(found) < corpusHits*float64(len(hits)) {
		t.Errorf("the waste of %d of %d repositories was found, want %.0f %%", found, len(hits), 100*corpusHits)
	}
}

// ruleFound says whether a rule found something.
func ruleFound(r *Report, rule string) bool {
	for _, s := range r.Rules {
		if s.Rule == rule {
			return s.Status == "found"
		}
	}
	return false
}
