package analyze

import (
	"fmt"
	"math"

	"busywork/profile"
)

// PoisonRedelivery finds messages that are delivered again and again, and never
// done.
//
// A broker that delivers again is doing what it is for: a failure that passes is
// retried and then acknowledged. What tells the messages that never will be is
// that they stay. All through the window the same few are outstanding for a
// second time or more; the acknowledged floor of the consumer, the number up to
// which everything is done, stands still in front of the first of them, while
// newer messages come and go; and each has been tried far more often than a
// policy with growing pauses would.
//
// Deliveries that come one AckWait apart are another matter: nobody gave those
// messages back, the broker ran out of patience. Then AckWait is shorter than
// the job, and one and the same job is done by several workers at a time.
var PoisonRedelivery = Rule{
	Name:  "poison-redelivery",
	Title: "The same messages are delivered again and again",
	Doc: `What it is: some messages can never be done: they name what does not exist, or hit
a bug. The handler gives each back at once (Nak), the broker delivers it at once,
and so on without an end, because nothing limits the attempts (MaxDeliver), nothing
spaces them (BackOff, NakWithDelay), and there is nowhere to put the message aside.

What it costs: a delivery and most of a job's work each time, as often as the
service can; three messages keep a core busy. Outstanding messages count against
MaxAckPending, so that enough of them stop all others.

How to fix it: tell errors that pass from those that do not. Give back the first
with a growing pause (NakWithDelay, or the consumer's BackOff), a few times
(MaxDeliver 5 to 10). Put the others aside at once: publish them to a stream that
somebody looks at, and Term them. Alert on that stream.

When AckWait is shorter than the job: raise it above the longest job, or report
progress from within (InProgress).

When this rule is wrong: what is waited for comes back after the window, and all
those messages are then done; the pause between the attempts is meant to be that
short.`,
	Needs: Signals{All: SignalJetStream},
	Limits: []Limit{
		{"share", 0.05, "of deliveries", "one delivery in twenty for a second time is within what networks and deployments cause"},
		{"redelivered", 20, "in the window", "20 events are known to ± 45 %; fewer are an accident"},
		{"attempts", 20, "for each message in the window", "a retry policy makes 5 to 10 attempts in the life of a message, with growing pauses"},
		{"present", 0.80, "of the samples", "what is retried and then done is outstanding for a moment; what never is stays"},
		{"floor", 0.05, "of the messages delivered first", "a floor that stands still lets nothing pass; the rest is for a window that began before the first of them came"},
		{"patience", 1.3, "deliveries for each AckWait", "the broker redelivers at one for each AckWait at most; what comes faster was given back"},
	},
	Check: checkPoisonRedelivery,
}

// redelivery is what one consumer delivered again in the window.
type redelivery struct {
	queue       *Queue
	consumer    profile.JetStreamConsumer // as of the last sample
	outstanding float64                   // messages that are out again: the most seen at a time
	present     float64                   // of the samples in which there were any
	floor       float64                   // messages that the floor moved by
}

func checkPoisonRedelivery(p *Pass) {
	for _, r := range redeliveries(p.Facts) {
		q := r.queue
		share := q.Redelivered / math.Max(q.Delivered, 1e-9)
		switch {
		case q.Redelivered*q.Seconds < p.Limit("redelivered") || share < p.Limit("share"):
			p.Clean("%s of the deliveries of %s are not the first", Percent(share), q.Name)
		case r.impatient(p):
			p.Report(r.impatience(p))
		case r.stays(p) && r.attempts() >= p.Limit("attempts"):
			p.Report(r.poison(p))
		default:
			p.Clean("%s of the deliveries of %s are not the first, but what comes again is done or given up: %.0f messages outstanding, the acknowledged floor moved by %.0f",
				Percent(share), q.Name, r.outstanding, r.floor)
		}
	}
	if len(p.found) == 0 && p.clean == "" {
		p.Clean("no consumer was observed throughout")
	}
}

// redeliveries reads every consumer that was there in the first sample and in
// the last.
func redeliveries(f *Facts) []redelivery {
	samples := f.Capture.JetStream
	var list []redelivery
	for _, q := range f.Queues {
		r := redelivery{queue: q}
		n, seen := 0.0, 0.0
		var first *profile.JetStreamConsumer
		for i := range samples {
			for j := range samples[i].Consumers {
				k := &samples[i].Consumers[j]
				if q.System != "jetstream" || q.Name != fmt.Sprintf("stream %s, consumer %s", k.Stream, k.Name) {
					continue
				}
				if first == nil {
					first = k
				}
				r.consumer = *k
				r.outstanding = math.Max(r.outstanding, float64(k.Redelivered))
				n++
				if k.Redelivered > 0 {
					seen++
				}
			}
		}
		if n < 2 || r.consumer.AckFloorStream < first.AckFloorStream {
			continue
		}
		r.present, r.floor = seen/n, float64(r.consumer.AckFloorStream-first.AckFloorStream)
		list = append(list, r)
	}
	return list
}

// attempts is how often each of the messages was delivered again in the window.
// With the most that were ever outstanding at a time it is a lower bound, if
// they stay.
func (r *redelivery) attempts() float64 {
	return r.queue.Redelivered * r.queue.Seconds / math.Max(r.outstanding, 1)
}

// stays says that the same messages are outstanding all the time.
func (r *redelivery) stays(p *Pass) bool {
	return r.present >= p.Limit("present") && r.floor <= p.Limit("floor")*r.queue.Distinct*r.queue.Seconds
}

// impatient says that the broker delivers again by itself: no message comes back
// sooner than it waits, and there are too few messages out to explain it
// otherwise. All that is delivered and not acknowledged may be among them.
func (r *redelivery) impatient(p *Pass) bool {
	patience := r.consumer.AckWait.Seconds()
	if patience <= 0 || len(r.consumer.BackOff) > 0 {
		return false
	}
	out := math.Max(float64(r.consumer.AckPending), r.outstanding)
	return r.queue.Redelivered*patience <= p.Limit("patience")*math.Max(out, 1) && (r.stays(p) || patience < longestPause)
}

// longestPause is the pause up to which redeliveries of messages that are done in
// the end are taken for an AckWait that is too short: above it they are jobs that
// died with their worker, as in a deployment.
const longestPause = 5.0

// waste is the CPU of deliveries that were not the first, in proportion to their
// number. A failed attempt may stop early, at a fifth of what a job takes, or
// fail late, after twice as much as the others, with a stack trace and a log line.
func (r *redelivery) waste(p *Pass) Interval {
	part := func(weight float64) float64 {
		again, first := weight*r.queue.Redelivered, r.queue.Distinct
		return again / math.Max(again+first, 1e-9)
	}
	return Interval{part(1), part(0.2), part(2)}.Times(p.TargetCores)
}

func (r *redelivery) poison(p *Pass) Finding {
	q, waste := r.queue, r.waste(p)
	each := q.Redelivered / math.Max(r.outstanding, 1)
	return Finding{
		Subject: q.Name,
		Message: fmt.Sprintf("%s in %s are delivered %.0f times a second each and never done: %s of all deliveries. %s. %.2f cores are spent on them.",
			plural(r.outstanding, "message", "messages"), q.Name, each, Percent(q.Redelivered/q.Delivered), r.policy(), waste.Value),
		Confidence: Measured,
		Waste:      wasteOf(waste),
		Location:   Location{Function: q.Name},
		Evidence: append(r.evidence(p),
			Evidence{What: "attempts for each in the window", Value: r.attempts(), Unit: "1", Limit: limit(p.Limit("attempts")), Source: q.Name}),
		Fix: "Put aside what can never be done: publish it to a stream that somebody looks at, and Term it. Give back the rest with a growing pause (NakWithDelay, or BackOff of the consumer), and limit the attempts (MaxDeliver 5 to 10).",
		RefutedBy: []string{
			"the messages are acknowledged later: the floor of the consumer moves on and what is outstanding falls to 0",
		},
	}
}

// policy puts what the consumer is configured to do into words.
func (r *redelivery) policy() string {
	limit := "No limit to the attempts"
	if n := r.consumer.MaxDeliver; n > 0 {
		limit = fmt.Sprintf("MaxDeliver is %d", n)
	}
	if len(r.consumer.BackOff) == 0 {
		return limit + ", no BackOff"
	}
	return fmt.Sprintf("%s, BackOff from %v", limit, r.consumer.BackOff[0])
}

func (r *redelivery) impatience(p *Pass) Finding {
	q, waste := r.queue, r.waste(p)
	ackWait := r.consumer.AckWait
	return Finding{
		Subject: q.Name + ", AckWait",
		Message: fmt.Sprintf("%s of the deliveries of %s come because nobody acknowledged within AckWait (%v), not because they failed: the job takes longer than that, and is then done twice. %.2f cores.",
			Percent(q.Redelivered/q.Delivered), q.Name, ackWait, waste.Value),
		Confidence: Suspected,
		Waste:      wasteOf(waste),
		Location:   Location{Function: q.Name},
		Evidence: append(r.evidence(p),
			Evidence{What: "AckWait", Value: ackWait.Seconds(), Unit: "s", Source: q.Name}),
		Fix: "Raise AckWait above the longest job, or report progress from within long jobs (InProgress).",
		RefutedBy: []string{
			"the handler gives these messages back itself, with a pause of that length",
		},
		Settles: "how long jobs take, from the service's metrics: their longest against AckWait; and a counter of what the handler gives back",
	}
}

func (r *redelivery) evidence(p *Pass) []Evidence {
	q := r.queue
	return []Evidence{
		{What: "deliveries that are not the first", Value: q.Redelivered, Unit: "1/s", Source: q.Name},
		{What: "share of deliveries", Value: q.Redelivered / q.Delivered, Unit: "fraction", Limit: limit(p.Limit("share")), Source: q.Name},
		{What: "messages outstanding again", Value: r.outstanding, Unit: "1", Source: q.Name},
		{What: "samples with any", Value: r.present, Unit: "fraction", Limit: limit(p.Limit("present")), Source: q.Name},
		{What: "messages that the acknowledged floor moved by", Value: r.floor, Unit: "1", Source: q.Name},
	}
}
