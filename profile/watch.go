package profile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// WatchOptions say what to watch, and in windows of which length.
type WatchOptions struct {
	Targets []Options                 // as for ObserveAll; Window and Dir are not used
	Window  func(n int) time.Duration // length of the n-th window, from 1
}

// Watch observes the targets in window after window until ctx ends, which is no
// error: what was gathered until then comes as a last, shorter window. It costs
// much less than as many calls of ObserveAll: what was found out about a target is
// used as long as it holds, and so are calibrations, for ten minutes; the first
// window has none.
//
// It calls each after every window, in order, from one goroutine, with captures
// and errors in the order of the targets. Each capture is complete in itself, as
// one of Observe is. The next window has begun by then, so that nothing is missed
// while each works; where each takes longer than a window, Watch waits for it
// when one more is done, and there is a gap between windows.
//
// A target that goes away gives an error for the window, and is looked for
// again; when it is back, be it as another process, watching it goes on. One that
// does not answer holds up no other; one that stops answering makes a window later
// by some seconds, and those after it by one. Watch fails if none of the targets can
// be observed at the beginning, and if each panics.
func Watch(ctx context.Context, o WatchOptions, each func(n int, captures []*Capture, errs []error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newWatch(o)
	defer w.close()
	if err := w.begin(ctx); err != nil {
		return err
	}
	// The queue of one lets a window end while the one before is at work.
	done := make(chan *watchedRound, 1)
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for r := range done {
			if failed == nil {
				failed = Guard(func() error { r.deliver(ctx, each); return nil })
			}
			if failed != nil {
				cancel()
			}
		}
	})
	for n := 1; ctx.Err() == nil; n++ {
		if r := w.next(ctx, n); r != nil {
			done <- r
		}
	}
	close(done)
	wg.Wait()
	return failed
}

// A watch is what is known from one window to the next.
type watch struct {
	o           WatchOptions
	targets     []*watched
	machine     machine
	calibrator  calibrator   // used by the goroutine that delivers
	calibrating atomic.Int64 // nanoseconds of CPU that calibrating took, since the last window ended
	used        usage        // when it ended
	looking     sync.WaitGroup
	begun       bool          // the targets have been looked for once
	came        chan struct{} // something has come of looking, for one target or several
}

func newWatch(o WatchOptions) *watch {
	w := &watch{o: o, used: selfUsage(), machine: machine{budget: watching()}, came: make(chan struct{}, 1)}
	for _, t := range o.Targets {
		t.budget = watching()
		w.targets = append(w.targets, &watched{Options: t, away: true, err: unavailablef("", "it has not answered yet")})
	}
	return w
}

// close waits for those that are still looking for a target: ctx has ended.
func (w *watch) close() {
	w.looking.Wait()
	for _, t := range w.targets {
		t.takeFound()
		if t.plan != nil {
			t.plan.close()
		}
	}
}

// begin looks for the targets, until one can be observed. It fails if none can.
func (w *watch) begin(ctx context.Context) error {
	if len(w.targets) == 0 {
		return unavailablef("", "no target was named")
	}
	w.look(ctx)
	w.begun = true
	if w.any() || ctx.Err() != nil {
		return nil
	}
	return errors.Join(w.errs()...)
}

// any says whether there is a target that can be observed.
func (w *watch) any() bool {
	return slices.ContainsFunc(w.targets, func(t *watched) bool { return t.plan != nil })
}

// justGone says whether there is a target that may be back at once.
func (w *watch) justGone() bool {
	return slices.ContainsFunc(w.targets, func(t *watched) bool { return t.away })
}

func (w *watch) errs() []error {
	errs := make([]error, len(w.targets))
	for i, t := range w.targets {
		if t.plan == nil {
			errs[i] = t.err
		}
	}
	return errs
}

// next makes the n-th window; it is nil if ctx ended before it could begin.
func (w *watch) next(ctx context.Context, n int) *watchedRound {
	if n > 1 {
		if !w.any() && !w.justGone() && !sleep(ctx, retryPause) {
			return nil
		}
		w.look(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	r := &watchedRound{watch: w, n: n, errs: w.errs()}
	if w.any() {
		r.round = w.gather(ctx, n)
	}
	now := selfUsage()
	r.used, w.used = now.since(w.used), now
	r.calibrating = time.Duration(w.calibrating.Swap(0))
	return r
}

// gather makes a window of the targets that can be observed.
func (w *watch) gather(ctx context.Context, n int) *round {
	plans := make([]*plan, len(w.targets))
	for i, t := range w.targets {
		plans[i] = t.plan
	}
	r := observeRound(ctx, &w.machine, plans, w.o.Window(n))
	for i, c := range r.captures {
		if c != nil && ctx.Err() == nil { // what was interrupted shows nothing of the target
			w.targets[i].judge(c, r.machine)
		}
	}
	return r
}

// A watchedRound is a window on its way to who asked for it.
type watchedRound struct {
	watch       *watch
	round       *round // nil if no target could be observed
	n           int
	errs        []error
	used        usage         // by all of busywork from the end of the window before to the end of this one
	calibrating time.Duration // of that, on calibrating
}

// deliver brings the window into its final form and hands it over. What that
// costs is inside the next window.
//
// The first window goes without calibrations, and they are measured behind it: on
// a host without a CPU to spare that takes half a second, and somebody waits to
// see anything at all.
func (r *watchedRound) deliver(ctx context.Context, each func(n int, captures []*Capture, errs []error)) {
	if r.round == nil {
		each(r.n, make([]*Capture, len(r.errs)), r.errs)
		return
	}
	if r.n > 1 {
		r.calibrate(ctx)
	}
	r.round.spent(r.used, r.calibrating.Seconds())
	captures, errs := r.round.asLoaded(r.errs)
	each(r.n, captures, errs)
	if r.n == 1 {
		r.calibrate(ctx)
	}
}

func (r *watchedRound) calibrate(ctx context.Context) {
	r.round.calibrate(ctx, &r.watch.calibrator)
	r.watch.calibrating.Add(int64(r.round.machine.Self.Calibration * 1e9))
}
