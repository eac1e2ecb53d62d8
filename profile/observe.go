package profile

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"busywork/profile/stacks"
)

// Options say what to observe and how.
type Options struct {
	Target   string        // URL, "pid:N", a process name, or "host"
	Window   time.Duration // length of the observation
	HTTP     HTTPOptions   // how to reach the target
	Metrics  []string      // URLs of metrics, beside those found
	NATS     NATSOptions
	Redis    RedisOptions
	Postgres PostgresOptions
	Dir      string // folder to write the Capture to as it grows; "" for none
	Progress func(what string, elapsed, total time.Duration)

	disk   *disk  // where Dir's size is bounded; nil where it is not
	budget budget // the zero one for that of observing
}

// Name is what to call the target before anything is known of it: as it was
// given, without what may be secret.
func (o Options) Name() string { return printable(redactURL(o.Target), 200) }

// How often the sources that ask this machine look. Once a second is enough for
// a window of ten: rates come from the first and last sample, and what happens
// between two looks is in the kernel's own totals.
const interval = time.Second

// Observe finds out what belongs to the target, gathers all evidence inside one
// window, and returns it. When ctx ends early, what was gathered until then is
// returned without an error.
//
// It fails only where nothing could be said at all: there is no such target, or
// the folder cannot be written.
func Observe(ctx context.Context, o Options) (*Capture, error) {
	used := selfUsage()
	p, err := newPlan(ctx, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	c := p.begin(windowFromNow(o.Window))
	var kept *Writer
	if o.Dir != "" {
		if kept, err = create(o.Dir, o.disk); err != nil {
			return nil, err
		}
		kept.Attach(c)
	}
	sources := append(p.sources(), p.standingSources()...)
	if p.local {
		sources = append(sources, new(machine).sources()...)
	}
	p.gather(ctx, c, sources)
	c.Window = c.Window.over()
	if p.local {
		calibrate(ctx, c, functionsIn(c.Profiles))
	}
	loaded, err := c.asLoaded()
	if err != nil {
		return nil, err
	}
	c.spent(selfUsage().since(used))
	loaded.Self = c.Self
	if kept != nil {
		if err := kept.Close(c); err != nil {
			return loaded, fmt.Errorf("%s: the capture is incomplete: %w", o.Dir, err)
		}
	}
	return loaded, nil
}

// ObserveAll observes several targets inside one window, as long as the first
// asks for. What is of this machine, and not of a target, is gathered once for
// all of them. Captures and errors are in the order of the targets; folders to
// write to are not used.
func ObserveAll(ctx context.Context, list []Options) ([]*Capture, []error) {
	used := selfUsage()
	plans, errs := newPlans(ctx, list)
	r := observeRound(ctx, new(machine), plans, list[0].Window)
	r.calibrate(ctx, new(calibrator))
	r.spent(selfUsage().since(used), r.machine.Self.Calibration)
	for _, p := range plans {
		if p != nil {
			p.close()
		}
	}
	return r.asLoaded(errs)
}

// forEach runs f for 0 to n−1, all at once.
func forEach(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// windowFromNow is a window while it is being observed: it lasts as long as it is to
// by a clock that nobody sets, which is not kept on disk.
func windowFromNow(length time.Duration) Window {
	start := time.Now()
	return Window{start, start.Add(length)}
}

// over is the window when it ends now, as it is kept.
func (w Window) over() Window {
	return Window{w.Start.UTC(), w.Start.Add(time.Since(w.Start)).UTC()}
}

// gather runs sources and shows how far the window has come.
func (p *plan) gather(ctx context.Context, c *Capture, sources []Source) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		gatherAll(ctx, sources, c)
	}()
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	start, length := c.Window.Start, c.Window.Duration()
	for {
		p.Progress("observing "+c.Target.Name, min(time.Since(start), length), length)
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// functionsIn says which functions occur in profiles. What cannot be read is left
// to analysis, which says why.
func functionsIn(list []CPUProfile) func(name string) bool {
	names := map[string]bool{}
	for _, p := range list {
		if decoded, err := stacks.Decode(p.Data, stacks.Budget{}); err == nil {
			for i := range decoded.Functions {
				names[decoded.Functions[i].Name] = true
			}
		}
	}
	return func(name string) bool { return names[name] }
}

// spent notes what all of this cost.
func (c *Capture) spent(u usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Self.CPU, c.Self.MaxRSS = u.cpu, u.maxRSS
}

// usage is the CPU seconds and the peak memory, in bytes, of busywork itself.
type usage struct {
	cpu    float64
	maxRSS uint64
}

// since is what was used between two looks; the peak is that of all time.
func (u usage) since(before usage) usage { return usage{u.cpu - before.cpu, u.maxRSS} }

// FromFile makes a Capture of a pprof CPU profile on disk: the profile is then
// all there is, and everything else a Gap.
func FromFile(file string) (*Capture, error) {
	p, err := fileProfile(file)
	if err != nil {
		return nil, err
	}
	c := &Capture{Target: Target{Name: Clean(filepath.Base(file))}, Window: Window{p.Start, p.End}}
	c.AddProfile(p)
	for _, signal := range []string{"host", "processes", "counters", "queues"} {
		c.AddGap(signal, "a profile alone does not tell", "diagnose the running service")
	}
	return c, nil
}
