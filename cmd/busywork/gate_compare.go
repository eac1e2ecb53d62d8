package main

import (
	"os"

	"github.com/spf13/cobra"

	"busywork/analyze/gate"
)

type gateCompareOptions struct {
	settings                 gate.Settings
	baseProfile, headProfile string
	verdictFlags
}

func newGateCompareCmd(s streams) *cobra.Command {
	o := gateCompareOptions{settings: gate.DefaultSettings()}
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Output files of go test -bench",
		Long: `Compares two files of go test -bench, as benchstat reads them. That is weaker than gate run: it is time on
the wall, of one side after the other; the result says what follows from that.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return runGateCompare(args[0], args[1], o, s) },
	}
	set := cmd.Flags()
	o.verdictFlags.add(set)
	set.Float64Var(&o.settings.Threshold, "threshold", o.settings.Threshold, "least change that counts: 0.03 is 3 %")
	set.StringVar(&o.baseProfile, "old-profile", "", "CPU profile of the old side (-cpuprofile), to name the function")
	set.StringVar(&o.headProfile, "new-profile", "", "CPU profile of the new side")
	cmd.MarkFlagsRequiredTogether("old-profile", "new-profile")
	return cmd
}

func runGateCompare(before, after string, o gateCompareOptions, s streams) error {
	j, err := o.verdictFlags.open(s)
	if err != nil {
		return err
	}
	options := gate.CompareOptions{Settings: o.settings}
	if o.baseProfile != "" {
		if options.Profiles.Base, err = os.ReadFile(o.baseProfile); err != nil {
			return err
		}
		if options.Profiles.Head, err = os.ReadFile(o.headProfile); err != nil {
			return err
		}
	}
	base, err := os.Open(before)
	if err != nil {
		return err
	}
	defer base.Close()
	head, err := os.Open(after)
	if err != nil {
		return err
	}
	defer head.Close()
	r, err := gate.Compare(gate.File{Name: before, Data: base}, gate.File{Name: after, Data: head}, options)
	if err != nil {
		return err
	}
	return j.end(r, s)
}
