package profile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// lookAgain is how long a plan is used before its target is looked at anew: a
	// service that has opened a connection to another broker, or a listener, is
	// seen to within a minute, at 10 to 20 ms of CPU.
	lookAgain = time.Minute
	// lookGrace is how long the windows of the other targets wait for one that
	// has just gone away, or was never looked for: looking takes 10 to 50 ms, and
	// sniffTimeout more where a server has to say what it is; a service that
	// restarts is back at once or only after seconds.
	lookGrace = 2 * sniffTimeout
)

// A watched is one target of a watch, and what is known of it.
type watched struct {
	Options
	plan *plan // nil while the target cannot be observed
	err  error // then: why

	looked  time.Time    // when it was looked at last
	due     bool         // it is to be looked at again, whatever the time
	away    bool         // it may be there at once: it has just gone, or has not been looked for yet
	last    ProcessKey   // the last process that was watched, zero if there was none
	missing []string     // signals that could not be had in the plan's first window; nil before
	found   chan planned // what comes of looking; nil while nobody looks
}

// planned is what comes of looking at a target.
type planned struct {
	plan *plan
	err  error
}

// look has the targets looked at for which it is time, all at once, and takes
// over what has come of it. While nothing can be observed it waits for the first
// target that can, and then a moment for those that may be there as well: a target
// that does not answer must not hold up the others.
func (w *watch) look(ctx context.Context) {
	for _, t := range w.targets {
		if t.found == nil && t.isDue() {
			t.found = make(chan planned, 1)
			w.looking.Go(func() {
				t.look(ctx)
				select {
				case w.came <- struct{}{}:
				default: // somebody will look anyhow
				}
			})
		}
	}
	first, cancel := ctx, context.CancelFunc(func() {})
	if w.begun { // somebody waits for the news that there is nothing
		first, cancel = context.WithTimeout(ctx, retryPause)
	}
	w.await(first, func() bool { return !w.any() && w.awaited(func(*watched) bool { return true }) })
	cancel()
	patience, cancel := context.WithTimeout(ctx, lookGrace) // not that of those who look: they go on
	defer cancel()
	w.await(patience, func() bool { return w.awaited(func(t *watched) bool { return t.plan == nil && t.away }) })
	for _, t := range w.targets {
		t.away = false
	}
}

// await takes over what comes of looking, for as long as there is reason to wait.
func (w *watch) await(ctx context.Context, more func() bool) {
	for {
		for _, t := range w.targets {
			t.takeFound()
		}
		if !more() {
			return
		}
		select {
		case <-w.came:
		case <-ctx.Done():
			return
		}
	}
}

// awaited says whether any of those that are still being looked for is such a
// target.
func (w *watch) awaited(is func(*watched) bool) bool {
	return slices.ContainsFunc(w.targets, func(t *watched) bool { return t.found != nil && is(t) })
}

// isDue says whether it is time to look at the target.
func (t *watched) isDue() bool {
	return t.plan == nil || t.plan.silent != nil || t.due || time.Since(t.looked) > lookAgain
}

// look makes a plan of the target. A panic in it is that target's error.
func (t *watched) look(ctx context.Context) {
	var p planned
	if err := Guard(func() error { p.plan, p.err = newPlan(ctx, t.Options); return nil }); err != nil {
		p = planned{err: err}
	}
	t.found <- p
}

// takeFound takes over what has come of looking, if anything has.
func (t *watched) takeFound() {
	if t.found == nil {
		return
	}
	select {
	case p := <-t.found:
		t.take(p)
	default:
	}
}

// take decides what becomes of the plan that there is.
func (t *watched) take(now planned) {
	t.found, t.looked, t.due = nil, time.Now(), false
	if now.err == nil {
		if now.err = t.refuses(now.plan); now.err != nil {
			now.plan.close()
		}
	}
	switch old := t.plan; {
	case now.err != nil && old != nil && !isSilence(now.err) && (old.process.PID != 0 || !isUnreachable(now.err)):
		// As far as it can be seen it is still there, and so is what is known of it.
	case now.err != nil:
		t.drop(now.err)
	case old != nil && old.process == now.plan.process && old.sees(now.plan):
		now.plan.close()
	default:
		t.adopt(now.plan)
	}
}

// sees says whether a plan of the same process is to be kept, though there is
// another one now: a busy target may have been too slow to answer all that it was
// asked. One that is stuck does not answer what it answered before.
func (p *plan) sees(now *plan) bool {
	if now.silent != nil {
		return p.silent != nil
	}
	return len(now.sources()) < len(p.sources())
}

// refuses says why a plan is not of this target: pid:N is one process, and not
// any later one to which its number was given.
func (t *watched) refuses(p *plan) error {
	if t.last == (ProcessKey{}) || t.last == p.process || !strings.HasPrefix(t.Target, "pid:") {
		return nil
	}
	return unavailablef("", "process %d has ended, and another has its number now", t.last.PID)
}

// drop stops observing the target until it is found again.
func (t *watched) drop(why error) {
	if t.plan != nil {
		t.plan.close()
		t.away = true
	}
	t.plan, t.err = nil, why
}

// adopt goes on with another plan, and says so if it is of another process.
func (t *watched) adopt(p *plan) {
	if t.plan != nil {
		t.plan.close()
	}
	if t.last != (ProcessKey{}) && p.process != (ProcessKey{}) && t.last != p.process {
		p.c.AddDiscovery("restart", fmt.Sprintf("process %d", p.process.PID),
			fmt.Sprintf("it has taken the place of process %d, which was watched before", t.last.PID))
	}
	if p.process != (ProcessKey{}) {
		t.last = p.process
	}
	t.plan, t.err, t.missing = p, nil, nil
}

// judge looks at what a window shows of the target itself: whether it has gone,
// and whether something is missing that was there before.
func (t *watched) judge(c, machine *Capture) {
	if pid := t.plan.process.PID; pid != 0 && hasEnded(t.plan.process, machine.Processes) {
		t.drop(unavailablef("it is observed again as soon as it is there", "process %d has ended", pid))
		return
	}
	missing := []string{}
	for _, g := range c.Gaps {
		missing = append(missing, g.Signal)
	}
	for _, signal := range missing {
		if t.missing != nil && !slices.Contains(t.missing, signal) {
			t.due = true
		}
	}
	if t.missing == nil || t.due {
		t.missing = append(missing, t.missing...)
	}
}

// hasEnded says whether a process that was there when the window began is so no
// more. A zombie has ended, whether or not somebody wants to know how.
func hasEnded(key ProcessKey, samples []ProcessSample) bool {
	ended := len(samples) > 0 // until it is seen: the first sample lists them all
	for _, s := range samples {
		for i := range s.Changed {
			if s.Changed[i].ProcessKey == key {
				ended = s.Changed[i].State == "Z"
			}
		}
		ended = ended || slices.Contains(s.Gone, key)
	}
	return ended
}
