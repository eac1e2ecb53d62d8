package main

import (
	"context"

	"github.com/spf13/cobra"

	"busywork/analyze/gate"
)

type gateGrowthOptions struct {
	packages []string
	limits   []string
	key      string
	sidesFlags
	verdictFlags
}

func newGateGrowthCmd(s streams) *cobra.Command {
	var o gateGrowthOptions
	cmd := &cobra.Command{
		Use:   "growth --base REF [PACKAGE…]",
		Short: "How the cost of an operation grows with the size that benchmarks are named by",
		Long: `Runs the benchmarks that are named by sizes (BenchmarkCancel/depth=1k, /depth=10k …) on both sides and fits
how their cost grows: cost ∝ size^exponent. It fails where the exponent exceeds its limit, or has grown
against base. An operation on a queue that goes through all of it has an exponent of 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.packages = args
			return runGateGrowth(cmd.Context(), o, s)
		},
	}
	set := cmd.Flags()
	o.sidesFlags.add(set)
	o.verdictFlags.add(set)
	set.StringArrayVar(&o.limits, "max-exponent", nil, "the largest exponent of a benchmark: BenchmarkCancel=0.2")
	set.StringVar(&o.key, "size", "", "which number of a name is the size, such as depth (default: the one of the widest span)")
	return cmd
}

func runGateGrowth(ctx context.Context, o gateGrowthOptions, s streams) error {
	if err := o.sidesFlags.check(); err != nil {
		return err
	}
	j, err := o.verdictFlags.open(s)
	if err != nil {
		return err
	}
	growth := gate.GrowthOptions{Key: o.key}
	for _, text := range o.limits {
		limit, err := gate.ParseExponentLimit(text)
		if err != nil {
			return err
		}
		growth.Limits = append(growth.Limits, limit)
	}
	p := newProgress(s.err)
	defer p.done()
	r, err := gate.GrowthRun(ctx, gate.GrowthRunOptions{Options: o.benchmarks(o.packages, p), GrowthOptions: growth, MaxTime: o.maxTime})
	p.done()
	if err != nil {
		return err
	}
	return interruptedGate(ctx, j.end(r, s))
}
