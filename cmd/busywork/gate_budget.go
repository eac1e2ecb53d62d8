package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"busywork/analyze/gate"
)

type gateBudgetOptions struct {
	file, target string
	propose      bool
	targetFlags
	analysisFlags
	verdictFlags
}

func newGateBudgetCmd(s streams) *cobra.Command {
	var o gateBudgetOptions
	cmd := &cobra.Command{
		Use:   "budget BUDGET.yaml TARGET",
		Short: "What a completed job may cost, against a capture or a live service",
		Long: `Holds a service to a budget for each completed job: CPU, allocations, forks, statements, commands, connections,
redeliveries; and to "no finding of that rule", "no finding as grave as that".
--propose TARGET writes a budget from what the service costs now, with room of a fifth.

` + targetHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.propose {
				return cobra.ExactArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.target = args[len(args)-1]
			if !o.propose {
				o.file = args[0]
			}
			return runGateBudget(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	o.analysisFlags.add(cmd)
	o.verdictFlags.add(cmd.Flags())
	cmd.Flags().BoolVar(&o.propose, "propose", false, "write a budget from what the target costs now")
	return cmd
}

func runGateBudget(ctx context.Context, o gateBudgetOptions, s streams) error {
	j, err := o.verdictFlags.open(s)
	if err != nil {
		return err
	}
	analysis, err := o.analysis()
	if err != nil {
		return err
	}
	var budget *gate.Budget
	if !o.propose {
		data, err := os.ReadFile(o.file)
		if err != nil {
			return err
		}
		if budget, err = gate.ReadBudget(o.file, data); err != nil {
			return err
		}
	}
	captures, errs := o.captures(ctx, []string{o.target}, newProgress(s.err))
	if captures[0] == nil {
		return errs[0]
	}
	if o.propose {
		text, err := gate.Propose(captures[0])
		if err != nil {
			return err
		}
		return deliver(text, j.verdictFlags.file, s.out)
	}
	r, err := gate.Check(captures[0], budget, analysis)
	if err != nil {
		return err
	}
	return j.end(r, s)
}
