package main

import (
	"context"

	"github.com/spf13/cobra"

	"busywork/analyze/gate"
)

type gateInstructionsOptions struct {
	packages  []string
	threshold float64
	sidesFlags
	verdictFlags
}

func newGateInstructionsCmd(s streams) *cobra.Command {
	var o gateInstructionsOptions
	cmd := &cobra.Command{
		Use:   "instructions --base REF [PACKAGE…]",
		Short: "Count instructions with valgrind, where a machine is too noisy for time",
		Long: `Counts the instructions of an operation on both sides, under valgrind: 50 to 80 times slower, and hardly
touched by what else the machine does. A tie-breaker for what gate run could not tell; instructions are not time.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.packages = args
			return runGateInstructions(cmd.Context(), o, s)
		},
	}
	set := cmd.Flags()
	o.sidesFlags.add(set)
	o.verdictFlags.add(set)
	set.Float64Var(&o.threshold, "threshold", gate.DefaultInstructionThreshold, "least change that counts: 0.01 is 1 %")
	return cmd
}

func runGateInstructions(ctx context.Context, o gateInstructionsOptions, s streams) error {
	if err := o.sidesFlags.check(); err != nil {
		return err
	}
	j, err := o.verdictFlags.open(s)
	if err != nil {
		return err
	}
	p := newProgress(s.err)
	defer p.done()
	r, err := gate.Instructions(ctx, gate.InstructionOptions{Options: o.benchmarks(o.packages, p), Threshold: o.threshold, MaxTime: o.maxTime})
	p.done()
	if err != nil {
		return err
	}
	return interruptedGate(ctx, j.end(r, s))
}
