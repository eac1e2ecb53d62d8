package profile

import (
	"sync"
	"time"
)

// Schema names the form of a Capture on disk. A changed or removed field needs
// a new number; an added one does not.
const Schema = "busywork.capture/1"

// A Capture is all evidence about one target over one window, as recorded;
// nothing in it is derived. Samples of one kind are in order of time.
//
// Sources add to it concurrently through the Add methods. Once gathering has
// ended, or when it was loaded from disk, it is read-only and its fields may be
// read freely.
type Capture struct {
	Target       Target
	Window       Window
	Profiles     []CPUProfile
	Goroutines   []GoroutineSample
	Host         []HostSample
	Cgroups      []CgroupSample
	Identities   []ProcessIdentity
	Processes    []ProcessSample
	Births       []Birth
	Supervisors  []Supervisor
	Counters     []CounterSample
	JetStream    []JetStreamSample
	Redis        []RedisSample
	Postgres     []PostgresSample
	IO           []IOSample
	Stalls       []StallSample
	Peers        []Peer
	Connections  []Connections
	Builds       []Build
	Calibrations []Calibration
	Discoveries  []Discovery
	Self         SelfCost
	Gaps         []Gap

	mu   sync.Mutex
	sink *Writer // nil unless the Capture is being written as it grows
}

// A Target is what was asked to be observed.
type Target struct {
	Name string // short name for people: the executable, the host:port, or the file
	URL  string // base URL that serves /debug/pprof/, without user-info; "" if none
	PID  int    // local process, 0 if none or not on this machine
	// Local says that the target runs on the machine that the Host, Process
	// and Calibration evidence is about.
	Local bool
}

// A Window is the span that the evidence covers.
type Window struct {
	Start, End time.Time
}

// Duration is the length of the window.
func (w Window) Duration() time.Duration { return w.End.Sub(w.Start) }

// A CPUProfile is a pprof CPU profile as it came, with the span it covers.
type CPUProfile struct {
	Start, End time.Time
	Source     string // URL without user-info, or file name
	Partial    bool   // the target went away or the window was cut short
	Data       []byte `json:"-"` // the bytes as received, usually gzip; kept in a file of its own
}

// A GoroutineSample is one goroutine profile: where every goroutine of the
// target stood at one moment.
type GoroutineSample struct {
	At   time.Time
	Took time.Duration // how long the target needed to answer
	Data []byte        // gzip-compressed protobuf, as received
}

// CPUTimes are cumulative seconds since boot that one CPU, or all together,
// spent in each mode, as in Linux's /proc/stat. Guest time is contained in
// User and GuestNice in Nice, as the kernel counts it.
type CPUTimes struct {
	User, Nice, System, Idle, IOWait, IRQ, SoftIRQ, Steal float64
}

// A HostSample is the state of the machine at one moment.
type HostSample struct {
	At       time.Time
	CPU      CPUTimes   // all CPUs together
	PerCPU   []CPUTimes `json:",omitempty"`
	BootTime int64      // seconds since the epoch; a change means a reboot
	Load1    float64    // load average of the last minute
	Running  int        // runnable tasks now
	Blocked  int        // tasks waiting for disk now

	ContextSwitches uint64 // since boot
	Forks           uint64 // processes and threads created since boot

	MemTotal, MemAvailable uint64 // bytes
	SwapTotal, SwapFree    uint64 // bytes
	SwapIn, SwapOut        uint64 // pages since boot

	// Pressure stall information by resource ("cpu", "memory", "io"); absent
	// where the kernel has none.
	Pressure map[string]Pressure `json:",omitempty"`
}

// Pressure is cumulative stall time, in seconds since boot, during which some,
// or all, non-idle tasks waited for a resource.
type Pressure struct {
	Some, Full float64
}

// A CgroupSample is the limit and the throttling of the control group that the
// target lives in.
type CgroupSample struct {
	At             time.Time
	Path           string
	Version        int     // 1 or 2
	QuotaCores     float64 // CPU limit in cores, 0 if there is none
	Usage          float64 // CPU seconds used by the group so far
	Periods        uint64  // enforcement periods so far
	Throttled      uint64  // periods in which the group was throttled
	ThrottledFor   float64 // seconds throttled so far
	MemoryMax      uint64  // bytes, 0 if there is no limit
	MemoryCurrent  uint64  // bytes
	MemoryIdle     uint64  // bytes of that which the kernel takes back first: file contents not used lately
	MemoryOOMKills uint64
}

// A ProcessKey tells one process from a later one with the same pid.
type ProcessKey struct {
	PID   int
	Start float64 // seconds after boot at which it was started
}

// A ProcessIdentity is what does not change while a process runs. It is
// recorded once, when the process is first seen or has called exec.
type ProcessIdentity struct {
	ProcessKey
	PPID    int
	Name    string   // the kernel's name, at most 15 bytes
	Command []string `json:",omitempty"` // command line, secrets cut, bounded
	Exe     string   `json:",omitempty"` // path of the executable, "" if not readable
}

// Process is one process's counters at one moment, all cumulative since it
// started.
type Process struct {
	ProcessKey
	User, System           float64 // CPU seconds of the process itself
	ChildUser, ChildSystem float64 // CPU seconds of the children it has reaped, and of theirs
	// Faults are pages that it was given, or had to copy after a fork, without
	// reading a disk; ChildFaults are those of the children it has reaped.
	Faults, ChildFaults uint64 `json:",omitempty"`
	RSS                 uint64 // bytes
	Threads             int
	State               string // the kernel's letter: R, S, D, Z, T, I
}

// A ProcessSample is one sweep over the process table. Only processes that
// changed since the sweep before are listed: one that is neither in Changed nor
// in Gone is as it was.
type ProcessSample struct {
	At      time.Time
	Changed []Process    `json:",omitempty"`
	Gone    []ProcessKey `json:",omitempty"`
	Total   int          // how many processes there were
}

// A Birth is a process that was seen soon after it was started by a parent
// whose children come and go. Polling misses the shortest-lived ones, so
// births are a lower bound; CPU of the dead comes from Process.ChildUser.
type Birth struct {
	At time.Time
	ProcessIdentity
	// CPU seconds of the process when it was last seen, and when that was.
	CPU      float64
	LastSeen time.Time
	// Exited says that it was gone, or a zombie, before the window ended.
	Exited bool
	// ExitCode is known only when the process was caught as a zombie.
	ExitCode *int `json:",omitempty"`
}

// A Supervisor is a process manager that was found running, with what its own
// configuration and log say.
type Supervisor struct {
	ProcessKey
	Kind     string              // "supervisord"
	Config   string              // path of its configuration
	Programs []SupervisedProgram `json:",omitempty"`
	Events   []SupervisorEvent   `json:",omitempty"` // those inside the window
}

// A SupervisedProgram is one section of a supervisor's configuration.
type SupervisedProgram struct {
	Name        string // section name, without "program:"
	Command     string // secrets cut
	AutoRestart string // as written; "" if unset
	StartSecs   string // as written; "" if unset
	LastStderr  string // last line of its error log, secrets cut; "" if not readable
}

// A SupervisorEvent is a line of the supervisor's log about one program.
type SupervisorEvent struct {
	At      time.Time
	Program string
	What    string // "spawned", "exited", "fatal", "backoff"
	PID     int    `json:",omitempty"`
	// ExitCode is set on "exited" when the process was not killed by a signal.
	ExitCode *int   `json:",omitempty"`
	Signal   string `json:",omitempty"`
}

// A CounterSample is one scrape of one metrics endpoint. Only series whose
// value changed since the scrape before are listed.
type CounterSample struct {
	At      time.Time
	Source  string        // URL without user-info
	Took    time.Duration // how long the target needed to answer
	Changed []Series      `json:",omitempty"`
}

// A Series is one time series' value.
type Series struct {
	Name   string            // metric name; for expvar the path of keys joined by "."
	Labels map[string]string `json:",omitempty"`
	Type   string            // "counter", "gauge", "histogram", "summary" or "untyped"
	Value  float64
	// For a histogram or a summary: Value is the number of observations and
	// Sum their total.
	Sum float64 `json:",omitempty"`
}

// A JetStreamSample is the state of the streams and consumers of a NATS
// account that were asked for.
type JetStreamSample struct {
	At        time.Time
	Server    string              // URL without user-info
	Streams   []JetStreamStream   `json:",omitempty"`
	Consumers []JetStreamConsumer `json:",omitempty"`
	// ClientID is the number that the server gave to a connection made at this
	// moment; it numbers all connections in turn, and some of its own parts,
	// consumers among them. Own of these were busywork's until then. Both are
	// known of the first and the last sample only, else 0, and comparable if
	// ServerID is the same.
	ClientID uint64 `json:",omitempty"`
	Own      uint64 `json:",omitempty"`
	ServerID string `json:",omitempty"`
}

// A JetStreamStream is one stream's state.
type JetStreamStream struct {
	Name      string
	Subjects  []string `json:",omitempty"`
	Retention string   // "limits", "interest" or "workqueue"
	Messages  uint64
	Bytes     uint64
	FirstSeq  uint64
	LastSeq   uint64 // messages ever published
	Consumers int
}

// A JetStreamConsumer is one consumer's state. Delivered and acknowledged
// figures are sequence numbers, so their differences count.
type JetStreamConsumer struct {
	Stream, Name    string
	DeliveredStream uint64 // stream sequence of the last message delivered
	Delivered       uint64 // deliveries ever made, redeliveries included
	AckFloorStream  uint64 // all messages up to this one are acknowledged
	AckFloor        uint64
	AckPending      int    // delivered, not yet acknowledged
	Redelivered     int    // messages now outstanding for a second time or more
	Waiting         int    // pull requests waiting
	Pending         uint64 // messages not yet delivered
	MaxAckPending   int
	MaxDeliver      int
	AckWait         time.Duration
	BackOff         []time.Duration `json:",omitempty"` // in place of AckWait, by attempt
	AckPolicy       string
	Push            bool
}

// A RedisSample is what one Redis server said of itself, and the depth of the
// keys that were named.
type RedisSample struct {
	At       time.Time
	Server   string                  // address, without password
	Info     map[string]string       `json:",omitempty"` // an allow-list of INFO's fields
	Commands map[string]RedisCommand `json:",omitempty"` // by lower-case command name
	Keys     []RedisKey              `json:",omitempty"`
}

// A RedisCommand is one command's statistics since the server started.
type RedisCommand struct {
	Calls    uint64
	Micros   uint64 // CPU time in microseconds, of all calls
	Rejected uint64
	Failed   uint64
	// P50 and P99 are microseconds, where the server keeps them; else 0.
	P50, P99 float64 `json:",omitempty"`
}

// A RedisKey is the depth of one key.
type RedisKey struct {
	Key   string
	Type  string // "list", "zset", "stream", "set", "hash" or "none"
	Depth int64
}

// A PostgresSample is what one PostgreSQL server said of itself, of the
// database that was connected to, and of the statements run there. Busywork's
// own connection and statements are left out, but for Own.
type PostgresSample struct {
	At             time.Time
	Server         string // address, without user and password
	Version        string // "15.13"
	Database       string
	MaxConnections int // of the whole server
	Connections    int // of clients to the whole server
	Figures        PostgresFigures
	Activity       []PostgresActivity  `json:",omitempty"` // of clients of this database
	Statements     []PostgresStatement `json:",omitempty"`
	// Counted says that Statements are all that was run since the sample before
	// whose statements were counted: those left out are below the 200 that took
	// the most time. It is false throughout where pg_stat_statements is missing.
	Counted bool
	Own     uint64 // transactions of busywork itself so far, part of Figures.Commits
}

// PostgresFigures is a database's row of pg_stat_database: totals since its
// statistics were reset. Connections hand theirs in once a second while they are
// busy, and ten seconds late when they fall idle.
type PostgresFigures struct {
	Backends                              int    // connections now
	Sessions                              uint64 // connections ever made; 0 before version 14
	Commits                               uint64 // transactions
	Rollbacks                             uint64
	Deadlocks                             uint64
	BlocksRead, BlocksHit                 uint64 // read from disk, or its cache; found in the server's own buffers
	Returned, Fetched                     uint64 // rows scanned, and rows fetched by index scans
	Inserted, Updated, Deleted            uint64 // rows
	TempBytes                             uint64
	BlockReadMillis, BlockWriteMillis     float64 // 0 unless track_io_timing is on
	ActiveMillis, IdleInTransactionMillis float64 // of all sessions; 0 before version 14
	StatsReset                            string  // when, as the server writes it; a change means that all began again
}

// PostgresActivity counts the clients of a database that are in one state.
type PostgresActivity struct {
	State string // "active", "idle", "idle in transaction" …; "" if the user may not see it
	Wait  string // wait_event_type: "Lock", "IO", "Client" …; "" if not waiting
	Count int
}

// A PostgresStatement is what one statement has added since the sample before.
// Statements are told apart by what they are with their constants taken out.
type PostgresStatement struct {
	ID         int64  // pg_stat_statements.queryid
	Text       string `json:",omitempty"` // bounded, without literals and secrets; only where the capture names the statement for the first time
	Calls      uint64
	Rows       uint64  // returned or affected
	ExecMillis float64 // executing, waits included
	PlanMillis float64 // planning; 0 unless track_planning is on
}

// An IOSample is what the kernel has counted of the target process's input and
// output since it started, and how many files it has open.
type IOSample struct {
	At time.Time
	ProcessKey
	ReadCalls, WriteCalls     uint64 // system calls that read and write, sockets and pipes included
	ReadBytes, WriteBytes     uint64 // by these calls
	StorageRead, StorageWrite uint64 // bytes that storage was asked for, or will be
	OpenFiles                 int    // descriptors; -1 if unknown
}

// Connections are what was seen of connections being made in the window.
type Connections struct {
	At      time.Time
	Seconds float64 // from At
	// Made is how many were begun by all processes of the target's network
	// namespace, counted by the kernel.
	Made    uint64
	Remotes []Remote `json:",omitempty"` // where those of the target led, most brief ones first
}

// A Remote is an endpoint that the target has connected to. An empty Addr stands
// for all those that were seen less often, together.
type Remote struct {
	Addr  string // "10.0.0.7:443"
	Brief int    // connections that were open at one look only
	Kept  int    // and at several
}

// A Build is what is known of how a Go program was built.
type Build struct {
	PID       int    // 0 when it came from a profile
	Path      string // of the executable
	GoVersion string
	Main      string            // path of the main module
	Package   string            // path of the main package
	Deps      map[string]string `json:",omitempty"` // module path → version
	Settings  map[string]string `json:",omitempty"` // GOAMD64, -pgo, CGO_ENABLED …
	// Environment is what the process was started with of GOGC, GOMEMLIMIT,
	// GOMAXPROCS and GODEBUG, nothing else; nil if it may not be read, empty if
	// none is set.
	Environment map[string]string
}

// A Calibration is the CPU time of one operation, measured on this machine at
// the end of the window, while the target was still at work; in a watch, at the
// end of this window or of one shortly before.
type Calibration struct {
	At         time.Time
	Operation  string   // "rsa-2048-sign"
	Functions  []string // the cost of one call to any of these is one unit
	Markers    []string // functions that tell this size from others; any below Functions
	Unit       float64  // CPU seconds of one operation, the median of several batches
	Low, High  float64  // fastest and slowest batch
	Operations int
	GoVersion  string
}

// A Discovery says what was found out about the target, and how.
type Discovery struct {
	What string // "pid", "metrics", "broker" …
	Is   string // what was found
	How  string // in words
}

// SelfCost is what observing cost.
type SelfCost struct {
	CPU            float64 // CPU seconds of busywork itself inside the window, calibration included
	Calibration    float64 // CPU seconds of that which calibration took
	MaxRSS         uint64  // bytes
	TargetRequests int     // HTTP requests to the target
	BrokerRequests int     // requests to NATS, commands to Redis, statements to PostgreSQL
}

// A Gap is a signal that could not be had, and why.
type Gap struct {
	Signal string // "cpu-profile", "host", "processes", "counters", "jetstream" …
	Reason string // one line
	Hint   string `json:",omitempty"` // how to get it
}

// lastSample is the time of the latest sample of any kind, zero if there is
// none.
func (c *Capture) lastSample() time.Time {
	var last time.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, p := range c.Profiles {
		later(p.End)
	}
	for _, s := range c.Goroutines {
		later(s.At)
	}
	for _, s := range c.Host {
		later(s.At)
	}
	for _, s := range c.Processes {
		later(s.At)
	}
	for _, s := range c.Counters {
		later(s.At)
	}
	for _, s := range c.JetStream {
		later(s.At)
	}
	for _, s := range c.Redis {
		later(s.At)
	}
	for _, s := range c.Postgres {
		later(s.At)
	}
	for _, s := range c.IO {
		later(s.At)
	}
	for _, s := range c.Stalls {
		later(s.At)
	}
	return last
}
