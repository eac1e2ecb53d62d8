package main

import (
	"context"
	"errors"
	"fmt"

	"busywork/fixtures/lab"
	"busywork/profile"
	"busywork/tui/feed"
)

// watchDemo shows one form of an incident in the terminal UI.
func watchDemo(ctx context.Context, o demoOptions, s streams) error {
	scenario, err := findIncident(o.incident)
	if err != nil {
		return err
	}
	analysis, err := o.analysis()
	if err != nil {
		return err
	}
	observe, err := o.options("") // of the targetFlags, a demo has --seconds
	if err != nil {
		return err
	}
	t, err := o.screenFlags.open(s) // before anything is started for nothing
	if err != nil {
		return err
	}
	form, other := lab.Waste, " --fixed"
	if o.fixed {
		form, other = lab.Fixed, ""
	}
	fmt.Fprintf(s.err, "bringing %s up, %s: %s …\n", scenario.Name, form, scenario.Title)
	running, down, err := bringUp(ctx, scenario, lab.Options{Variant: form, Load: lab.SigningLoad(), Busy: s.waitsForAnother})
	if err != nil {
		if interrupted(ctx) {
			return nil
		}
		return err
	}
	defer down()
	target := running.Observe
	target.Window = observe.Window
	err = show(ctx, t, feed.NewLive([]profile.Options{target}, observe.Window, analysis), "", s)
	if err = errors.Join(err, running.Stop()); err == nil && !interrupted(ctx) {
		fmt.Fprintf(s.err, "the other form: busywork demo %s --watch%s\n", scenario.Name, other)
	}
	return err
}

// bringUp starts an incident. The end of ctx stops it only as long as it is starting:
// after that, what watches it ends first, or the last window would be of a service
// that is being killed. down is what ends it.
func bringUp(ctx context.Context, scenario lab.Scenario, o lab.Options) (running *lab.Running, down func(), err error) {
	life, down := context.WithCancel(context.WithoutCancel(ctx))
	starting := context.AfterFunc(ctx, down)
	running, err = scenario.Run(life, o)
	starting()
	if err != nil {
		down()
	}
	return running, down, err
}
