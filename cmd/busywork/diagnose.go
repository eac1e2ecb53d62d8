package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"busywork/analyze"
	"busywork/analyze/report"
)

type diagnoseOptions struct {
	targets []string
	targetFlags
	reportFlags
}

func newDiagnoseCmd(s streams) *cobra.Command {
	var o diagnoseOptions
	cmd := &cobra.Command{
		Use:   "diagnose TARGET…",
		Short: "Observe once, report what is wasted",
		Long:  "Observes the targets, all inside one window, and reports on one after the other.\n\n" + targetHelp,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.targets = args
			return runDiagnose(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	o.reportFlags.add(cmd)
	return cmd
}

func runDiagnose(ctx context.Context, o diagnoseOptions, s streams) error {
	out, err := o.reportFlags.open(s)
	if err != nil {
		return err
	}
	captures, errs := o.captures(ctx, o.targets, newProgress(s.err))
	reports := make([]*analyze.Report, len(captures))
	for i, c := range captures {
		if c != nil {
			reports[i] = analyze.Analyze(c, out.options)
		}
	}
	return out.write(reports, errs, s)
}

// analysisFlags say how evidence is judged.
type analysisFlags struct {
	set   []string
	price float64
}

func (f *analysisFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringArrayVar(&f.set, "set", nil, "a threshold: RULE.LIMIT=VALUE (see `busywork explain RULE`)")
	set.Float64Var(&f.price, "core-cost", analyze.CorePrice, "what a core costs, in USD an hour")
}

// analysis is what analysisFlags come to, checked before anything is observed.
func (f *analysisFlags) analysis() (analyze.Options, error) {
	if !(f.price > 0) || math.IsInf(f.price, 1) {
		return analyze.Options{}, fmt.Errorf("--core-cost %v: want USD an hour, above 0", f.price)
	}
	o := analyze.Options{Limits: map[string]float64{}, CorePrice: f.price}
	var err error
	for _, s := range f.set {
		key, value, _ := strings.Cut(s, "=")
		if o.Limits[key], err = strconv.ParseFloat(value, 64); err != nil {
			return analyze.Options{}, fmt.Errorf("--set %s: want RULE.LIMIT=NUMBER", s)
		}
	}
	return o, analyze.CheckLimits(o.Limits)
}

// reportFlags say what becomes of a report.
type reportFlags struct {
	form   string
	asJSON bool
	file   string
	failOn string
	analysisFlags
}

func (f *reportFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.form, "output", "text", "form of the report: "+strings.Join(report.Forms, ", "))
	set.BoolVar(&f.asJSON, "json", false, "short for --output json")
	set.StringVarP(&f.file, "out", "o", "", "file to write the report to, in place of standard output")
	set.StringVar(&f.failOn, "fail-on", "", "exit with 1 when there is a finding of this severity or more: low, medium, high")
	f.analysisFlags.add(cmd)
}

// reporter is what reportFlags come to, checked before anything is observed.
type reporter struct {
	render  report.Renderer
	options analyze.Options
	failOn  analyze.Severity
	file    string
}

func (f *reportFlags) open(s streams) (*reporter, error) {
	options, err := f.analysis()
	if err != nil {
		return nil, err
	}
	r := &reporter{file: f.file, options: options}
	form := f.form
	if f.asJSON {
		form = "json"
	}
	if r.render, err = report.ByName(form, styleOf(s.out, f.file)); err != nil {
		return nil, err
	}
	if f.failOn != "" {
		if r.failOn, err = analyze.ParseSeverity(f.failOn); err != nil {
			return nil, fmt.Errorf("--fail-on: %w", err)
		}
	}
	return r, nil
}

func styleOf(out io.Writer, file string) report.Style {
	f, ok := out.(*os.File)
	if !ok || file != "" || !isTerminal(f) {
		return report.Style{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0 // the default
	}
	return report.Style{Color: os.Getenv("NO_COLOR") == "", Width: width}
}

// write renders what could be observed, then says what could not, and only
// then decides the exit code.
func (r *reporter) write(reports []*analyze.Report, errs []error, s streams) error {
	var text bytes.Buffer
	worst := analyze.SeverityNone
	for _, rep := range reports {
		if rep == nil {
			continue
		}
		if err := r.render(&text, rep); err != nil {
			return err
		}
		worst = max(worst, rep.Worst())
	}
	if err := deliver(text.Bytes(), r.file, s.out); err != nil {
		return err
	}
	var failed []error
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	switch {
	case len(failed) == 1:
		return failed[0]
	case len(failed) > 1:
		for _, err := range failed {
			printError(s.err, err)
		}
		return exitCode(exitCannot)
	case r.failOn != analyze.SeverityNone && worst >= r.failOn:
		return exitCode(exitFindings)
	}
	return nil
}

// deliver writes to the file, or where there is none to the stream.
func deliver(text []byte, file string, out io.Writer) error {
	if file != "" {
		return os.WriteFile(file, text, 0o600)
	}
	_, err := out.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		return nil // the reader has seen enough
	}
	return err
}
