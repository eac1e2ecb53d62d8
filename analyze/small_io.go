package analyze

import "fmt"

// SmallIO finds services that read or write in many small pieces.
//
// A system call costs the same for eight bytes as for a page: a report that is
// written field by field, each with a write of its own, pays a hundred calls for
// what a buffer hands over in one. The kernel counts both calls and bytes for
// each process, and jobs are counted, so calls a job and bytes a call are facts;
// the profile adds which own code asks for them and what they cost.
//
// Pieces are not always too many. A protocol of question and answer needs a call
// for each, and no buffer helps: there, what is read and what is written keep
// step. Clients of servers (SQL, Redis, a broker, HTTP) send what they are
// given; too many of their calls are other rules' business. And a network
// service without any buffer at fault reads twice a message, the second time to
// learn that there is no more.
var SmallIO = Rule{
	Name:  "small-io",
	Title: "Files or sockets are read or written in tiny pieces",
	Doc: `What it is: own code reads from or writes to a file, a pipe or a socket a few
bytes at a time, without a buffer: Fprintf straight to a file, one Write a field,
a byte-wise reader.

What it costs: 0.3 to 3 µs for each call, whatever its size, in the kernel and on
the way to it, and twice that on a socket. Two hundred pieces a job at five
hundred jobs a second are a hundred thousand calls, a fifth of a core or more.

How to fix it: put a bufio.Writer (or Reader) between, and flush it when the job
is done, or build the record in memory and write it once. For several buffers at
once: net.Buffers, writev.

When this rule is wrong: when each piece must be on its way before the next is
made (a terminal, a device, a log that must survive a crash).`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"calls", 20, "calls a job", "opening, writing and closing three files of a page or two each are twenty"},
		{"bytes", 512, "bytes a call", "a buffer hands over 4096; at an eighth of that seven of eight calls are for nothing"},
		{"share", 0.05, "of the target's CPU", "a twentieth: below it a buffer is tidier and not faster"},
		{"dialogue", 3, "times as many", "of the one kind of call as of the other: question and answer keep step, and an answer takes two reads, so twice is still a dialogue"},
	},
	Check: checkSmallIO,
}

// buffer is what a bufio buffer hands over at once, in bytes, as it comes.
const buffer = 4096

// asksItself says whether own code reads or writes by itself, and not through
// a client or a logger.
func asksItself(g *Group) bool {
	return len(g.Chain) > 0 && !g.Ops.has(OpLog) && (!elsewhere.has(g.Op) || g.Op == OpSyscall || g.Op == OpTLSRecord)
}

// pieces is one direction of input or output.
type pieces struct {
	verb, noun   string // "writes", "write"
	mark         Mark
	calls, bytes float64 // of the whole process, a second; 0 if not known
	other        float64 // calls in the other direction
}

func checkSmallIO(p *Pass) {
	write := pieces{verb: "writes", noun: "write", mark: MarkWrite}
	read := pieces{verb: "reads", noun: "read", mark: MarkRead}
	if u := p.IO; u != nil {
		write.calls, write.bytes, write.other = u.WriteCalls, u.WriteBytes, u.ReadCalls
		read.calls, read.bytes, read.other = u.ReadCalls, u.ReadBytes, u.WriteCalls
	}
	for _, d := range []pieces{write, read} {
		if f, ok := d.finding(p); ok {
			p.Report(f)
		}
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("own code asks for few reads and writes")
	}
}

func (d pieces) finding(p *Pass) (Finding, bool) {
	accused := func(g *Group) bool { return g.Marks.has(d.mark) && asksItself(g) }
	cost := p.charge(accused)
	if cost.share.Low < p.Limit("share") {
		return Finding{}, false
	}
	f := Finding{
		Confidence: Suspected,
		Waste:      wasteOf(cost.cores),
		Location:   p.CPU.accused(accused),
		Evidence: []Evidence{
			{What: "own code's " + d.verb, Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
		},
		Fix: fmt.Sprintf("Put a buffer between (bufio), and flush it when the job is done; or make the record in memory and %s it at once.", d.noun),
		RefutedBy: []string{
			"each piece must be on its way before the next one is made",
			fmt.Sprintf("%ss a job stay as they are with a buffer in between", d.noun),
		},
		cpu: accused,
	}
	f.Subject = short(f.Location.Function)
	f.Message = fmt.Sprintf("%s %s by system calls of its own for %s of the CPU, %.2f cores", f.Subject, d.verb, Percent(cost.share.Value), cost.cores.Value)
	calls := d.calls * p.CPU.where(accused) / p.CPU.where(func(g *Group) bool { return g.Marks.has(d.mark) })
	each, counted := p.eachJob(calls)
	if d.calls == 0 || !counted {
		f.Message += "."
		f.Settles = fmt.Sprintf("calls a job and bytes a call: run busywork on the target's machine, as its user or root, and let it count jobs (--metrics, --nats); or strace -c -f -e trace=%s", d.noun)
		return f, true
	}
	size := d.bytes / calls // at most: the others' bytes are in it
	switch {
	case each < p.Limit("calls"):
		p.Clean("%.1f %ss a job", each, d.noun)
		return Finding{}, false
	case size > p.Limit("bytes"):
		p.Clean("%.0f bytes a %s", size, d.noun)
		return Finding{}, false
	case d.calls < p.Limit("dialogue")*d.other:
		p.Clean("a dialogue: %.0f calls a second that %s, and %.0f the other way", d.calls, d.noun, d.other)
		return Finding{}, false
	}
	f.Confidence = Measured
	f.Waste = wasteOf(cost.cores.Times(1 - size/buffer))
	f.Message += fmt.Sprintf(": %.0f %ss a job of at most %.0f bytes, %.0f a second.", each, d.noun, size, calls)
	f.Evidence = append(f.Evidence,
		Evidence{What: d.noun + "s of own code", Value: each, Unit: "a job", Limit: limit(p.Limit("calls")), Source: "/proc/PID/io, and own code's part by the CPU profile"},
		Evidence{What: "bytes", Value: size, Unit: "a call, at most", Limit: limit(p.Limit("bytes")), Source: "/proc/PID/io"})
	return f, true
}
