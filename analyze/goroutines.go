package analyze

import (
	"cmp"
	"slices"
	"strings"

	"busywork/profile"
	"busywork/profile/stacks"
)

// A Wait is what a goroutine waits for.
type Wait uint8

const (
	WaitNone    Wait = iota // it runs, or could
	WaitNetwork             // an answer, or a peer that reads
	WaitLock                // a mutex
	WaitSelect              // one of several channels
	WaitReceive             // a value from a channel
	WaitSend                // room in a channel
	WaitSleep               // time to pass
	WaitSyscall             // the kernel
	WaitCond                // a condition variable
	WaitGroup               // other goroutines to end
	WaitPool                // a connection or a permit out of a bounded number
	WaitLimiter             // a rate limiter
)

var waitNames = [...]string{"running", "the network", "a lock", "one of several channels", "a value from a channel",
	"room in a channel", "time to pass (sleep)", "a system call", "a condition", "other goroutines", "a free connection or permit", "a rate limiter"}

// String is what is waited for, in words that follow "waits for".
func (w Wait) String() string { return waitNames[w] }

// Goroutines is where the goroutines of the target stood, averaged over the
// samples. With the rate of jobs it tells how long a job spends where, by
// Little's law: goroutines standing there ÷ jobs a second.
type Goroutines struct {
	Samples           int
	Mean, First, Last float64 // goroutines
	Growth            float64 // a second
	Counts            []Point // goroutines in each sample
	Stands            []Stand // most goroutines first
}

// A Stand is goroutines with the same own functions, operations and wait.
type Stand struct {
	Chain     []string // own functions, nearest to the leaf first; empty if none
	Root      string   // the function the goroutine was started with
	Leaf      string   // innermost function outside the runtime: "database/sql.(*DB).conn"
	File      string   // and line, in Chain[0], of the heaviest stack
	Line      int64
	Wait      Wait
	Ops       operationSet // operations anywhere on the stack
	Writes    bool         // it runs an SQL statement of which it wants no rows
	Mean, Max float64      // goroutines standing there in a sample
	Seen      int          // samples in which any stood there
	Growth    float64      // a second, from the first sample to the last
}

// newGoroutines reads all goroutine samples. One that cannot be read is left
// out; nil means that none could.
func newGoroutines(samples []profile.GoroutineSample, module string) *Goroutines {
	w := standWalker{module: module, byKey: map[string]*standCount{}, known: map[string]frameClass{}}
	g := &Goroutines{}
	for _, s := range samples {
		n, ok := w.read(s.Data)
		if !ok {
			continue
		}
		g.Counts = append(g.Counts, Point{seconds(samples[0].At, s.At), n})
		g.Mean += n
	}
	g.Samples = len(g.Counts)
	if g.Samples == 0 {
		return nil
	}
	g.Mean /= float64(g.Samples)
	g.First, g.Last = g.Counts[0].Value, g.Counts[g.Samples-1].Value
	span := g.Counts[g.Samples-1].At - g.Counts[0].At
	if span > 0 {
		g.Growth = (g.Last - g.First) / span
	}
	g.Stands = w.stands(g.Samples, span)
	return g
}

// standWalker folds goroutine profiles into stands.
type standWalker struct {
	module string
	round  int // samples read, this one included
	byKey  map[string]*standCount
	known  map[string]frameClass // by function name and file
	key    []byte
}

type standCount struct {
	Stand
	total, heavy float64
	now          float64 // in the sample of round
	first        float64 // in the first sample of all
	round        int
}

// frameClass is what is known of a function by its name.
type frameClass struct {
	op   Operation
	wait Wait
	over bool // the wait is what for, and not how
	own  bool
	rt   bool // of the runtime, or of a package that only hands on to it
	sql  sqlCall
}

// read adds one goroutine profile as it came; ok is false if it cannot be read.
// Its bytes come from strangers: should they find a bug of ours, the other
// samples still speak.
func (w *standWalker) read(data []byte) (n float64, ok bool) {
	defer func() {
		if recover() != nil {
			n, ok = 0, false
		}
	}()
	p, err := stacks.Decode(data, stacks.Budget{})
	if err != nil {
		return 0, false
	}
	n, err = w.sample(p)
	return n, err == nil
}

// sample adds one goroutine profile and returns how many goroutines it has.
func (w *standWalker) sample(p *stacks.Profile) (float64, error) {
	w.round++
	own := ownershipOf(p, w.module)
	classes := make([]frameClass, len(p.Functions))
	for i := range p.Functions {
		f := &p.Functions[i]
		id := f.Name + "\x00" + f.File
		k, ok := w.known[id]
		if !ok {
			k = frameClassOf(f, own)
			w.known[id] = k
		}
		classes[i] = k
	}
	total := 0.0
	err := p.Each(func(locs []uint32, values []int64) {
		if len(values) == 0 || values[0] <= 0 {
			return
		}
		n := float64(values[0])
		if w.stack(p, locs, classes, n) {
			total += n
		}
	})
	return total, err
}

// stack adds n goroutines that stand on one stack. The one that takes the sample
// is left out, and says so.
func (w *standWalker) stack(p *stacks.Profile, locs []uint32, classes []frameClass, n float64) bool {
	var s Stand
	leafDone, over, observer := false, false, false
	var chain []string
	for _, l := range locs {
		loc := p.Locations[l]
		for _, frame := range p.Frames[loc.First:][:loc.N] {
			f, k := &p.Functions[frame.Function], classes[frame.Function]
			switch {
			case k.wait == WaitNone:
			case !k.over && s.Wait == WaitNone:
				s.Wait = k.wait
			case k.over && !over && s.Wait != WaitNone && len(chain) == 0:
				s.Wait, over = k.wait, true
			}
			if k.op != OpNone {
				s.Ops |= 1 << k.op
			}
			if k.sql != sqlNone {
				s.Writes = k.sql == sqlExec
			}
			if !leafDone && !k.rt {
				s.Leaf, leafDone = f.Name, true
			}
			if k.own && (len(chain) == 0 || chain[len(chain)-1] != f.Name) && len(chain) < maxChain {
				if len(chain) == 0 {
					s.File, s.Line = f.File, frame.Line
				}
				chain = append(chain, f.Name)
			}
			if f.Name == "runtime/pprof.runtime_goroutineProfileWithLabels" || f.Name == "runtime/pprof.writeRuntimeProfile" || f.Name == "runtime.goroutineProfileWithLabels" {
				observer = true
			}
			if f.Name != "runtime.goexit" {
				s.Root = f.Name
			}
		}
	}
	if observer {
		return false
	}
	s.Chain = chain
	w.count(s, n)
	return true
}

func (w *standWalker) count(s Stand, n float64) {
	w.key = w.key[:0]
	w.key = append(w.key, byte(s.Wait))
	if s.Writes {
		w.key = append(w.key, 'w')
	}
	for bit := range operations {
		if s.Ops.has(bit) {
			w.key = append(w.key, byte(bit)+1)
		}
	}
	for _, text := range append(slices.Clip(s.Chain), s.Root) {
		w.key = append(append(w.key, 0), text...)
	}
	c := w.byKey[string(w.key)]
	if c == nil {
		c = &standCount{Stand: s}
		w.byKey[string(w.key)] = c
	}
	if c.round != w.round {
		c.round, c.now = w.round, 0
		c.Seen++
	}
	c.now += n
	if w.round == 1 {
		c.first = c.now
	}
	c.total += n
	c.Max = max(c.Max, c.now)
	if n > c.heavy {
		c.heavy, c.Leaf, c.File, c.Line = n, s.Leaf, s.File, s.Line
	}
}

func (w *standWalker) stands(samples int, span float64) []Stand {
	var list []Stand
	for _, c := range w.byKey {
		c.Mean = c.total / float64(samples)
		last := 0.0
		if c.round == w.round {
			last = c.now
		}
		if span > 0 {
			c.Growth = (last - c.first) / span
		}
		list = append(list, c.Stand)
	}
	slices.SortFunc(list, func(a, b Stand) int {
		return cmp.Or(cmp.Compare(b.Mean, a.Mean), slices.Compare(a.Chain, b.Chain), strings.Compare(a.Root, b.Root),
			cmp.Compare(a.Wait, b.Wait), cmp.Compare(a.Ops, b.Ops))
	})
	return list
}

// where sums the goroutines of the stands that keep says yes to.
func (g *Goroutines) where(keep func(*Stand) bool) float64 {
	n := 0.0
	for i := range g.Stands {
		if keep(&g.Stands[i]) {
			n += g.Stands[i].Mean
		}
	}
	return n
}

// waits tell by a function's name what a goroutine that passes through it waits
// for. The runtime's own say how it waits; those of libraries say what for: they
// count for more, but only for goroutines that do wait. The first that fits
// counts.
var waits = []struct {
	pkg, prefix string
	wait        Wait
	over        bool
}{
	{"internal/poll", "runtime_pollWait", WaitNetwork, false},
	{"runtime", "netpollblock", WaitNetwork, false},
	{"runtime", "selectgo", WaitSelect, false},
	{"runtime", "chanrecv", WaitReceive, false},
	{"runtime", "chansend", WaitSend, false},
	{"sync", "runtime_notifyListWait", WaitCond, false},
	{"internal/sync", "runtime_SemacquireMutex", WaitLock, false},
	{"sync", "runtime_SemacquireMutex", WaitLock, false},
	{"sync", "runtime_SemacquireRWMutex", WaitLock, false},
	{"sync", "runtime_Semacquire", WaitGroup, false},
	{"sync", "(*RWMutex).", WaitLock, true}, // before Go 1.20 it waited as a WaitGroup does
	{"time", "Sleep", WaitSleep, false},
	{"syscall", "Syscall", WaitSyscall, false},
	{"syscall", "RawSyscall", WaitSyscall, false},
	{"internal/runtime/syscall", "Syscall6", WaitSyscall, false},
	{"os/signal", "signal_recv", WaitReceive, false},

	{"database/sql", "(*DB).conn", WaitPool, true},
	{"github.com/jackc/puddle", "(*Pool", WaitPool, true},
	{"github.com/jackc/pgx/v5/pgxpool", "(*Pool).Acquire", WaitPool, true},
	{"github.com/redis/go-redis/v9/internal/pool", "(*ConnPool).waitTurn", WaitPool, true},
	{"github.com/go-redis/redis/v8/internal/pool", "(*ConnPool).waitTurn", WaitPool, true},
	{"github.com/gomodule/redigo/redis", "(*Pool).waitVacantConn", WaitPool, true},
	{"net/http", "(*Transport).getConn", WaitPool, true},
	{"net/http", "(*persistConn).roundTrip", WaitNetwork, true},
	{"github.com/nats-io/nats.go", "(*Conn).request", WaitNetwork, true},
	{"google.golang.org/grpc/internal/transport", "(*recvBufferReader).", WaitNetwork, true},
	{"golang.org/x/sync/semaphore", "(*Weighted).Acquire", WaitPool, true},
	{"golang.org/x/time/rate", "(*Limiter).", WaitLimiter, true},
	{"golang.org/x/time/rate", "(*Reservation).", WaitLimiter, true},
	{"go.uber.org/ratelimit", "", WaitLimiter, true},
	{"github.com/juju/ratelimit", "", WaitLimiter, true},
	{"github.com/uber-go/ratelimit", "", WaitLimiter, true},
}

// passages are packages that only stand between code and the runtime: the leaf
// that a reader wants to know is behind them.
var passages = map[string]bool{"runtime": true, "internal/poll": true, "internal/sync": true, "internal/runtime/syscall": true, "syscall": true}

func frameClassOf(f *stacks.Function, own ownership) frameClass {
	k := frameClass{op: operationOf(f.Name, f.File, own.golang), own: own.owns(f)}
	pkg, rest := splitGoName(f.Name)
	k.sql = sqlCallOf(pkg, rest)
	k.rt = passages[pkg] || pkg == "sync" && strings.HasPrefix(rest, "runtime_")
	for _, w := range waits {
		if (pkg == w.pkg || withoutMajor(pkg) == w.pkg) && strings.HasPrefix(rest, w.prefix) {
			k.wait, k.over = w.wait, w.over
			return k
		}
	}
	if isLimiter(pkg, rest) {
		k.wait, k.over = WaitLimiter, true
	}
	return k
}

// isLimiter recognises a rate limiter by its type, whoever wrote it. It counts
// only for goroutines that are parked in it.
func isLimiter(pkg, rest string) bool {
	if isStandard(pkg) {
		return false
	}
	lower := strings.ToLower(rest)
	return strings.Contains(lower, "limiter).") || strings.Contains(lower, "tokenbucket).") || strings.Contains(lower, "ratelimit")
}
