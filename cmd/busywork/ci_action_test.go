package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"busywork/fixtures/gating/seeded"
)

// An action is what GitHub's runner reads of action.yml.
type action struct {
	Name        string
	Description string
	Inputs      map[string]struct{ Description, Default string }
	Runs        struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, Shell, Run string
	Env              map[string]string
}

func readAction(t *testing.T) action {
	t.Helper()
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.UnmarshalWithOptions(text, &a, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" || len(a.Runs.Steps) != 2 {
		t.Fatalf("not the action that these tests know: %+v", a)
	}
	return a
}

var expression = regexp.MustCompile(`\$\{\{ inputs\.([a-z-]+) \}\}`)

// TestAction: what the action hands to the command exists, and its inputs reach the
// scripts as variables only: text of an input must not become a command.
func TestAction(t *testing.T) {
	a := readAction(t)
	used := map[string]bool{}
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%s: an expression is put into the script", step.Name)
		}
		if step.Shell != "bash" {
			t.Errorf("%s: shell %q", step.Name, step.Shell)
		}
		for name, value := range step.Env {
			for _, m := range expression.FindAllStringSubmatch(value, -1) {
				used[m[1]] = true
			}
			if strings.Contains(expression.ReplaceAllString(value, ""), "${{") {
				t.Errorf("%s: %s is %q", step.Name, name, value)
			}
		}
	}
	for name, input := range a.Inputs {
		if !used[name] || input.Description == "" {
			t.Errorf("input %s: used %v, described as %q", name, used[name], input.Description)
		}
		delete(used, name)
	}
	if len(used) > 0 {
		t.Errorf("there are no inputs %v", used)
	}
	flags := regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(a.Runs.Steps[1].Run, -1)
	if len(flags) != 3 {
		t.Errorf("the action uses the flags %q", flags)
	}
	root := newRootCmd(streams{os.Stdin, os.Stdout, os.Stderr})
	for _, name := range []string{"run", "growth", "instructions", "compare", "budget"} {
		cmd, _, err := root.Find([]string{"gate", name})
		if err != nil || cmd.Name() != name {
			t.Errorf("there is no busywork gate %s", name)
			continue
		}
		measures := name != "compare" && name != "budget" // the others get no flag
		for _, f := range flags {
			if measures && cmd.Flags().Lookup(f[1]) == nil {
				t.Errorf("busywork gate %s has no --%s", name, f[1])
			}
		}
	}
}

// TestPageUsesAction: what the page gives to the action are its inputs, and lines
// of args are flags of the command.
func TestPageUsesAction(t *testing.T) {
	a := readAction(t)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(find(t, "With the action", "yaml")), &workflow); err != nil {
		t.Fatal(err)
	}
	full, uses := false, 0
	for _, step := range workflow.Jobs["gate"].Steps {
		full = full || strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["fetch-depth"] == "0"
		if !strings.HasPrefix(step.Uses, "acme/busywork@") {
			continue
		}
		uses++
		for name := range step.With {
			if _, ok := a.Inputs[name]; !ok {
				t.Errorf("the action has no input %s", name)
			}
		}
		if err := argsOf(step.With["command"], step.With["args"]); err != nil {
			t.Error(err)
		}
	}
	if !full || uses != 2 {
		t.Errorf("the action is used %d times; all of the history: %v", uses, full)
	}
}

// argsOf parses the input args as the action passes it on.
func argsOf(command, args string) error {
	var cmd *cobra.Command
	var err error
	root := newRootCmd(streams{os.Stdin, os.Stdout, os.Stderr})
	if cmd, _, err = root.Find([]string{"gate", command}); err != nil || command == "" {
		return err
	}
	if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

// step runs a step as GitHub's runner does, in the job's environment and its own.
func (j *job) step(t *testing.T, a action, i int, with map[string]string) (code int, out string) {
	t.Helper()
	s := a.Runs.Steps[i]
	before := j.env
	defer func() { j.env = before }()
	for name, value := range s.Env {
		value = expression.ReplaceAllStringFunc(value, func(e string) string {
			input := expression.FindStringSubmatch(e)[1]
			if given, ok := with[input]; ok {
				return given
			}
			return a.Inputs[input].Default
		})
		j.env = append(j.env[:len(j.env):len(j.env)], name+"="+value)
	}
	script := filepath.Join(t.TempDir(), "step.sh")
	if err := os.WriteFile(script, []byte(s.Run), 0o600); err != nil {
		t.Fatal(err)
	}
	return j.run(t, "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
}

// install runs the action's first step, and puts what it built on the job's PATH as
// the runner does.
func (j *job) install(t *testing.T, a action) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	paths := filepath.Join(temp, "path")
	j.env = append(j.env, "GITHUB_ACTION_PATH="+root, "GITHUB_PATH="+paths, "RUNNER_TEMP="+temp)
	if code, out := j.step(t, a, 0, nil); code != 0 {
		t.Fatalf("the build exits with %d:\n%s", code, out)
	}
	text, err := os.ReadFile(paths)
	if err != nil {
		t.Fatal(err)
	}
	added := strings.TrimSpace(string(text))
	if built, err := os.Stat(filepath.Join(added, "busywork")); err != nil || built.Mode().Perm()&0o100 == 0 {
		t.Fatalf("%v, %v", built, err)
	}
	j.env = append(j.env, "PATH="+added+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// TestActionRuns runs the action's own steps: it builds busywork, stops a
// regression, annotates it and adds to the summary; and says what is missing.
func TestActionRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds busywork, and benchmarks")
	}
	t.Parallel()
	a := readAction(t)
	j := newJob(t, regression(seeded.DiscardedSigning))
	j.install(t, a)
	summary := filepath.Join(t.TempDir(), "summary.md")
	j.env = append(j.env, "GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY="+summary)
	j.write(t, "budget of ours.yaml", find(t, "Hold the service to it", "yaml"))
	waste, err := filepath.Abs("../../fixtures/captures/dispatch-waste")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		base string // GITHUB_BASE_REF: the branch that a pull request is for
		with map[string]string
		code int
		says string
	}{
		{"", nil, 2, "::error title=busywork gate::this is no pull request"},
		{"release", nil, 2, "fetch-depth: 0"},
		{"main", map[string]string{"command": "run; touch stolen"}, 2, "must be run, growth"},
		{"main", map[string]string{"bench": "BenchmarkDispatch$(touch stolen)"}, 2, "$(touch stolen)"},
		{"main", map[string]string{"bench": "BenchmarkDispatch$", "max-time": "1s", "args": "--threshold\n0.05\n"}, 1, "::error file=dispatch.go,"},
		{"", map[string]string{"bench": "BenchmarkDispatch$", "max-time": "1s", "base": seeded.Base}, 1, "BenchmarkDispatch allocs"},
		{"", map[string]string{"command": "budget", "args": "budget of ours.yaml\n" + waste}, 1, "refused-work"},
	} {
		j.env = append(j.env, "GITHUB_BASE_REF="+c.base) // the last one counts
		if code, out := j.step(t, a, 1, c.with); code != c.code || !strings.Contains(unwrapped(out), c.says) {
			t.Errorf("%q, %v: exit code %d, want %d, and %q:\n%s", c.base, c.with, code, c.code, c.says, out)
		}
	}
	if text, err := os.ReadFile(summary); err != nil || !strings.Contains(string(text), "BenchmarkDispatch") {
		t.Errorf("the summary: %v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(j.dir, "stolen")); err == nil {
		t.Error("an input became a command")
	}
}
