package analyze

import (
	"fmt"
	"net/netip"
)

// HandshakePerJob finds clients that make a new TLS connection for each job, to
// the same few servers.
//
// A profile shows what handshakes cost, and nothing of whom they are made with.
// But a crawler, a scanner or a sender of webhooks shakes hands for each job
// because each job is about another server, and nothing can be saved there. So
// the profile alone gives a suspicion at most, and the second witness is the
// kernel: it counts the connections that are made, and now and then a look shows
// where the short-lived ones lead. As many as there are jobs, to a few endpoints
// again and again, is a connection that was not kept.
//
// Handshakes that others begin are not counted: a server has as many clients as
// come.
var HandshakePerJob = Rule{
	Name:  "handshake-per-job",
	Title: "A TLS handshake for each job, with the same servers",
	Doc: `What it is: a client is made for each job (an http.Client with a Transport of its
own, tls.Dial, smtp.SendMail), or its connections cannot be used again: the body of
an answer is not read to its end and closed, DisableKeepAlives is set, fewer idle
connections are kept than jobs run at a time (MaxIdleConnsPerHost is 2 unless set).

What it costs: 0.4 to 1 ms of CPU on either side for each handshake, two or three
round trips of waiting, and often a local port that stays blocked for a minute: at
470 a second to one server there are none left.

How to fix it: make one client when the service starts and share it; read answers
to their end and close them; set MaxIdleConnsPerHost to the number of jobs at a
time. Where a connection must be made anew, let sessions resume
(ClientSessionCache).

When this rule is wrong: each job is about another server, as in a crawler. It
then accuses only where the kernel shows the same endpoints again and again: a
proxy or a balancer in between may be all that it sees.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.05, "of the target's CPU", "below 5 % connections are renewed now and then, as balancers ask their clients to"},
		{"samples", 25, "samples", "fewer may be one burst: a deployment on the other side"},
		{"per-job", 0.5, "connections a job", "a pool that replaces its connections stays far below one for two jobs"},
		{"seen", 6, "short-lived connections seen", "fewer do not tell where they lead"},
		{"repeated", 4, "of them to one endpoint", "a crawler comes back to a site, but does not have it open at every fifth look"},
		{"same", 0.80, "of those seen", "this much must lead to endpoints met again and again: then it is not the job to meet new ones"},
	},
	Check: checkHandshakePerJob,
}

// shakesHands says whether a group makes a connection as a client: the handshake
// itself, and the dial below it.
func shakesHands(g *Group) bool {
	return g.Ops&setOf(OpTLSHandshake, OpDial) != 0 && !g.Marks.has(MarkAccept)
}

func checkHandshakePerJob(p *Pass) {
	hands := p.charge(func(g *Group) bool { return g.Ops.has(OpTLSHandshake) && shakesHands(g) })
	if hands.seconds < p.Limit("samples")*p.CPU.weight || hands.share.Value < p.Limit("share") {
		p.Clean("handshakes as a client take %s of the target's CPU", Percent(hands.share.Value))
		return
	}
	all := p.charge(shakesHands)
	at := p.connects()
	f := Finding{
		Subject:    "TLS handshakes",
		Message:    fmt.Sprintf("%s of the target's CPU, %.2f cores, makes TLS connections as a client.", Percent(all.share.Value), all.cores.Value),
		Confidence: Suspected,
		Waste:      wasteOf(all.cores),
		Location:   at,
		Evidence: []Evidence{
			{What: "TLS handshakes as a client", Value: hands.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
			{What: "dialling, with the handshakes", Value: all.cores.Value, Unit: "cores", Source: "CPU profile"},
		},
		Fix: "If jobs are about the same servers, make one client when the service starts and let all jobs share it; read answers to their end and close them; keep as many idle connections to a server as jobs run at a time (MaxIdleConnsPerHost).",
		RefutedBy: []string{
			"each job is about another server",
			"the connections are another process's in the same network namespace",
		},
		cpu: shakesHands,
	}
	if at.Function != "" {
		f.Subject = short(at.Function)
	}
	if p.weighHandshakes(&f, all) {
		p.Report(f)
	}
}

// connects is the own function that asks for connections. Most clients dial on
// goroutines of their own, which do not show who asked; then it is the one that
// calls the client.
func (p *Pass) connects() Location {
	own := func(g *Group) bool { return shakesHands(g) && len(g.Chain) > 0 }
	if p.CPU.where(own) >= 0.5*p.CPU.where(shakesHands) {
		return p.CPU.accused(own)
	}
	return p.CPU.accused(func(g *Group) bool { return len(g.Chain) > 0 && (g.Op == OpHTTPClient || g.Op == OpRPC) })
}

// weighHandshakes holds the jobs and the kernel's memory of connections against
// the suspicion; it is false where they refute it.
func (p *Pass) weighHandshakes(f *Finding, all charge) bool {
	if p.Done == nil {
		f.Settles = "how many jobs were done in the window (--metrics URL, or --nats URL), and where the connections led: run busywork on the service's machine"
		return true
	}
	jobs := p.Done.PerSecond.Value
	f.Evidence = append(f.Evidence, Evidence{What: "making connections, for each job", Value: 1e6 * all.cores.Value / jobs, Unit: "µs", Source: "CPU profile, against " + p.Done.Source})
	u := p.connectionUse()
	if u.seen < p.Limit("seen") {
		f.Settles = "where the connections led, and how many there were: run busywork on the service's machine, as its user or root; for longer (--seconds) if few were seen"
		return true
	}
	perJob := u.made / jobs
	f.Evidence = append(f.Evidence,
		Evidence{What: "connections for each job", Value: perJob, Unit: "1", Limit: limit(p.Limit("per-job")), Source: "ActiveOpens in /proc/net/snmp, of the network namespace"},
		Evidence{What: "short-lived connections seen", Value: u.seen, Unit: "1", Limit: limit(p.Limit("seen")), Source: "/proc/net/tcp, at some looks"},
		Evidence{What: "of them to endpoints met again and again", Value: u.again / u.seen, Unit: "fraction", Limit: limit(p.Limit("same")), Source: "/proc/net/tcp, at some looks"})
	switch {
	case perJob < p.Limit("per-job"):
		p.Clean("%.2f connections for each job", perJob)
		return false
	case u.again < p.Limit("same")*u.seen:
		p.Clean("%.2f connections for each job, but %s of those seen lead to endpoints that are hardly met twice: it is the job to connect",
			perJob, Percent(1-u.again/u.seen))
		return false
	}
	f.Confidence = Inferred
	f.Message = fmt.Sprintf("%.1f connections are made for each of %.0f jobs a second, %s of those seen to %s; making them takes %s of the target's CPU, %.2f cores.",
		perJob, jobs, Percent(u.again/u.seen), u.busiest(), Percent(all.share.Value), all.cores.Value)
	if p.Host != nil && u.here() {
		f.Message += " The servers are on this machine, and have their half of it as well."
		f.Prediction = predict(p.Host, sum(all.cores, product(all.cores, serverSide)))
	}
	return true
}

// serverSide is what a handshake costs the server beside what it and the dial
// cost the client: a signature, which is dearest with RSA. In the fixture it
// was about as much.
var serverSide = Interval{1, 0.3, 2}

// connectionUse is what the kernel says of connections made from here.
type connectionUse struct {
	made      float64 // a second
	seen      float64 // short-lived ones that were seen
	again     float64 // of them, to endpoints met so often that it is no accident
	endpoints int     // how many such there are
	most      string  // the one of them met most
}

func (p *Pass) connectionUse() connectionUse {
	var u connectionUse
	for _, k := range p.Capture.Connections {
		if k.Seconds > 0 {
			u.made = float64(k.Made) / k.Seconds
		}
		for _, r := range k.Remotes { // most first
			u.seen += float64(r.Brief)
			if r.Addr == "" || float64(r.Brief) < p.Limit("repeated") {
				continue
			}
			u.again += float64(r.Brief)
			if u.endpoints++; u.endpoints == 1 {
				u.most = r.Addr
			}
		}
	}
	return u
}

// here says whether most of them lead to this machine.
func (u *connectionUse) here() bool {
	addr, err := netip.ParseAddrPort(u.most)
	return err == nil && addr.Addr().IsLoopback()
}

func (u *connectionUse) busiest() string {
	if u.endpoints == 1 {
		return u.most
	}
	return fmt.Sprintf("%d endpoints, most to %s", u.endpoints, u.most)
}
