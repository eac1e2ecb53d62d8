package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"busywork/analyze"
	"busywork/analyze/report"
)

func newRulesCmd(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "The catalogue of rules",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			for _, r := range analyze.Catalogue {
				fmt.Fprintf(w, "%s\t%s\tneeds %s\n", r.Name, r.Title, r.Needs)
			}
			return w.Flush()
		},
	}
}

func newExplainCmd(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE",
		Short: "One rule in full: what it is, what it costs, how to fix it, when it is wrong",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r := analyze.FindRule(args[0])
			if r == nil {
				return fmt.Errorf("no rule %q; there are %s", args[0], strings.Join(ruleNames(), ", "))
			}
			return report.Explain(s.out, r, report.Style{})
		},
	}
}

func ruleNames() []string {
	var list []string
	for _, r := range analyze.Catalogue {
		list = append(list, r.Name)
	}
	return list
}
