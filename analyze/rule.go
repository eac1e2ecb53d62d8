package analyze

import "fmt"

// A Signal is one kind of evidence. Signals form a set.
type Signal uint16

// The signals a rule may need.
const (
	SignalCPU Signal = 1 << iota // a CPU profile with samples enough
	SignalHost
	SignalProcesses
	SignalCounters
	SignalJetStream
	SignalRedis
	SignalGoroutines
	SignalQueues      // any queue whose depth is known
	SignalCompletions // how many jobs were brought to their end
	SignalPostgres
	SignalIO     // what the target read and wrote, by the kernel's account
	SignalCgroup // the target's control group
	SignalBuild  // how the target was built
)

var signalNames = []struct {
	signal Signal
	name   string
	how    string
}{
	{SignalCPU, "cpu-profile", "a base URL that serves /debug/pprof/, or a pprof file"},
	{SignalHost, "host", "run busywork on the target's machine"},
	{SignalProcesses, "processes", "run busywork on the target's machine"},
	{SignalCounters, "counters", "--metrics URL"},
	{SignalJetStream, "jetstream", "--nats URL --stream NAME"},
	{SignalRedis, "redis", "--redis URL --queue KEY"},
	{SignalGoroutines, "goroutines", "a base URL that serves /debug/pprof/"},
	{SignalQueues, "queues", "--nats URL, or --redis URL --queue KEY"},
	{SignalCompletions, "completions", "a counter of jobs done (--metrics URL), or the broker (--nats URL)"},
	{SignalPostgres, "postgres", "--postgres DSN"},
	{SignalIO, "io", "run busywork on the target's machine, as its user or root"},
	{SignalCgroup, "cgroup", "run busywork on the target's machine"},
	{SignalBuild, "build", "run busywork on the target's machine; a Go program"},
}

// Signals say what a rule cannot do without: all of All, and one of Any unless
// Any is empty.
type Signals struct {
	All, Any Signal
}

// String lists the signals for people: "cpu-profile, and counters or redis".
func (s Signals) String() string {
	text := s.missing(0)
	if text == "" {
		return "none"
	}
	return text
}

// A Limit is a threshold of a rule.
type Limit struct {
	Key     string
	Default float64
	Unit    string
	Why     string // why this number
}

// A Rule finds one kind of wasted work.
type Rule struct {
	Name   string  // "refused-work": stable for ever; also its documentation anchor and SARIF id
	Title  string  // one line
	Doc    string  // what it is, what it costs, how to fix it, when this rule is wrong
	Needs  Signals // the engine skips a rule whose signals are missing; the rule never checks
	Limits []Limit
	// Explains are rules whose findings are consequences of what this one finds:
	// they are shown as kin beneath it, and not beside it.
	Explains []string
	Check    func(*Pass)
}

// A Pass is one run of one rule over one set of facts.
type Pass struct {
	*Facts
	Rule   *Rule
	limits map[string]float64
	found  []Finding
	clean  string
	blind  string
}

// Limit is the value of a threshold: as set by the user, else its default. A
// key that the rule does not declare is a bug in the rule.
func (p *Pass) Limit(key string) float64 {
	if v, ok := p.limits[key]; ok {
		return v
	}
	for _, l := range p.Rule.Limits {
		if l.Key == key {
			return l.Default
		}
	}
	panic(fmt.Sprintf("%s declares no limit %q", p.Rule.Name, key))
}

// Report adds a finding. The engine fills in what follows from the facts.
func (p *Pass) Report(f Finding) { p.found = append(p.found, f) }

// Clean says, for the table of rules, by what figure the rule did not fire.
func (p *Pass) Clean(format string, args ...any) { p.clean = fmt.Sprintf(format, args...) }

// Blind says that there was too little to look at: the rule has then not found that
// nothing is there.
func (p *Pass) Blind(format string, args ...any) { p.blind = fmt.Sprintf(format, args...) }

// Severity is how much a finding matters.
type Severity uint8

const (
	SeverityNone Severity = iota
	SeverityLow
	SeverityMedium
	SeverityHigh
)

var severityNames = []string{"none", "low", "medium", "high"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText gives the word of the JSON contract.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads "low", "medium" or "high".
func ParseSeverity(s string) (Severity, error) {
	for i, n := range severityNames[1:] {
		if s == n {
			return Severity(i + 1), nil
		}
	}
	return SeverityNone, fmt.Errorf("%q is not a severity: low, medium or high", s)
}

// From how large a share of the host a waste is of which severity. Four times
// lower and it is smaller than what a change of load does in an hour.
const (
	highShare   = 0.15
	mediumShare = 0.05
)

// severityOf grades a waste by its share of the host's CPUs. What is only
// suspected is never graded above low: a wrong accusation costs more than a
// missed one.
func severityOf(shareOfHost float64, c Confidence) Severity {
	switch {
	case c == Suspected:
		return SeverityLow
	case shareOfHost >= highShare:
		return SeverityHigh
	case shareOfHost >= mediumShare:
		return SeverityMedium
	}
	return SeverityLow
}

// Confidence says what a finding rests on.
type Confidence string

const (
	// Measured: the outcome of the work was counted.
	Measured Confidence = "measured"
	// Inferred: two independent signals agree.
	Inferred Confidence = "inferred"
	// Suspected: one signal only; the finding says which second one settles it.
	Suspected Confidence = "suspected"
)

// A SignalState says whether one signal was seen, and if not how to get it.
type SignalState struct {
	Name string
	Seen bool
	Note string // what was seen of it
	How  string // why it is missing, and how to get it
}

// SignalStates lists every signal that rules may need.
func SignalStates(f *Facts) []SignalState {
	notes := map[Signal]string{
		SignalCounters:   fmt.Sprintf("%d series", len(f.Series)),
		SignalGoroutines: fmt.Sprintf("%d samples", len(f.Capture.Goroutines)),
		SignalHost:       f.Verdict.Sentence,
	}
	if f.CPU != nil {
		notes[SignalCPU] = fmt.Sprintf("%.0f samples", f.CPU.Samples)
	}
	if f.Postgres != nil {
		notes[SignalPostgres] = fmt.Sprintf("database %s, %d statements in use", f.Postgres.Database, len(f.Postgres.Statements))
	}
	if f.Processes != nil {
		notes[SignalProcesses] = fmt.Sprintf("%d processes", len(f.Processes.List))
	}
	var list []SignalState
	for _, n := range signalNames {
		s := SignalState{Name: n.name, Seen: f.have&n.signal != 0, Note: notes[n.signal], How: n.how}
		for _, g := range f.Gaps {
			if g.Signal == n.name {
				s.How = g.Reason
				if g.Hint != "" {
					s.How += " → " + g.Hint
				}
			}
		}
		list = append(list, s)
	}
	return list
}
