package profile

// The Add methods append one piece of evidence, in memory and, where the
// Capture is being written as it grows, on disk. They may be called from
// several sources at once.

func (c *Capture) AddProfile(p CPUProfile)         { add(c, &c.Profiles, kindProfile, p) }
func (c *Capture) AddGoroutines(s GoroutineSample) { add(c, &c.Goroutines, kindGoroutines, s) }
func (c *Capture) AddHost(s HostSample)            { add(c, &c.Host, kindHost, s) }
func (c *Capture) AddCgroup(s CgroupSample)        { add(c, &c.Cgroups, kindCgroup, s) }
func (c *Capture) AddIdentity(p ProcessIdentity)   { add(c, &c.Identities, kindIdentity, p) }
func (c *Capture) AddProcesses(s ProcessSample)    { add(c, &c.Processes, kindProcesses, s) }
func (c *Capture) AddBirth(b Birth)                { add(c, &c.Births, kindBirth, b) }
func (c *Capture) AddSupervisor(s Supervisor)      { add(c, &c.Supervisors, kindSupervisor, s) }
func (c *Capture) AddCounters(s CounterSample)     { add(c, &c.Counters, kindCounters, s) }
func (c *Capture) AddJetStream(s JetStreamSample)  { add(c, &c.JetStream, kindJetStream, s) }
func (c *Capture) AddRedis(s RedisSample)          { add(c, &c.Redis, kindRedis, s) }
func (c *Capture) AddPostgres(s PostgresSample)    { add(c, &c.Postgres, kindPostgres, s) }
func (c *Capture) AddIO(s IOSample)                { add(c, &c.IO, kindIO, s) }
func (c *Capture) AddStall(s StallSample)          { add(c, &c.Stalls, kindStall, s) }
func (c *Capture) AddPeer(p Peer)                  { add(c, &c.Peers, kindPeer, p) }
func (c *Capture) AddConnections(k Connections)    { add(c, &c.Connections, kindConnections, k) }
func (c *Capture) AddBuild(b Build)                { add(c, &c.Builds, kindBuild, b) }
func (c *Capture) AddCalibration(k Calibration)    { add(c, &c.Calibrations, kindCalibration, k) }
func (c *Capture) AddDiscovery(what, is, how string) {
	add(c, &c.Discoveries, kindDiscovery, Discovery{What: what, Is: is, How: how})
}
func (c *Capture) AddGap(signal, reason, hint string) {
	add(c, &c.Gaps, kindGap, Gap{Signal: signal, Reason: reason, Hint: hint})
}

// CountTargetRequest notes that the target was asked something.
func (c *Capture) CountTargetRequest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Self.TargetRequests++
}

// CountBrokerRequests notes that a broker was asked n things.
func (c *Capture) CountBrokerRequests(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Self.BrokerRequests += n
}

func add[T any](c *Capture, to *[]T, kind string, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*to = append(*to, v)
	if c.sink != nil {
		c.sink.append(kind, v)
	}
}
