package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"busywork/analyze/gate"
	"busywork/analyze/gate/bench"
	"busywork/profile"
)

func newGateCmd(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "CI: has a change made the service slower, and which function did it?",
		Long: `Compares and judges, for a CI job: exits with 0 if nothing got worse, with 1 if something did,
and with 2 if that could not be told. What is uncertain passes with a warning, unless --strict.

Regressions that somebody has accepted stand in ` + gate.AcceptedFile + `, with a reason and a last day.`,
	}
	cmd.AddCommand(newGateRunCmd(s), newGateCompareCmd(s), newGateGrowthCmd(s), newGateBudgetCmd(s), newGateInstructionsCmd(s))
	for _, sub := range cmd.Commands() {
		run := sub.RunE
		sub.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			quote(s.err, err)
			return err
		}
	}
	return cmd
}

// quote writes what the compiler or a benchmark said about an error. The error
// itself comes after it, in the last lines of a log.
func quote(w io.Writer, err error) {
	if e, ok := errors.AsType[*bench.Error](err); ok {
		for _, line := range e.Output {
			fmt.Fprintf(w, "  %s\n", profile.Clean(line))
		}
	}
}

// verdictFlags say what becomes of a gate's result.
type verdictFlags struct {
	form     string
	asJSON   bool
	file     string
	accepted string
	strict   bool
}

func (f *verdictFlags) add(set *pflag.FlagSet) {
	set.StringVar(&f.form, "output", "text", "form of the result: "+strings.Join(gate.Forms, ", "))
	set.BoolVar(&f.asJSON, "json", false, "short for --output json")
	set.StringVarP(&f.file, "out", "o", "", "file to write the result to; standard output then has it as text")
	set.StringVar(&f.accepted, "accepted", "", "file of accepted regressions (default: "+gate.AcceptedFile+", if it is there)")
	set.BoolVar(&f.strict, "strict", false, "exit with 2 where something could not be judged")
}

// A judge is what verdictFlags come to, checked before anything is measured.
type judge struct {
	render   gate.Renderer
	accepted gate.Accepted
	verdictFlags
}

func (f *verdictFlags) open(s streams) (*judge, error) {
	j := &judge{verdictFlags: *f}
	if f.asJSON {
		j.form = "json"
	}
	var err error
	if j.render, err = gate.ByName(j.form, styleOf(s.out, f.file)); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(f.acceptedFile())
	if errors.Is(err, fs.ErrNotExist) && f.accepted == "" {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	j.accepted, err = gate.ReadAccepted(f.acceptedFile(), data)
	return j, err
}

func (f *verdictFlags) acceptedFile() string {
	if f.accepted != "" {
		return f.accepted
	}
	return gate.AcceptedFile
}

// end writes the result, tells the CI system, and decides the exit code.
func (j *judge) end(r *gate.Result, s streams) error {
	j.accepted.Apply(r, time.Now())
	if err := j.write(r, s.out); err != nil {
		return err
	}
	if err := tellGitHub(r, s); err != nil { // the verdict stands without it
		fmt.Fprintf(s.err, "busywork: %s\n", profile.Clean(err.Error()))
	}
	switch {
	case r.Outcome == gate.Regression:
		return exitCode(exitFindings)
	case r.Problem != "":
		return &profile.Unavailable{Reason: "not all could be judged: " + string(r.Problem), Hint: whereToRead(r)}
	case r.Outcome == gate.Unsure && j.strict:
		return errors.New("not all could be judged, and --strict was asked for")
	case r.Outcome == gate.Unsure:
		fmt.Fprintln(s.err, "busywork: warning: not all could be judged (--strict would stop here)")
	}
	return nil
}

// write writes the result. What goes into a file is for a program to read: people
// look for the verdict in the job's log, so that has it, too.
func (j *judge) write(r *gate.Result, out io.Writer) error {
	var text, file bytes.Buffer
	if err := j.render(&file, r); err != nil {
		return err
	}
	if j.file == "" {
		return deliver(file.Bytes(), "", out)
	}
	if err := gate.Text(styleOf(out, ""))(&text, r); err != nil {
		return err
	}
	return errors.Join(deliver(text.Bytes(), "", out), deliver(file.Bytes(), j.file, out))
}

// whereToRead says where a result that could not judge all says why.
func whereToRead(r *gate.Result) string {
	if r.Problem == gate.DifferentMachines {
		return "the result says in what they differ; run both sides on one machine, or have gate run do it"
	}
	return "the result says which, and why"
}

// tellGitHub annotates the change and adds to the job's summary, inside GitHub
// Actions.
func tellGitHub(r *gate.Result, s streams) error {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	err := gate.Annotations(s.err, r)
	summary := os.Getenv("GITHUB_STEP_SUMMARY")
	if summary == "" {
		return err
	}
	var text bytes.Buffer
	if failed := gate.StepSummary(&text, r); failed != nil {
		return errors.Join(err, failed)
	}
	f, failed := os.OpenFile(summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if failed != nil {
		return errors.Join(err, failed)
	}
	_, failed = f.Write(text.Bytes())
	return errors.Join(err, failed, f.Close())
}

// sidesFlags say which benchmarks of which sides are compared.
type sidesFlags struct {
	bench.Options
	maxTime time.Duration
}

func (f *sidesFlags) add(set *pflag.FlagSet) {
	set.StringVar(&f.Base, "base", "", "what to compare with: a branch, a tag or a commit (required)")
	set.StringVar(&f.Pattern, "bench", "", "which benchmarks, as for go test -bench (default: all)")
	set.StringArrayVar(&f.Flags, "build-flag", nil, "a build flag for both sides, such as -tags=integration")
	set.DurationVar(&f.Timeout, "timeout", bench.DefaultTimeout, "most time that one execution of a benchmark may take")
	set.DurationVar(&f.maxTime, "max-time", gate.DefaultMaxTime, "most time that measuring may take; what has no verdict by then is inconclusive")
	cobra.MarkFlagRequired(set, "base")
}

// check refuses times that would end everything before it has begun.
func (f *sidesFlags) check() error {
	for _, t := range []struct {
		flag string
		time time.Duration
	}{{"--timeout", f.Timeout}, {"--max-time", f.maxTime}} {
		if t.time <= 0 {
			return fmt.Errorf("%s %v: want more than 0", t.flag, t.time)
		}
	}
	return nil
}

// benchmarks completes the options by the packages and a progress line.
func (f *sidesFlags) benchmarks(packages []string, p *progress) bench.Options {
	o := f.Options
	o.Packages = packages
	o.Progress = func(step string) { p.step(profile.Clean(step), 0, 0) }
	return o
}

// interruptedGate: what ran until a signal was judged, and is not a verdict.
func interruptedGate(ctx context.Context, err error) error {
	if err == nil && interrupted(ctx) {
		return exitCode(exitCannot)
	}
	return err
}
