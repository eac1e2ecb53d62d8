package analyze

import "fmt"

// ChannelPerItem finds pipelines that hand over items one by one, where the
// hand-over costs more than the work on the item.
//
// A channel operation takes 50 to 100 ns when nobody waits, some 300 ns when it
// wakes a goroutine on the same thread, and up to 5 µs when it wakes another
// thread. That is nothing for a job and much for a byte. In the profile it is
// three things: sends and receives under own code, the wake-ups below them, and
// the scheduler, which finds the next goroutine after each that went to sleep
// and has no own code on its stack.
//
// The scheduler alone accuses nobody. An idle service is mostly scheduler, and a
// goroutine that waits for the network passes through it as well; so of its CPU
// only the part counts that channels have of all that makes goroutines wait. And
// a loop that polls channels sends nothing to anybody: that is busy-poll.
var ChannelPerItem = Rule{
	Name:  "channel-per-item",
	Title: "Tiny items go through channels one by one",
	Doc: `What it is: a job is taken apart into many small items (lines, rows, bytes), and
each is sent through a channel, or several, to goroutines that do next to nothing
with it.

What it costs: 0.1 to 5 µs for each item and channel: the channel's lock, moving
the item, waking a goroutine or a thread, the scheduler. A million items a second
are a core or more. Several goroutines on one channel wait for each other's lock.

How to fix it: send batches: a slice of 100 items costs what one did. Or do the
small steps in one goroutine, with a function call between them, and give each
goroutine a whole job. A larger buffer saves wake-ups, not the lock.

When this rule is wrong: when passing on items at once is the purpose, and the
service does nothing else with them.`,
	Needs: Signals{All: SignalCPU},
	Limits: []Limit{
		{"channels", 0.10, "of the target's CPU", "sends, receives and the wake-ups below them under own code: 1 to 6 % in services that hand over jobs"},
		{"hand-over", 0.30, "of the target's CPU", "the same and its part of the scheduler: 20 % in a service that works through several goroutines a job; at a third, what is done is no longer worth handing over"},
		{"transfers", 0.02, "of the CPU on channels", "a select that hands over wakes somebody now and then; one that polls never does"},
		{"items", 20, "items a job", "through a pool and back, with an error channel and a context, a job is 4 to 8 hand-overs"},
		{"cores", 0.05, "cores", "the scheduler's part is large wherever there is little to do"},
	},
	Check: checkChannelPerItem,
}

// dearestHandOver is what one value through a channel costs at most, send and
// receive and both wake-ups, in CPU seconds: two threads that sleep and are woken
// for it by the kernel.
const dearestHandOver = 10e-6

// handOver is what a profile shows of passing items on, in CPU seconds.
type handOver struct {
	channels float64 // under own code
	waking   float64 // of that, waking others
	sending  float64 // of that, in sends that may wait
	parking  float64 // channels' part of finding something else to do
}

// usesChannel is a channel operation that own code asked for and that may wait.
func usesChannel(g *Group) bool {
	return g.asked() && g.Marks.has(MarkSend|MarkReceive|MarkSelect) && !g.Marks.has(MarkPoll|MarkTimer)
}

// parks is a thread that looks for work after its goroutine went to sleep.
func parks(g *Group) bool {
	return len(g.Chain) == 0 && g.Marks.has(MarkPark) && g.Op != OpGC && g.Op != OpGCIdle
}

func newHandOver(c *CPU) handOver {
	var h handOver
	var parking, others float64
	for i := range c.Groups {
		g := &c.Groups[i]
		switch {
		case usesChannel(g):
			h.channels += g.Seconds
			if g.Ops.has(OpScheduler) {
				h.waking += g.Seconds
			}
			if g.Marks.has(MarkSend) {
				h.sending += g.Seconds
			}
		case parks(g):
			parking += g.Seconds
		case g.Ops.has(OpSyscall) || g.Marks.has(MarkSlowLock|MarkSend|MarkReceive|MarkSelect) && !g.Marks.has(MarkPoll):
			others += g.Seconds // what else makes goroutines wait: the network, locks, other people's channels
		}
	}
	if h.channels > 0 {
		h.parking = parking * h.channels / (h.channels + others)
	}
	return h
}

// transfers says that values do go from one goroutine to another.
func (h *handOver) transfers(least float64) bool {
	return h.sending >= 0.1*h.channels || h.waking >= least*h.channels
}

func checkChannelPerItem(p *Pass) {
	h := newHandOver(p.CPU)
	all := h.channels + h.parking
	channels, share := p.partOfBusy(h.channels), p.partOfBusy(all)
	cores := p.cores(all)
	items, counted := p.itemsAJob(all)
	if channels.Value < p.Limit("channels") || share.Value < p.Limit("hand-over") || cores.Value < p.Limit("cores") || !h.transfers(p.Limit("transfers")) {
		p.Clean("channels take %s of the target's CPU, %s with their part of the scheduler", Percent(channels.Value), Percent(share.Value))
		return
	}
	owners := p.CPU.owners(usesChannel)
	first := p.CPU.name(owners[0].function)
	f := Finding{
		Subject: short(first),
		Message: fmt.Sprintf("Handing over items costs %s of this service's CPU, %.2f cores: %s in channels and waking, %s in the scheduler after it",
			Percent(share.Value), cores.Value, Percent(channels.Value), Percent(share.Value-channels.Value)),
		Confidence: Suspected,
		// Batches of a hundred leave a hundredth of it, small ones a tenth; and the
		// scheduler's part is by proportion.
		Waste:    wasteOf(Interval{0.9 * cores.Value, 0.7 * p.cores(h.channels).Low, cores.High}),
		Location: p.CPU.location(owners[0].function, owners[0].line),
		Evidence: []Evidence{
			{What: "channel operations, of the target's CPU", Value: channels.Value, Unit: "fraction", Limit: limit(p.Limit("channels")), Source: "CPU profile"},
			{What: "with the scheduler after them, of the target's CPU", Value: share.Value, Unit: "fraction", Limit: limit(p.Limit("hand-over")), Source: "CPU profile"},
		},
		Fix:       fmt.Sprintf("Send batches (a slice of a hundred or more) instead of single items in %s, or do the small steps in one goroutine.", p.CPU.ownersNamed(owners, h.channels)),
		RefutedBy: []string{"the items are jobs, each worth more than the hand-over", "the share stays when items are sent a hundred at a time"},
		cpu:       func(g *Group) bool { return usesChannel(g) || parks(g) },
	}
	if counted {
		f.Evidence = append(f.Evidence, Evidence{What: "values through channels a job, at least", Value: items, Unit: "a job", Limit: limit(p.Limit("items")), Source: "CPU profile ÷ the dearest hand-over, ÷ " + p.Done.Source})
	}
	if counted && items >= p.Limit("items") {
		f.Confidence = Inferred
		f.Message += fmt.Sprintf(": at least %.0f values a job", items)
	} else {
		f.Settles = "values a job: count jobs (--metrics URL, or --nats URL), and items in the service"
	}
	f.Message += "."
	p.Report(f)
}

// itemsAJob is how many values each job must have sent through channels for the
// CPU that it took, even if each cost as much as one can.
func (p *Pass) itemsAJob(seconds float64) (float64, bool) {
	per, ok := p.perJob(seconds)
	return per.Low / dearestHandOver, ok
}
