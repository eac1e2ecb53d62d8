package profile

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A round is one window of several targets. What is of this machine, and not of
// a target, is gathered once for all of them.
type round struct {
	plans    []*plan    // nil for a target that cannot be observed
	captures []*Capture // likewise
	machine  *Capture   // holds nothing if no target is on this machine
}

// observeRound gathers all evidence inside one window of that length, or until
// ctx ends.
func observeRound(ctx context.Context, m *machine, plans []*plan, length time.Duration) *round {
	r := &round{plans: plans, captures: make([]*Capture, len(plans)), machine: &Capture{Window: windowFromNow(length)}}
	var wg sync.WaitGroup
	for i, p := range plans {
		if p != nil {
			c := p.begin(r.machine.Window)
			r.captures[i] = c
			wg.Go(func() { p.observe(ctx, c) })
		}
	}
	if slices.ContainsFunc(plans, func(p *plan) bool { return p != nil && p.local }) {
		wg.Go(func() { gatherAll(ctx, m.sources(), r.machine) })
	}
	wg.Wait()
	r.machine.Window = r.machine.Window.over()
	for _, c := range r.captures {
		if c != nil {
			c.Window = r.machine.Window
		}
	}
	return r
}

// observe gathers what is of the target itself. What stands while the plan holds
// is gathered inside the first window only, and is in each.
func (p *plan) observe(ctx context.Context, c *Capture) {
	var wg sync.WaitGroup
	if p.standing == nil {
		p.standing = &Capture{Window: c.Window}
		wg.Go(func() { gatherAll(ctx, p.standingSources(), p.standing) })
	}
	p.gather(ctx, c, p.sources())
	wg.Wait()
	c.Peers, c.Builds = p.standing.Peers, p.standing.Builds
	c.Gaps = append(c.Gaps, p.standing.Gaps...)
}

// calibrate measures what the profiles of targets on this machine ask for.
func (r *round) calibrate(ctx context.Context, k *calibrator) {
	var list []CPUProfile
	for i, p := range r.plans {
		if p != nil && p.local {
			list = append(list, r.captures[i].Profiles...)
		}
	}
	k.calibrate(ctx, r.machine, functionsIn(list))
}

// spent notes what all of this cost, the CPU seconds of calibrating among it.
func (r *round) spent(u usage, calibration float64) {
	for i, c := range r.captures {
		if c != nil {
			c.spent(u)
		}
		if c != nil && r.plans[i].local {
			c.Self.Calibration = calibration
		}
	}
}

// asLoaded is the captures as they would be after Save and Load, each complete
// in itself. The error of a capture that was made is in the place of its
// target's in errs.
func (r *round) asLoaded(errs []error) ([]*Capture, []error) {
	captures := make([]*Capture, len(r.captures))
	machine, failed := r.machine.asLoaded() // once for all
	for i, c := range r.captures {
		if c == nil {
			continue
		}
		if captures[i], errs[i] = c.asLoaded(); errs[i] == nil && r.plans[i].local {
			captures[i].takeMachine(machine)
			errs[i] = failed
		}
	}
	return captures, errs
}

// takeMachine adds the evidence that is of the machine and not of a target.
func (c *Capture) takeMachine(m *Capture) {
	c.Host, c.Identities, c.Processes = m.Host, m.Identities, m.Processes
	c.Births, c.Supervisors, c.Calibrations = m.Births, m.Supervisors, m.Calibrations
	c.Gaps = append(c.Gaps, m.Gaps...)
}
