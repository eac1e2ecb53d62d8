package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"busywork/analyze/gate"
	"busywork/fixtures/gating/seeded"
)

// A recipe is a block of docs/ci.md.
type recipe struct{ heading, language, text string }

// recipes are the blocks of the page, in order.
func recipes(t *testing.T) []recipe {
	t.Helper()
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []recipe
	var heading string
	var in *recipe
	for line := range strings.Lines(string(page)) {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && in == nil:
			in = &recipe{heading: heading, language: strings.TrimSpace(language)}
		case fence:
			list, in = append(list, *in), nil
		case in != nil:
			in.text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if in != nil {
		t.Fatalf("the block under %q does not end", in.heading)
	}
	return list
}

// find is the only block of a language under a heading.
func find(t *testing.T, heading, language string) string {
	t.Helper()
	var found []string
	for _, r := range recipes(t) {
		if r.heading == heading && r.language == language {
			found = append(found, r.text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s under %q, want 1", len(found), language, heading)
	}
	return found[0]
}

// A job is a CI job of the subject: main at the remote is at base.
type job struct {
	dir string
	env []string
}

// A change commits to the repository what a job is about.
type change func(context.Context, *seeded.Repository) error

func regression(name string) change {
	return func(ctx context.Context, r *seeded.Repository) error { return r.Seed(ctx, name) }
}

func moreWork(ctx context.Context, r *seeded.Repository) error { return r.DoMore(ctx, 5) }

// newJob makes the clone in which a job starts; nil changes nothing.
func newJob(t *testing.T, c change) *job {
	t.Helper()
	r, err := seeded.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j := &job{dir: r.Dir}
	for _, entry := range os.Environ() { // this test may run in a CI system itself
		if !strings.HasPrefix(entry, "GITHUB_") && !strings.HasPrefix(entry, "GIT_") {
			j.env = append(j.env, entry)
		}
	}
	if code, out := j.run(t, "git", "update-ref", "refs/remotes/origin/main", seeded.Base); code != 0 {
		t.Fatalf("git update-ref: %s", out)
	}
	if c != nil {
		if err := c(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// run runs a program as a step of the job.
func (j *job) run(t *testing.T, name string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = j.dir, j.env
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

func (j *job) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// capture puts a capture of the fixtures where the page has one.
func (j *job) capture(t *testing.T, name string) {
	t.Helper()
	to := filepath.Join(j.dir, "capture")
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join("../../fixtures/captures", name))); err != nil {
		t.Fatal(err)
	}
}

var (
	runTime  = regexp.MustCompile(`(busywork gate run .*)--max-time \S+`)
	measures = regexp.MustCompile(`(busywork gate (run|growth|instructions)) `)
	lastDay  = regexp.MustCompile(`until: \S+`)
)

// shortened is a recipe for one benchmark of the subject. A second is too little
// to judge CPU time by, whatever the machine does, and enough to count
// allocations exactly: so it is known what the gate must say.
func shortened(script, bench string) string {
	script = runTime.ReplaceAllString(script, "${1}--max-time 1s")
	return measures.ReplaceAllString(script, "$1 --bench '"+bench+"' ")
}

// TestRecipes runs the shell of docs/ci.md as CI jobs would.
func TestRecipes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds benchmarks and runs them for a minute or two")
	}
	const dispatch, sizes = "BenchmarkDispatch$", "BenchmarkCancel$/n=(100|1000|10000)$"
	service := httptest.NewServer(http.DefaultServeMux) // the profiles of this test
	t.Cleanup(service.Close)                            // jobs run in parallel, after this function has returned
	ran := map[string]bool{}
	for _, c := range []struct {
		name, heading, bench string
		change               change
		prepare              func(*testing.T, *job)
		code                 int
		says                 string
	}{
		{"unchanged", "Plain shell", dispatch, nil, nil, 0, "as fast as before"},
		{"slower", "Plain shell", dispatch, regression(seeded.DiscardedSigning), nil, 1, "slower: the table says"},
		{"no benchmark", "Plain shell", "BenchmarkNone$", nil, nil, 2, "could not be judged"},
		{"no main", "Plain shell", dispatch, nil, withoutMain, 2, "origin/main"},
		{"accepted", "Plain shell", dispatch, regression(seeded.DiscardedSigning), accepting(1), 0, "accepted"},
		{"accepted once", "Plain shell", dispatch, regression(seeded.DiscardedSigning), accepting(-2), 1, "expired"},
		{"linear", "Limits to growth", sizes, regression(seeded.LinearCancel), nil, 1, "more than the limit of 0.2"},
		{"tie", "A noisy runner", "BenchmarkDigest$", moreWork, needValgrind, 1, "1 of 1 figure is worse: BenchmarkDigest instructions +"},
		{"clear", "A noisy runner", dispatch, regression(seeded.DiscardedSigning), nil, 1, "BenchmarkDispatch allocs"},
		{"record", "Record a capture", "", nil, nil, 0, "of "},
		{"propose", "Propose a budget", "", nil, recorded("dispatch-fixed"), 0, ""},
		{"kept", "Hold the service to it", "", nil, proposed("dispatch-fixed"), 0, "pass"},
		{"broken", "Hold the service to it", "", nil, proposed("dispatch-waste"), 1, "regression"},
	} {
		ran[c.heading] = true
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			j := newJob(t, c.change)
			j.env = append(j.env, "SERVICE="+service.URL)
			if c.prepare != nil {
				c.prepare(t, j)
			}
			script := shortened(find(t, c.heading, "sh"), c.bench)
			script = strings.Replace(script, "--seconds 30", "--seconds 1", 1)
			code, out := j.run(t, "sh", "-e", "-c", script)
			if code != c.code || !strings.Contains(unwrapped(out), c.says) {
				t.Errorf("exit code %d, want %d, and %q:\n%s", code, c.code, c.says, out)
			}
		})
	}
	for _, r := range recipes(t) {
		if r.language == "sh" && !ran[r.heading] {
			t.Errorf("the shell under %q is not run", r.heading)
		}
	}
}

// unwrapped is a text without the line breaks of its layout.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), " ") }

func withoutMain(t *testing.T, j *job) {
	if code, out := j.run(t, "git", "update-ref", "-d", "refs/remotes/origin/main"); code != 0 {
		t.Fatal(out)
	}
}

// accepting puts the page's file of accepted regressions into the repository, with
// its last day so many days from today.
func accepting(days int) func(*testing.T, *job) {
	return func(t *testing.T, j *job) {
		until := time.Now().AddDate(0, 0, days).Format(time.DateOnly)
		entry := find(t, "Accepted regressions", "yaml")
		j.write(t, "busywork-accepted.yaml", lastDay.ReplaceAllString(entry, "until: "+until))
	}
}

func recorded(name string) func(*testing.T, *job) {
	return func(t *testing.T, j *job) { j.capture(t, name) }
}

// proposed is a job that records such a capture, with the budget that the page's
// command proposed for the repaired service.
func proposed(name string) func(*testing.T, *job) {
	return func(t *testing.T, j *job) {
		j.capture(t, "dispatch-fixed")
		if code, out := j.run(t, "sh", "-e", "-c", find(t, "Propose a budget", "sh")); code != 0 {
			t.Fatal(out)
		}
		j.capture(t, name)
	}
}

func needValgrind(t *testing.T, _ *job) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatal("valgrind is not installed")
		}
		t.Skip("valgrind is not installed")
	}
}

// TestRecipeFiles: the YAML of the page is YAML, and the budget in it is one.
func TestRecipeFiles(t *testing.T) {
	n := 0
	for _, r := range recipes(t) {
		if r.language != "yaml" {
			continue
		}
		n++
		var file any
		if err := yaml.UnmarshalWithOptions([]byte(r.text), &file, yaml.Strict()); err != nil || file == nil {
			t.Errorf("under %q: %v", r.heading, err)
		}
	}
	if n != 5 {
		t.Errorf("%d files, want 5", n)
	}
	accepted, err := gate.ReadAccepted(gate.AcceptedFile, []byte(find(t, "Accepted regressions", "yaml")))
	if err != nil {
		t.Error(err)
	}
	slower := &gate.Result{Rows: []gate.Row{{Name: "BenchmarkDispatch", Metric: "cpu", Verdict: gate.Slower}}}
	if accepted.Apply(slower, time.Time{}); slower.Outcome != gate.Pass {
		t.Errorf("with the entry accepted it is %s", slower.Outcome)
	}
	budget, err := gate.ReadBudget("budget.yaml", []byte(find(t, "Hold the service to it", "yaml")))
	if err != nil || len(budget.PerJob) != 2 || len(budget.NoneOf) != 2 {
		t.Errorf("%+v, %v", budget, err)
	}
}

// TestRecipeCommands parses every command line of the page, those in its YAML as
// well: the command exists and takes these flags and arguments.
func TestRecipeCommands(t *testing.T) {
	seen := map[string]int{}
	for _, r := range recipes(t) {
		for line := range strings.Lines(r.text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
			if line, _, _ = strings.Cut(line, " || "); !strings.HasPrefix(line, "busywork ") {
				continue
			}
			root := newRootCmd(streams{os.Stdin, os.Stdout, os.Stderr})
			cmd, args, err := root.Find(strings.Fields(line)[1:])
			if err != nil || cmd.HasSubCommands() {
				t.Errorf("%s: no such command (%v)", line, err)
				continue
			}
			seen[cmd.Name()]++
			if err := cmd.ParseFlags(args); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if err := cmd.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	for _, name := range []string{"run", "growth", "budget", "instructions", "record"} {
		if seen[name] == 0 {
			t.Errorf("the page has no command line of %s", name)
		}
	}
}
