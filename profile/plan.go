package profile

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// plan is what a target has turned out to be, and so what to gather of it.
type plan struct {
	Options
	c       *Capture  // what was found out, and what it cost; no samples
	client  *client   // nil if the target serves nothing over HTTP
	clients []*client // all that were made, those of ports that serve nothing too
	pprof   bool
	local   bool
	process ProcessKey // the target's; zero if there is none here
	scrapes []scrape   // where its metrics are
	silent  error      // the target takes requests and does not answer them; nil if it does

	// standing is evidence that does not change while the plan holds. It is
	// gathered inside the first window, and nil before.
	standing *Capture
}

// A scrape is an endpoint of metrics, and the client to ask it with.
type scrape struct {
	client *client
	url    string
}

// newPlan finds out what there is to gather of a target.
func newPlan(ctx context.Context, o Options) (*plan, error) {
	if o.Progress == nil {
		o.Progress = func(string, time.Duration, time.Duration) {}
	}
	o.Metrics = slices.Clip(o.Metrics) // other plans, made at the same time, have the same ones
	p := &plan{Options: o, c: new(Capture)}
	if err := p.resolve(ctx); err != nil {
		p.close()
		return nil, err
	}
	if !p.local {
		p.c.AddGap("host", "the target is on another machine", "run busywork there")
	}
	for _, url := range p.Metrics {
		if cl := p.metricsClient(url); cl != nil {
			p.scrapes = append(p.scrapes, scrape{cl, url})
		}
	}
	return p, nil
}

// newPlans finds out what there is to gather of several targets. Plans, nil
// where there is an error, are in the order of the targets.
func newPlans(ctx context.Context, list []Options) ([]*plan, []error) {
	plans, errs := make([]*plan, len(list)), make([]error, len(list))
	forEach(len(list), func(i int) { plans[i], errs[i] = newPlan(ctx, list[i]) })
	return plans, errs
}

// begin makes the Capture of one window, which holds what was found out. What
// finding it out cost is in the first one.
func (p *plan) begin(w Window) *Capture {
	c := &Capture{Target: p.c.Target, Window: w, Self: p.c.Self}
	c.Discoveries, c.Gaps = slices.Clone(p.c.Discoveries), slices.Clone(p.c.Gaps)
	p.c.Self = SelfCost{}
	return c
}

// newClient makes a client that is closed with the plan.
func (p *plan) newClient(base string) (*client, error) {
	cl, err := newClient(base, p.HTTP)
	if err != nil {
		return nil, err
	}
	cl.grace = p.spend().grace
	p.clients = append(p.clients, cl)
	return cl, nil
}

// close ends the connections to the target that are kept for the next request.
func (p *plan) close() {
	for _, cl := range p.clients {
		cl.http.CloseIdleConnections()
	}
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
	p.c.Target.Local, p.c.Target.PID = p.local, p.process.PID
	return err
}

// resolveURL: a URL that nobody answers at is an error; one whose process
// cannot be found leaves the host's evidence out, or unconnected, and says so. A
// target that is stuck is observed as far as that goes without it.
func (p *plan) resolveURL(ctx context.Context) error {
	cl, err := p.newClient(p.Target)
	if err != nil {
		return err
	}
	p.client, p.pprof = cl, true
	p.c.Target.Name, p.c.Target.URL = cl.name(&cl.root), cl.name(&cl.root)
	metrics, expvar, err := p.ask(ctx, cl)
	if isUnreachable(err) {
		return err
	}
	p.addEndpoints(cl, metrics, expvar)
	f, notFound := discoverURL(ctx, p.c, p.Target)
	if notFound != nil {
		p.c.gap("processes", notFound)
	}
	if p.found(f); p.process.PID != 0 {
		p.c.Target.Name = f.Name
	}
	if isSilence(err) && p.spend().again {
		if p.process.PID == 0 {
			return err
		}
		p.pprof = false
		p.withoutAnswers(err)
	}
	return nil
}

// ask says what the target serves beside profiles. The error is that of asking
// for its index of profiles, which it need not serve.
func (p *plan) ask(ctx context.Context, cl *client) (metrics, expvar bool, err error) {
	var wg sync.WaitGroup
	wg.Go(func() { metrics, expvar = probeMetrics(ctx, cl, p.c) })
	bounded, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err = cl.peek(bounded, p.c, cl.pprof, "", probeBytes)
	wg.Wait()
	return metrics, expvar, err
}

// withoutAnswers goes on with what can be seen of a target that is stuck.
func (p *plan) withoutAnswers(why error) {
	p.silent = why
	p.c.gap("cpu-profile", why)
	p.c.gap("goroutines", why)
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
	p.probe(ctx, f.Listens)
	return nil
}

// probe asks all listening ports of the target for what they serve, at once.
func (p *plan) probe(ctx context.Context, listens []netip.AddrPort) {
	var clients []*client
	for _, addr := range listens {
		if cl, err := p.newClient(baseOf(addr)); err == nil {
			clients = append(clients, cl)
		}
	}
	found := make([]endpoints, len(clients))
	forEach(len(clients), func(i int) { found[i] = probeEndpoints(ctx, clients[i], p.c) })
	var silence error
	for i, e := range found {
		cl := clients[i]
		base := cl.name(&cl.root)
		if e.pprof && !p.pprof {
			p.client, p.pprof, p.c.Target.URL = cl, true, base
			p.c.AddDiscovery("profiles", base+cl.pprof, "it answers like net/http/pprof")
		}
		if p.client == nil && (e.metrics || e.expvar) {
			p.client, p.c.Target.URL = cl, base
		}
		if silence == nil {
			silence = e.silence
		}
		p.addEndpoints(cl, e.metrics, e.expvar)
	}
	if !p.pprof && silence != nil {
		p.withoutAnswers(silence)
	}
}

// baseOf is the URL of a listener.
func baseOf(addr netip.AddrPort) string {
	host := addr.Addr()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + netip.AddrPortFrom(host, addr.Port()).String()
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
	p.local, p.process = true, f.ProcessKey
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
	o, err := foundPostgres(b.Addr, p.process.PID)
	if err != nil {
		p.c.gap("postgres", err)
		return
	}
	p.Postgres = o
}

// spend is what observing may cost.
func (p *plan) spend() budget { return cmp.Or(p.budget, observing()) }

// sources lists what is to be gathered of the target itself, in each window.
func (p *plan) sources() []Source {
	var list []Source
	b := p.spend()
	if pid := p.process.PID; pid != 0 {
		list = append(list, cgroupSource(pid, interval), ioSource(pid, interval), stallSource(pid, b.share), connectionSource(pid, b.share))
	}
	if p.pprof {
		list = append(list, cpuSource(p.client, ""), goroutineSource(p.client, b.goroutines))
	}
	for _, s := range p.scrapes {
		list = append(list, metricsSource(s.client, s.url, interval))
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

// standingSources lists what need not be gathered again while the plan holds:
// how the program was built, and whom it works with.
func (p *plan) standingSources() []Source {
	if p.process.PID == 0 {
		return nil
	}
	return []Source{peersSource(p.process.PID), buildSource(p.process.PID)}
}

// metricsClient is the target's own client; a target without one that was
// given --metrics gets one from that URL.
func (p *plan) metricsClient(url string) *client {
	if p.client != nil {
		return p.client
	}
	cl, err := p.newClient(url)
	if err != nil {
		p.c.gap("counters", err)
		return nil
	}
	return cl
}

// isUnreachable says that nobody answers, as opposed to answering with a
// refusal.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.status == 0 && !e.temporary
}
