package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"busywork/profile"
)

type recordOptions struct {
	target string
	dir    string
	targetFlags
}

func newRecordCmd(s streams) *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record TARGET -o DIR",
		Short: "Observe one window and keep it as a capture",
		Long:  "Observes the target and writes all evidence to DIR while it comes in.\n`busywork diagnose DIR` then reports exactly what a live run would have.\n\n" + targetHelp,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.target = args[0]
			return runRecord(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	cmd.Flags().StringVarP(&o.dir, "out", "o", "", "folder for the capture; must not hold one yet")
	cmd.MarkFlagRequired("out")
	return cmd
}

func runRecord(ctx context.Context, o recordOptions, s streams) error {
	options, err := o.options(o.target)
	if err != nil {
		return err
	}
	p := newProgress(s.err)
	options.Dir, options.Progress = o.dir, p.step
	c, err := profile.Observe(ctx, options)
	p.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %.1f s of %s, %d gaps\n", o.dir, c.Window.Duration().Seconds(), c.Target.Name, len(c.Gaps))
	return nil
}
