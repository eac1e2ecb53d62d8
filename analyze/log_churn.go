package analyze

import (
	"fmt"
	"math"
	"strings"
)

// LogChurn finds services whose logging is a large part of their work.
//
// Everything under a call of a logger is its cost: formatting, the caller's file
// and line, and the write, which is one system call a line where nobody buffers.
// A large share is not yet too much: a service that does next to nothing else
// has it with a line a job. So the lines are counted: by a counter of the
// service's own if it has one, else by the kernel's count of writes, of which
// the profile says how many are the logger's.
var LogChurn = Rule{
	Name:  "log-churn",
	Title: "Logging costs as much as work",
	Doc: `What it is: many lines are logged for each job (one for each item of it, or at
debug level), each formatted and each written by a system call of its own; or
lines are formatted and then dropped, because the level is only looked at in the
end.

What it costs: 1 to 5 µs to format a line, and 1 to 5 µs to write it; the caller's
file and line twice that. A hundred lines a job at five hundred jobs a second is
a third of a core. Then as much again wherever the lines are collected, and they
are paid for by the gigabyte.

How to fix it: one line a job with what matters (its id, outcome, time); the
items' lines at debug level, switched off, and with arguments that cost nothing
when they are off; a sampling logger for what repeats; a buffer in front of the
file (bufio, zapcore.BufferedWriteSyncer) that is flushed every second.

When this rule is wrong: when the log is what the service is for, as with an
audit trail or a shipper of logs.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "logging is a by-product like garbage collection, of which a tenth is what profilers of production warn at"},
		{"lines", 8, "lines a job", "taken in, two or three steps, done, and the same again for a retry are eight"},
		{"few", 2, "lines a job", "what remains after the fix: taken in and done"},
	},
	Check: checkLogChurn,
}

// logs says whether the stack is under a call of a logger.
func logs(g *Group) bool { return g.Ops.has(OpLog) }

func checkLogChurn(p *Pass) {
	cost := p.charge(logs)
	if cost.share.Low < p.Limit("share") {
		p.Clean("logging takes %s of the CPU, not surely %s", Percent(cost.share.Value), Percent(p.Limit("share")))
		return
	}
	lines := p.loggedLines()
	waste := cost.cores
	f := Finding{
		Subject:    "logging",
		Confidence: Suspected,
		Location:   p.CPU.accused(logs),
		Evidence: []Evidence{
			{What: "logging", Value: cost.share.Value, Unit: "fraction of the target's CPU", Limit: limit(p.Limit("share")), Source: "CPU profile"},
		},
		Fix: "Log one line a job; put the items' lines at a level that is off, with arguments that cost nothing then; write through a buffer.",
		RefutedBy: []string{
			"the log is what the service is for",
			"CPU stays when the level is set to warnings",
		},
		cpu: logs,
	}
	if f.Location.Function != "" {
		f.Subject = short(f.Location.Function)
	}
	f.Message = fmt.Sprintf("%s logs for %s of the CPU, %.2f cores", f.Subject, Percent(cost.share.Value), cost.cores.Value)
	if each, ok := p.eachJob(cost.cores.Value * 1e3); ok {
		f.Message += fmt.Sprintf(", %.2f ms a job", each)
	}
	each, ok := p.eachJob(lines.rate)
	switch {
	case lines.known && ok && each < p.Limit("lines"):
		p.Clean("logging takes %s of the CPU, for %.1f lines a job", Percent(cost.share.Value), each)
		return
	case lines.known && ok:
		f.Confidence = lines.confidence
		waste = waste.Times(1 - p.Limit("few")/each)
		f.Message += fmt.Sprintf(": %.0f lines a job, %.0f a second%s.", each, lines.rate, lines.how)
		f.Evidence = append(f.Evidence, Evidence{What: "lines", Value: each, Unit: "a job", Limit: limit(p.Limit("lines")), Source: lines.source})
	default:
		f.Message += lines.how + "."
		f.Settles = "lines a job: count them in the log over a minute, or let busywork count writes (on its machine, as its user or root) and jobs (--metrics, --nats)"
	}
	f.Waste = wasteOf(waste)
	p.Report(f)
}

// loggedLines is how many lines a second are logged, as far as anybody counts.
type loggedLines struct {
	rate       float64
	known      bool
	how        string // in words that follow the figures
	source     string
	confidence Confidence
}

// fewestWrites samples are what a count by the profile's share needs.
const fewestWrites = 10

// loggedLines believes a counter of lines; else it takes of the kernel's count
// of writes the part that the logger has of the CPU of writing.
func (p *Pass) loggedLines() loggedLines {
	if s := p.lineCounter(); s != nil {
		return loggedLines{s.Rate, true, "", s.Name, Measured}
	}
	writes := func(g *Group) bool { return g.Marks.has(MarkWrite) }
	all := p.CPU.where(writes)
	logged := p.CPU.where(func(g *Group) bool { return logs(g) && writes(g) })
	l := loggedLines{confidence: Inferred, source: "the kernel's count of writes, and the logger's part of them by the CPU profile"}
	switch {
	case logged < fewestWrites*p.CPU.weight:
		l.how = "; hardly anything of it is writing: the lines are dropped after they were formatted, or buffered and written by another goroutine"
	case p.IO == nil || p.IO.WriteCalls <= 0:
	default:
		l.rate, l.known = p.IO.WriteCalls*logged/all, true
		l.how = ", each written by a system call of its own"
		if size := p.IO.WriteBytes / p.IO.WriteCalls; size > 0 {
			l.how += fmt.Sprintf(" of some %.0f bytes", size)
		}
		l.rate = math.Min(l.rate, p.IO.WriteCalls)
	}
	return l
}

// lineCounter is a counter that means lines of a log: named after logging and
// after something that is counted there. Nil if there is none.
func (p *Pass) lineCounter() *Series {
	var best *Series
	for _, s := range p.Series {
		list := words(s.Name)
		if len(list) == 0 || notWork[list[0]] || !s.monotone() || s.Growth <= 0 {
			continue
		}
		about := has(list, []string{"log", "logs", "logging", "logger", "logged"})
		counts := has(list, []string{"lines", "messages", "records", "entries", "events", "statements"})
		bytes := strings.Contains(s.Name, "bytes") || strings.Contains(s.Name, "dropped")
		if about && counts && !bytes && (best == nil || s.Rate > best.Rate) {
			best = s
		}
	}
	return best
}
