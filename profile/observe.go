package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

	disk *disk // where Dir's size is bounded; nil where it is not
}

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
	c := p.c
	c.Window = windowFromNow(o.Window)
	var kept *Writer
	if o.Dir != "" {
		if kept, err = create(o.Dir, o.disk); err != nil {
			return nil, err
		}
		kept.Attach(c)
	}
	p.gather(ctx, append(p.machineSources(), p.sources()...))
	c.Window.End = now()
	if p.local {
		calibrate(ctx, c, functionsIn(c.Profiles))
	}
	loaded, err := c.asLoaded()
	if err != nil {
		return nil, err
	}
	c.spent(used)
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
	plans, captures, errs := make([]*plan, len(list)), make([]*Capture, len(list)), make([]error, len(list))
	forEach(len(list), func(i int) { plans[i], errs[i] = newPlan(ctx, list[i]) })

	machine := &Capture{Window: windowFromNow(list[0].Window)}
	var wg sync.WaitGroup
	if at := slices.IndexFunc(plans, func(p *plan) bool { return p != nil && p.local }); at >= 0 {
		wg.Go(func() { gatherAll(ctx, plans[at].machineSources(), machine) })
	}
	wg.Go(func() {
		forEach(len(list), func(i int) {
			if p := plans[i]; p != nil {
				p.c.Window = machine.Window
				p.gather(ctx, p.sources())
			}
		})
	})
	wg.Wait()
	for _, p := range plans {
		if p != nil && p.local {
			machine.Profiles = append(machine.Profiles, p.c.Profiles...)
		}
	}
	machine.Window.End = now()
	calibrate(ctx, machine, functionsIn(machine.Profiles))
	for i, p := range plans {
		if p == nil {
			continue
		}
		p.c.Window.End = machine.Window.End
		if p.local {
			p.c.takeMachine(machine)
		}
		p.c.spent(used)
		captures[i], errs[i] = p.c.asLoaded()
	}
	return captures, errs
}

// forEach runs f for 0 to n−1, all at once.
func forEach(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// takeMachine adds the evidence that is of the machine and not of a target.
func (c *Capture) takeMachine(m *Capture) {
	c.Host, c.Identities, c.Processes = m.Host, m.Identities, m.Processes
	c.Births, c.Supervisors, c.Calibrations = m.Births, m.Supervisors, m.Calibrations
	c.Self.Calibration = m.Self.Calibration
	c.Gaps = append(c.Gaps, m.Gaps...)
}

func now() time.Time { return time.Now().UTC().Round(0) }

func windowFromNow(length time.Duration) Window {
	start := now()
	return Window{start, start.Add(length)}
}

// plan is what a target has turned out to be, and so what to gather of it.
type plan struct {
	Options
	c      *Capture
	client *client // nil if the target serves nothing over HTTP
	pprof  bool
	local  bool
	pid    int
}

// newPlan finds out what there is to gather of a target.
func newPlan(ctx context.Context, o Options) (*plan, error) {
	if o.Progress == nil {
		o.Progress = func(string, time.Duration, time.Duration) {}
	}
	p := &plan{Options: o, c: new(Capture)}
	if err := p.resolve(ctx); err != nil {
		return nil, err
	}
	if !p.local {
		p.c.AddGap("host", "the target is on another machine", "run busywork there")
	}
	return p, nil
}

// resolve finds out what the target is.
func (p *plan) resolve(ctx context.Context) error {
	pid, isPID := strings.CutPrefix(p.Target, "pid:")
	var err error
	switch {
	case p.Target == "host":
		p.local = true
		name, _ := os.Hostname()
		p.c.Target = Target{Name: Clean(cmp.Or(name, "host"))}
	case strings.Contains(p.Target, "://") || strings.HasPrefix(p.Target, "unix:"):
		err = p.resolveURL(ctx)
	case isPID:
		n, bad := strconv.Atoi(pid)
		if bad != nil || n <= 0 {
			return unavailablef("give a number: pid:4242", "%q is not a process id", Clean(pid))
		}
		err = p.resolvePID(ctx, n, "given as pid:"+pid)
	default:
		pids, none := processesNamed(p.Target)
		if none != nil {
			return none
		}
		err = p.resolvePID(ctx, pids[0], "the process named "+Clean(p.Target))
	}
	p.c.Target.Local, p.c.Target.PID = p.local, p.pid
	return err
}

// resolveURL: a URL that nobody answers at is an error; one whose process
// cannot be found leaves the host's evidence out, or unconnected, and says so.
func (p *plan) resolveURL(ctx context.Context) error {
	cl, err := newClient(p.Target, p.HTTP)
	if err != nil {
		return err
	}
	p.client, p.pprof = cl, true
	p.c.Target.Name, p.c.Target.URL = cl.name(&cl.root), cl.name(&cl.root)
	if _, err := cl.peek(ctx, p.c, cl.pprof, "", probeBytes); isUnreachable(err) {
		return err
	}
	_, metrics, expvar := probeEndpoints(ctx, cl, p.c)
	p.addEndpoints(cl, metrics, expvar)
	f, err := discoverURL(ctx, p.c, p.Target)
	if err != nil {
		p.c.gap("processes", err)
	}
	if p.found(f); p.pid != 0 {
		p.c.Target.Name = f.Name
	}
	return nil
}

// resolvePID looks for profiles and metrics on every port that the process
// listens on.
func (p *plan) resolvePID(ctx context.Context, pid int, how string) error {
	f, err := discover(ctx, p.c, pid, how)
	if f.PID == 0 {
		return err
	}
	if err != nil {
		p.c.gap("sockets", err)
	}
	p.c.Target.Name = f.Name
	p.found(f)
	for _, addr := range f.Listens {
		p.probe(ctx, addr)
	}
	return nil
}

// probe asks one listening port of the target for what it serves.
func (p *plan) probe(ctx context.Context, addr netip.AddrPort) {
	host := addr.Addr()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	base := "http://" + netip.AddrPortFrom(host, addr.Port()).String()
	cl, err := newClient(base, p.HTTP)
	if err != nil {
		return
	}
	pprof, metrics, expvar := probeEndpoints(ctx, cl, p.c)
	if pprof && !p.pprof {
		p.client, p.pprof, p.c.Target.URL = cl, true, base
		p.c.AddDiscovery("profiles", base+cl.pprof, "it answers like net/http/pprof")
	}
	if p.client == nil && (metrics || expvar) {
		p.client, p.c.Target.URL = cl, base
	}
	p.addEndpoints(cl, metrics, expvar)
}

func (p *plan) addEndpoints(cl *client, metrics, expvar bool) {
	add := func(path, how string) {
		u := cl.root
		u.Path = path
		if cl.socket != "" {
			p.Metrics = append(p.Metrics, path) // relative to the client's own socket
		} else {
			p.Metrics = append(p.Metrics, u.String())
		}
		p.c.AddDiscovery("metrics", cl.name(&cl.root)+path, how)
	}
	if metrics {
		add(cl.metricsPath(), "it answers in the Prometheus text format")
	} else if expvar { // the same process's numbers twice would count twice
		add(cl.expvarPath(), "it answers like expvar")
	}
}

// found takes over what discovery knows of a local target.
func (p *plan) found(f found) {
	if f.PID == 0 {
		return
	}
	p.local, p.pid = true, f.PID
	for _, b := range f.Brokers {
		switch {
		case b.Kind == "nats" && p.NATS.URL == "":
			p.NATS.URL = "nats://" + b.Addr.String()
		case b.Kind == "redis" && p.Redis.URL == "":
			p.Redis.URL = "redis://" + b.Addr.String()
		case b.Kind == "postgres" && p.Postgres.DSN == "":
			p.foundPostgres(b)
		}
	}
}

// foundPostgres takes over a server that the target is connected to. Unlike the
// others it lets nobody look who does not say who he is.
func (p *plan) foundPostgres(b broker) {
	o, err := foundPostgres(b.Addr, p.pid)
	if err != nil {
		p.c.gap("postgres", err)
		return
	}
	p.Postgres = o
}

// machineSources lists what is to be gathered of this machine, if the target is
// on it.
func (p *plan) machineSources() []Source {
	if !p.local {
		return nil
	}
	return []Source{hostSource(interval), processSource(interval), supervisorSource()}
}

// sources lists what is to be gathered of the target itself.
func (p *plan) sources() []Source {
	var list []Source
	if p.pid != 0 {
		list = append(list, cgroupSource(p.pid, interval), ioSource(p.pid, interval), stallSource(p.pid), peersSource(p.pid), connectionSource(p.pid), buildSource(p.pid))
	}
	if p.pprof {
		list = append(list, cpuSource(p.client, ""), goroutineSource(p.client))
	}
	for _, url := range p.Metrics {
		if cl := p.metricsClient(url); cl != nil {
			list = append(list, metricsSource(cl, url, interval))
		}
	}
	if p.NATS.URL != "" {
		list = append(list, jetStreamSource(p.NATS, interval))
	}
	if p.Redis.URL != "" {
		list = append(list, redisSource(p.Redis, interval))
	}
	if p.Postgres.DSN != "" {
		list = append(list, postgresSource(p.Postgres))
	}
	return list
}

// metricsClient is the target's own client; a target without one that was
// given --metrics gets one from that URL.
func (p *plan) metricsClient(url string) *client {
	if p.client != nil {
		return p.client
	}
	cl, err := newClient(url, p.HTTP)
	if err != nil {
		p.c.gap("counters", err)
		return nil
	}
	return cl
}

// gather runs sources and shows how far the window has come.
func (p *plan) gather(ctx context.Context, sources []Source) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		gatherAll(ctx, sources, p.c)
	}()
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		elapsed := min(time.Since(p.c.Window.Start), p.Window)
		p.Progress("observing "+p.c.Target.Name, elapsed, p.Window)
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

// spent notes what all of this cost, since used.
func (c *Capture) spent(used usage) {
	total := selfUsage()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Self.CPU = total.cpu - used.cpu
	c.Self.MaxRSS = total.maxRSS
}

// usage is the CPU seconds and the peak memory, in bytes, of busywork itself.
type usage struct {
	cpu    float64
	maxRSS uint64
}

// isUnreachable says that nobody answers, as opposed to answering with a
// refusal.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.status == 0 && !e.temporary
}

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
