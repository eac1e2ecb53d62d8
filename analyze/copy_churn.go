package analyze

import (
	"fmt"
	"math"
)

// CopyChurn finds own code that has the same bytes copied again and again.
//
// Four ways of it show by their functions. Memory that was too small is copied
// into more: append without a capacity, a buffer, a string put together by +=.
// The rest of a slice is shifted, because something is put in or taken out at
// its front. Bytes become a string, or a string bytes, although nobody keeps
// both. A large buffer is made, and so cleared, for each job.
//
// Copying is also honest work, and most of it is somebody else's to judge: a
// compressor's window, an encoder's buffer, the kernel's copy into a socket, the
// collector's clearing, a value's way through a channel. What counts is only
// what own code asks for without any of these between. And since copying once
// may be the work, the share of CPU alone is a suspicion; bytes copied for each
// job, far beyond what a job has, are the second signal.
var CopyChurn = Rule{
	Name:  "copy-churn",
	Title: "The same bytes are copied again and again",
	Doc: `What it is: slices, buffers and strings that are grown step by step, shifted as
a whole, converted to and fro, or made anew and cleared for each job.

What it costs: the processor moves some 10 bytes a nanosecond, so a kilobyte is
nothing and a megabyte is 0.1 ms. Growing to n costs 2 to 3 times n by append,
and n²/2 by += in a loop; each item put in at the front of a slice moves all the
others. Most of these also make garbage, which is collected on top.

How to fix it: give make the length that is known; Grow a buffer or a
strings.Builder before it is filled; put in at the end and take out by an index,
or use a ring; stay with []byte or with string; keep a worker's large buffer and
cut it to length 0.

When this rule is wrong: when the bytes are copied once, and copying them is the
work.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"share", 0.10, "of the target's CPU", "services in good order lay at up to 4 %, one that allocates without measure at 8 %"},
		{"owner", 0.05, "of the target's CPU", "spread thinly over many functions there is nothing to change"},
		{"bytes", 256 << 10, "bytes a job", "hundreds of times a usual message; and what a job may move before anybody would notice, 0.03 ms"},
		{"messages", 16, "times its message", "a job that decodes, changes and encodes its message copies it a few times"},
		{"cores", 0.03, "cores", "below, it is not worth a change"},
	},
	Explains: []string{"gc-thrash"},
	Check:    checkCopyChurn,
}

// slowestCopy is how many bytes a second are copied at least: large blocks,
// from memory and not from a cache, on a core that shares both with another.
const slowestCopy = 2e9

// A copyKind is a way of copying too much.
type copyKind uint8

const (
	copyNone copyKind = iota
	copyGrowth
	copyShifting
	copyConversion
	copyClearing
	copyKinds
)

// copyWords are the kinds for people: what happens, and what to do in a function.
var copyWords = [copyKinds]struct{ what, fix string }{
	copyGrowth:     {"slices, buffers or strings that grow", "Give what grows in %s the capacity that is known (make, Grow), or a strings.Builder instead of +=."},
	copyShifting:   {"elements that move up or down, for one that is put in, taken out or moved", "Put in at the end and take out by an index in %s, or use a ring: then nothing has to move."},
	copyConversion: {"bytes made a string, or a string bytes", "Stay with one of the two, []byte or string, in %s: each conversion copies."},
	copyClearing:   {"large buffers made anew, and cleared", "Reuse the large buffer of %s: one a worker, or a sync.Pool, cut to length 0."},
}

// copyKindOf says in which of the ways a stack copies, if in any.
func copyKindOf(g *Group) copyKind {
	shifts := g.Op == OpSliceDelete && g.Ops.has(OpCopy)
	switch {
	case len(g.Chain) == 0 || g.Op.isWork() && !shifts, g.Ops.has(OpChannel) || g.Ops.has(OpMapWalk):
		return copyNone
	case g.Marks.has(MarkGrow):
		return copyGrowth
	case g.Marks.has(MarkConvert):
		return copyConversion
	case g.Ops.has(OpAllocation):
		if g.Marks.has(MarkLarge) && g.Ops.has(OpCopy) {
			return copyClearing
		}
		return copyNone // clearing is part of allocating
	case shifts || g.Ops.has(OpCopy) && !g.Ops.has(OpGC):
		return copyShifting
	}
	return copyNone
}

func isCopied(g *Group) bool { return copyKindOf(g) != copyNone }

func checkCopyChurn(p *Pass) {
	cost := p.charge(isCopied)
	owners := p.CPU.owners(isCopied)
	if cost.share.Value < p.Limit("share") || cost.cores.Value < p.Limit("cores") ||
		p.partOfBusy(owners[0].seconds).Value < p.Limit("owner") {
		p.Clean("copying that own code asks for takes %s of the target's CPU", Percent(cost.share.Value))
		return
	}
	first := owners[0]
	kind := p.CPU.copyKindAt(first.function)
	words := copyWords[kind]
	// What is written once has to be written: of growth to n that is a third, of
	// the other ways nothing or as good as nothing.
	waste := cost.cores
	waste.Low = math.Min(waste.Low, cost.cores.Value/2)
	f := Finding{
		Subject:    short(p.CPU.name(first.function)),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   p.CPU.location(first.function, first.line),
		Evidence: []Evidence{{What: "copying and clearing that own code asks for, of the target's CPU", Value: cost.share.Value, Unit: "fraction",
			Limit: limit(p.Limit("share")), Source: "CPU profile, without what libraries, channels and the collector copy"}},
		Fix:       fmt.Sprintf(words.fix, short(p.CPU.name(first.function))),
		RefutedBy: []string{"the bytes are copied once, and copying them is the work", "a job's CPU stays when the capacity is given"},
		cpu:       isCopied,
	}
	f.Message = fmt.Sprintf("Copying takes %s of this service's CPU, %.2f cores: %s, %s", Percent(cost.share.Value), cost.cores.Value,
		p.CPU.ownersNamed(owners, cost.seconds), words.what)
	p.countCopied(&f)
	f.Message += "."
	p.Report(f)
}

// copyKindAt is the way in which most is copied under a function.
func (c *CPU) copyKindAt(function uint32) copyKind {
	var by [copyKinds]float64
	best := copyNone
	for i := range c.Groups {
		g := &c.Groups[i]
		if len(g.Chain) == 0 || g.Chain[0] != function {
			continue
		}
		if k := copyKindOf(g); k != copyNone {
			by[k] += g.Seconds
			if by[k] > by[best] {
				best = k
			}
		}
	}
	return best
}

// countCopied holds the bytes that must have been copied for each job, or that
// the runtime counted as allocated for it, against what a job has.
func (p *Pass) countCopied(f *Finding) {
	least := math.Max(p.Limit("bytes"), p.Limit("messages")*p.messageBytes())
	bytes, source := p.bytesCopied()
	if p.Done != nil {
		f.Evidence = append(f.Evidence, Evidence{What: "bytes copied a job, at least", Value: bytes, Unit: "bytes", Limit: limit(least), Source: source + " ÷ " + p.Done.Source})
	}
	if bytes < least {
		f.Settles = "bytes copied a job: count jobs (--metrics URL, or --nats URL), and look at what one job has"
		return
	}
	f.Confidence = Inferred
	f.Message += fmt.Sprintf(", at least %s a job", mebibytes(bytes))
}

// bytesCopied is the greater of two lower bounds on the bytes of a job: by the
// time that the copying itself took, without the allocator, and by the runtime's
// count of bytes allocated, of which copies have the part that they have of the
// allocator's CPU. It is 0 where nobody counts jobs.
func (p *Pass) bytesCopied() (bytes float64, source string) {
	source = "CPU profile at the slowest copying"
	if per, ok := p.perJob(p.CPU.where(func(g *Group) bool { return isCopied(g) && g.Ops.has(OpCopy) })); ok {
		bytes = per.Low * slowestCopy
	}
	each, ok := p.eachJob(p.goRuntime().Allocated)
	all := p.CPU.where(func(g *Group) bool { return len(g.Chain) > 0 && g.Ops.has(OpAllocation) })
	if !ok || all == 0 {
		return bytes, source
	}
	theirs := p.CPU.share(p.CPU.where(func(g *Group) bool { return isCopied(g) && g.Ops.has(OpAllocation) })).Low * p.CPU.Seconds / all
	if allocated := each * math.Min(1, theirs); allocated > bytes {
		return allocated, "the runtime's count of bytes allocated, by the profile's parts"
	}
	return bytes, source
}

// messageBytes is the mean size of the messages that work comes in by, 0 if it
// is not known.
func (f *Facts) messageBytes() float64 {
	largest := 0.0
	for _, s := range f.Capture.JetStream {
		for _, k := range s.Streams {
			if k.Messages > 0 {
				largest = math.Max(largest, float64(k.Bytes)/float64(k.Messages))
			}
		}
	}
	return largest
}
