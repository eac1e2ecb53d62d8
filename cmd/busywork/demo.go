package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"busywork/analyze"
	"busywork/analyze/report"
	"busywork/fixtures/lab"
	"busywork/profile"
)

type demoOptions struct {
	incident string
	watch    bool
	fixed    bool
	screenFlags
	targetFlags
	reportFlags
}

func newDemoCmd(s streams) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo [INCIDENT]",
		Short: "Run an incident here and diagnose it, first with the waste, then fixed",
		Long: `Brings an incident up on this machine, with the real servers that it needs, observes it and
reports; then does the same with the repaired service. With --watch, it is shown in the
terminal UI until you quit.

Incidents:
` + incidents(),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.incident = "dispatch"
			if len(args) > 0 {
				o.incident = args[0]
			}
			if o.watch {
				if !cmd.Flags().Changed("seconds") {
					o.seconds = watchSeconds
				}
				return watchDemo(cmd.Context(), o, s)
			}
			return runDemo(cmd.Context(), o, s)
		},
	}
	cmd.Flags().IntVar(&o.seconds, "seconds", 10, fmt.Sprintf("length of each window; %d with --watch", watchSeconds))
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show the incident in the terminal UI, in place of reports")
	cmd.Flags().BoolVar(&o.fixed, "fixed", false, "with --watch: the repaired service")
	o.screenFlags.add(cmd)
	o.reportFlags.add(cmd)
	for _, report := range []string{"output", "json", "out", "fail-on"} {
		cmd.MarkFlagsMutuallyExclusive("watch", report)
	}
	return cmd
}

// demos are the incidents that have a repaired form to compare with.
func demos() []lab.Scenario {
	return slices.DeleteFunc(lab.Scenarios(), func(s lab.Scenario) bool { return !slices.Contains(s.Variants, lab.Fixed) })
}

func incidents() string {
	var b strings.Builder
	for _, i := range demos() {
		fmt.Fprintf(&b, "  %-24s %s", i.Name, i.Title)
		if len(i.Programs) > 0 {
			fmt.Fprintf(&b, " (needs %s)", strings.Join(i.Programs, ", "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// findIncident is the incident of that name, if it can run here.
func findIncident(name string) (lab.Scenario, error) {
	var names []string
	for _, s := range demos() {
		if s.Name != name {
			names = append(names, s.Name)
			continue
		}
		for _, program := range s.Programs {
			if _, err := lab.FindProgram(program); err != nil {
				return s, &profile.Unavailable{
					Reason: fmt.Sprintf("incident %s needs %s, which is not installed", name, program),
					Hint:   "on Debian: apt-get install redis-server postgresql supervisor python3-celery python3-rq; the incident dispatch needs nothing but Go",
				}
			}
		}
		return s, nil
	}
	return lab.Scenario{}, fmt.Errorf("no incident %q; there are %s", name, strings.Join(names, ", "))
}

func runDemo(ctx context.Context, o demoOptions, s streams) error {
	if o.fixed {
		return errors.New("--fixed is for --watch; without, both forms are shown")
	}
	scenario, err := findIncident(o.incident)
	if err != nil {
		return err
	}
	out, err := o.reportFlags.open(s)
	if err != nil {
		return err
	}
	load := lab.SigningLoad() // the same for both, or they could not be compared
	var reports []*analyze.Report
	for _, variant := range []string{lab.Waste, lab.Fixed} {
		r, err := observeIncident(ctx, scenario, lab.Options{Variant: variant, Load: load}, o, out.options, s)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		if err := out.write([]*analyze.Report{r}, nil, s); err != nil {
			return err
		}
		if interrupted(ctx) {
			return nil
		}
	}
	return compared(reports[0], reports[1], s)
}

// compared says what `busywork compare` would say of the two forms.
func compared(waste, fixed *analyze.Report, s streams) error {
	render, err := report.ComparisonByName("text", styleOf(s.err, ""))
	if err != nil {
		return err
	}
	fmt.Fprint(s.err, "\n── before and after ──\n")
	return render(s.err, analyze.Compare(waste, fixed))
}

// observeIncident brings one form of the incident up, and goes through the
// same door as `busywork diagnose`.
func observeIncident(ctx context.Context, scenario lab.Scenario, form lab.Options, o demoOptions, a analyze.Options, s streams) (*analyze.Report, error) {
	fmt.Fprintf(s.err, "\n── %s: %s ──\n", scenario.Title, form.Variant)
	form.Busy = s.waitsForAnother
	p := newProgress(s.err)
	c, _, err := scenario.Watch(ctx, form, profile.Options{Window: time.Duration(o.seconds) * time.Second, Progress: p.step})
	p.done()
	if c == nil {
		return nil, err
	}
	return analyze.Analyze(c, a), nil
}

// waitsForAnother says why an incident does not come up at once.
func (s streams) waitsForAnother() {
	fmt.Fprintln(s.err, "another incident is up on this machine; this one waits for its end …")
}
