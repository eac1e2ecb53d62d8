package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"busywork/analyze"
	"busywork/profile"
)

type signalsOptions struct {
	target string
	targetFlags
}

func newSignalsCmd(s streams) *cobra.Command {
	var o signalsOptions
	cmd := &cobra.Command{
		Use:   "signals TARGET",
		Short: "What can be seen of this target, what is missing, and how to get it",
		Long:  "Observes the target for a short window and lists every kind of evidence.\n\n" + targetHelp,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.target = args[0]
			return runSignals(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	cmd.Flags().Lookup("seconds").DefValue = "2"
	o.seconds = 2
	return cmd
}

func runSignals(ctx context.Context, o signalsOptions, s streams) error {
	captures, errs := o.captures(ctx, []string{o.target}, newProgress(s.err))
	if errs[0] != nil {
		return errs[0]
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, state := range analyze.SignalStates(analyze.NewFacts(captures[0])) {
		seen, note := "missing", state.How
		if state.Seen {
			seen, note = "seen", state.Note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", state.Name, seen, profile.Clean(note))
	}
	return w.Flush()
}
