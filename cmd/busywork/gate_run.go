package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"busywork/analyze/gate"
)

type gateRunOptions struct {
	packages   []string
	settings   gate.Settings
	noProfiles bool
	sidesFlags
	verdictFlags
}

func newGateRunCmd(s streams) *cobra.Command {
	o := gateRunOptions{settings: gate.DefaultSettings()}
	cmd := &cobra.Command{
		Use:   "run --base REF [PACKAGE…]",
		Short: "Benchmarks of the work tree against those of a commit, side by side",
		Long: `Builds the test binaries of both sides, runs their benchmarks in pairs, one side right after the other, and
compares the CPU time of the process for one operation, with a control of the noise in the same runs. It
stops early where the verdict is clear and runs on where it is not, up to --max-time. Allocations are
counted and compared exactly. For what got worse it takes profiles and names the function.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.packages = args
			return runGateRun(cmd.Context(), o, s)
		},
	}
	set := cmd.Flags()
	o.sidesFlags.add(set)
	o.verdictFlags.add(set)
	set.Float64Var(&o.settings.Threshold, "threshold", o.settings.Threshold, "least change that counts: 0.03 is 3 %")
	set.IntVar(&o.settings.MaxPairs, "count", o.settings.MaxPairs, "most runs a side")
	set.BoolVar(&o.noProfiles, "no-profiles", false, "do not look for the function that made a benchmark slower")
	return cmd
}

func runGateRun(ctx context.Context, o gateRunOptions, s streams) error {
	if err := o.sidesFlags.check(); err != nil {
		return err
	}
	j, err := o.verdictFlags.open(s)
	if err != nil {
		return err
	}
	p := newProgress(s.err)
	defer p.done()
	start := time.Now()
	r, err := gate.Run(ctx, gate.RunOptions{
		Options: o.benchmarks(o.packages, p), Settings: o.settings, MaxTime: o.maxTime, NoProfiles: o.noProfiles,
		Paired: func(int, int) { p.step("comparing", time.Since(start), o.maxTime) },
	})
	p.done()
	if err != nil {
		return err
	}
	return interruptedGate(ctx, j.end(r, s))
}
