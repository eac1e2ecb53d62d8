package analyze

import (
	"fmt"
	"math"
)

// ReconnectPerJob finds services that connect anew for every job.
//
// Both ends say so without being asked: Redis counts the connections that it
// ever received, PostgreSQL its sessions, and neither needs the service's help.
// One connection a job is not a pool that grows or a deployment; but it may be
// somebody else's: a server has many clients, and a web tier that connects for
// each request does so as often as jobs come. So the count accuses the target
// only if the target itself shows it: dials in its profile, or copies of itself
// that it forks and whose connections cannot be their parent's.
//
// A fork for each job is a cause of this, and then the one to mend.
var ReconnectPerJob = Rule{
	Name:  "reconnect-per-job",
	Title: "A new connection for each job",
	Doc: `What it is: the service connects to Redis, PostgreSQL or another service for each
job and hangs up afterwards: a client made inside the handler, a pool that keeps
nothing idle, a child that is forked for the job and must connect for itself.

What it costs: 0.1 to 0.5 ms of CPU at both ends of a connection to Redis; 2 to
15 ms to PostgreSQL, which forks a process, checks the password by hashing it
thousands of times and fills that process's caches; a round trip or more of
waiting, and as much again for TLS.

How to fix it: make the client once, when the service starts, and share it. Let
the pool keep as many idle connections as are used at a time
(SetMaxIdleConns, MaxIdleConnsPerHost, pgxpool, a PgBouncer for many processes).

When this rule is wrong: when other clients of the same server connect as often
as jobs are done, and this service's few dials are something else.`,
	Needs: Signals{Any: SignalRedis | SignalPostgres | SignalCPU},
	Limits: []Limit{
		{"per-job", 0.5, "connections a job", "a pool that grows or replaces its connections stays far below one for two jobs"},
		{"connections", 20, "in the window", "fewer are a start-up, a deployment, or somebody's console"},
		{"dial-share", 0.02, "of the target's CPU", "who connects for each job shows it: a dial costs 0.07 ms or more, and few jobs cost above 3 ms of CPU besides"},
		{"dial-alone", 0.10, "of the target's CPU", "with no count of connections or jobs, a tenth of all CPU in dialling is still worth a look"},
	},
	Check: checkReconnectPerJob,
}

// newConnections is how many connections one server has received.
type newConnections struct {
	server    string
	perSecond float64
	total     float64
	unit      Interval // CPU seconds of both ends together for one
	source    string
}

// Measured on loopback: a dial and a first command take a Go client 0.07 ms, a
// Python client 0.14 ms more than the command alone, and Redis 0.04 ms; a
// slower machine and a longer greeting make several times that.
var redisConnection = Interval{0.25e-3, 0.1e-3, 0.5e-3}

// A backend is a process of its own, and SCRAM hashes the password 4,096 times
// at each end.
var postgresConnection = Interval{5e-3, 2e-3, 15e-3}

func (f *Facts) newConnections() []newConnections {
	var list []newConnections
	if u := f.Redis; u != nil {
		samples := f.Capture.Redis
		const field = "total_connections_received"
		total := forward(number(samples[0].Info[field]), number(samples[len(samples)-1].Info[field]))
		list = append(list, newConnections{u.Server, total / u.Seconds, total, redisConnection, "Redis " + field})
	}
	if u := f.Postgres; u != nil {
		list = append(list, newConnections{u.Server, u.Sessions, u.Sessions * u.Seconds, postgresConnection, "pg_stat_database sessions"})
	}
	return list
}

// dials says whether a sample is of connecting.
func dials(g *Group) bool { return g.Ops.has(OpDial) }

func checkReconnectPerJob(p *Pass) {
	jobs := p.Done
	share := Interval{}
	if p.CPU != nil && p.CPU.enough() == nil {
		share = p.CPU.share(p.CPU.where(dials))
	}
	forks := p.forksCopies()
	for _, n := range p.newConnections() {
		switch {
		case n.total < p.Limit("connections"):
			p.Clean("%s to %s in the window", plural(n.total, "new connection", "new connections"), n.server)
		case jobs == nil:
			p.Clean("%.1f new connections a second to %s, for a number of jobs that nobody counts", n.perSecond, n.server)
		case n.perSecond < p.Limit("per-job")*jobs.PerSecond.High:
			p.Clean("%.2f new connections to %s for each job", n.perSecond/jobs.PerSecond.Value, n.server)
		case !forks && share.Low < p.Limit("dial-share"):
			p.Clean("%.1f new connections a second to %s, and nothing says that they are this service's", n.perSecond, n.server)
		default:
			p.Report(n.finding(p, jobs, share, forks))
		}
	}
	if len(p.found) == 0 && share.Low >= p.Limit("dial-alone") {
		p.Report(dialling(p, jobs, share))
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("%s of the CPU is dialling", Percent(share.Value))
	}
}

// forksCopies says whether the target's workers fork copies of themselves, none
// of which can use its parent's connection.
func (f *Facts) forksCopies() bool {
	if f.Processes == nil || f.Target == nil {
		return false
	}
	for _, c := range f.crews() {
		if f.works(c) && c.forksItself() && len(c.copies) >= fewestJobs {
			return true
		}
	}
	return false
}

func (n newConnections) finding(p *Pass, jobs *Throughput, share Interval, forks bool) Finding {
	waste := n.unit.Times(n.perSecond)
	f := Finding{
		Subject:    n.server,
		Confidence: Measured,
		Evidence: []Evidence{
			{What: "new connections for each job", Value: n.perSecond / jobs.PerSecond.Value, Unit: "1", Limit: limit(p.Limit("per-job")), Source: n.source},
			{What: "new connections", Value: n.perSecond, Unit: "1/s", Source: n.source},
			{What: jobs.What, Value: jobs.PerSecond.Value, Unit: "1/s", Source: jobs.Source},
		},
		Fix: "Make the client once, when the service starts, and share it among the jobs; let its pool keep as many idle connections as jobs run at a time.",
		RefutedBy: []string{
			"the server's other clients connect as often with this service stopped",
			"the connections stay as many when the service's pool keeps its own",
		},
	}
	whose := "the workers fork a child for each job, which must connect for itself"
	if !forks {
		whose = fmt.Sprintf("%s of this service's CPU is dialling", Percent(share.Value))
		f.Evidence = append(f.Evidence, Evidence{What: "CPU of dialling", Value: share.Value, Unit: "of the target's CPU", Limit: limit(p.Limit("dial-share")), Source: "CPU profile"})
		f.Location, f.cpu = p.CPU.accused(dials), dials
		own := p.cores(p.CPU.where(dials))
		waste = Interval{math.Max(waste.Value, own.Value), math.Max(waste.Low, own.Low), math.Max(waste.High, own.High)}
	}
	f.Waste = wasteOf(waste)
	f.Message = fmt.Sprintf("%.1f new connections to %s for each job, %.0f a second: %s. About %.2f cores at both ends.",
		n.perSecond/jobs.PerSecond.Value, n.server, n.perSecond, whose, waste.Value)
	return f
}

// dialling is the suspicion that is left where nobody counts connections.
func dialling(p *Pass, jobs *Throughput, share Interval) Finding {
	own := p.cores(p.CPU.where(dials))
	f := Finding{
		Subject:    "dialling",
		Message:    fmt.Sprintf("%s of the CPU makes new connections: %.2f cores. How many that are nobody counts.", Percent(share.Value), own.Value),
		Confidence: Suspected,
		Waste:      wasteOf(own),
		Location:   p.CPU.accused(dials),
		Evidence:   []Evidence{{What: "CPU of dialling", Value: share.Value, Unit: "of the target's CPU", Limit: limit(p.Limit("dial-alone")), Source: "CPU profile"}},
		Fix:        "Make clients once, when the service starts, and let their pools keep as many idle connections as are used at a time.",
		RefutedBy:  []string{"each connection is to another peer"},
		Settles:    "the count of connections at the other end (--redis URL, --postgres DSN), against the jobs done meanwhile",
		cpu:        dials,
	}
	if jobs != nil {
		f.Message += fmt.Sprintf(" Meanwhile there were %.0f %s a second.", jobs.PerSecond.Value, jobs.What)
	}
	return f
}
