package main

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"busywork/analyze"
	"busywork/analyze/report"
)

type compareOptions struct {
	before, after string
	targetFlags
	reportFlags
}

func newCompareCmd(s streams) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare BEFORE AFTER",
		Short: "Did the fix work, and was the prediction right?",
		Long: `Holds two captures of one service against each other: which findings went and
which came, what a job costs in CPU before and after, and whether what was
predicted of the fix came true. Loads need not be the same: cost is for each
completed job where these are counted.

BEFORE and AFTER are captures or recordings; AFTER may be a live target. With
--fail-on, the exit status is 1 when AFTER has a finding of that severity that
BEFORE had not.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.before, o.after = args[0], args[1]
			return runCompare(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	o.reportFlags.add(cmd)
	cmd.Flags().Lookup("output").Usage = "form of the comparison: " + strings.Join(report.ComparisonForms, ", ")
	return cmd
}

func runCompare(ctx context.Context, o compareOptions, s streams) error {
	r, err := o.reportFlags.open(s)
	if err != nil {
		return err
	}
	form := o.form
	if o.asJSON {
		form = "json"
	}
	render, err := report.ComparisonByName(form, styleOf(s.out, o.file))
	if err != nil {
		return err
	}
	captures, errs := o.captures(ctx, []string{o.before, o.after}, newProgress(s.err))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c := analyze.Compare(analyze.Analyze(captures[0], r.options), analyze.Analyze(captures[1], r.options))
	var text bytes.Buffer
	if err := render(&text, c); err != nil {
		return err
	}
	if err := deliver(text.Bytes(), r.file, s.out); err != nil {
		return err
	}
	for _, f := range c.Came {
		if r.failOn != analyze.SeverityNone && f.Grade >= r.failOn {
			return exitCode(exitFindings)
		}
	}
	return nil
}
