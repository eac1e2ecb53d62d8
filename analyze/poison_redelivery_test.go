package analyze

import (
	"math"
	"strings"
	"testing"
	"time"

	"busywork/profile"
)

// deliveries describes a consumer for the whole window; rates are a second.
type deliveries struct {
	first, again float64 // of messages for the first time, and not
	outstanding  int     // messages out again, in every sample
	seldom       bool    // in every fourth sample only
	pending      int     // delivered and not acknowledged
	stuck        bool    // the floor stands still
	ackWait      time.Duration
	backOff      []time.Duration
	maxDeliver   int
}

func consuming(c *profile.Capture, d deliveries) {
	for i := range window + 1 {
		at := float64(i)
		k := profile.JetStreamConsumer{
			Stream: "ORDERS", Name: "shop", AckPolicy: "explicit",
			DeliveredStream: 1000 + uint64(d.first*at), Delivered: 2000 + uint64((d.first+d.again)*at),
			AckPending: d.pending, Redelivered: d.outstanding,
			AckWait: d.ackWait, BackOff: d.backOff, MaxDeliver: d.maxDeliver,
		}
		if d.seldom && i%4 != 0 {
			k.Redelivered = 0
		}
		k.AckFloorStream = k.DeliveredStream - 10
		if d.stuck {
			k.AckFloorStream = 900
		}
		c.JetStream = append(c.JetStream, profile.JetStreamSample{
			At: after(at), Server: "nats", Consumers: []profile.JetStreamConsumer{k},
			Streams: []profile.JetStreamStream{{Name: "ORDERS", LastSeq: 1000 + uint64(d.first*at)}},
		})
	}
}

func TestPoisonRedeliveryNearMisses(t *testing.T) {
	for name, d := range map[string]deliveries{
		"none":                                 {first: 150, ackWait: 30 * time.Second, maxDeliver: -1},
		"a burst of failures, done later":      {first: 150, again: 30, outstanding: 12, seldom: true, ackWait: 30 * time.Second, maxDeliver: -1},
		"many failures, each tried twice":      {first: 150, again: 150, outstanding: 40, ackWait: 30 * time.Second, maxDeliver: -1},
		"few attempts, then given up":          {first: 150, again: 60, outstanding: 20, ackWait: 30 * time.Second, maxDeliver: 5},
		"a message that stays, with pauses":    {first: 150, again: 0.5, outstanding: 2, stuck: true, ackWait: 30 * time.Second, maxDeliver: -1},
		"a long job, and others given back":    {first: 150, again: 40, outstanding: 30, stuck: true, ackWait: 30 * time.Second, maxDeliver: -1},
		"growing pauses of the consumer's own": {first: 20, again: 4, outstanding: 3, stuck: true, ackWait: 30 * time.Second, maxDeliver: 10, backOff: []time.Duration{time.Second, 10 * time.Second}},
		"workers that died in a deployment":    {first: 150, again: 10, outstanding: 300, seldom: true, pending: 300, ackWait: 30 * time.Second, maxDeliver: -1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8)
			consuming(c, d)
			if f, _ := found(t, c, &PoisonRedelivery); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

func TestPoisonRedelivery(t *testing.T) {
	c := newCapture(t, 0.6, 1)
	consuming(c, deliveries{first: 150, again: 1350, outstanding: 3, stuck: true, pending: 20, ackWait: 30 * time.Second, maxDeliver: -1})
	f, status := found(t, c, &PoisonRedelivery)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Measured || f.Severity != SeverityHigh || math.Abs(f.Waste.Cores-0.9) > 0.01 || f.Waste.Low > 0.65 {
		t.Errorf("%s %s %+v", f.Confidence, f.Severity, f.Waste)
	}
	for _, want := range []string{"3 messages", "450 times a second each", "No limit to the attempts, no BackOff"} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("no %q in %s", want, f.Message)
		}
	}
}

// What comes again one AckWait after the last time was not given back.
func TestPoisonRedeliveryAckWait(t *testing.T) {
	for name, d := range map[string]deliveries{
		"done in the end":            {first: 150, again: 15, outstanding: 6, seldom: true, pending: 14, ackWait: 500 * time.Millisecond, maxDeliver: -1},
		"not done in all the window": {first: 150, again: 16, outstanding: 8, stuck: true, pending: 14, ackWait: 500 * time.Millisecond, maxDeliver: -1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8)
			consuming(c, d)
			f, status := found(t, c, &PoisonRedelivery)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || !strings.Contains(f.Message, "AckWait (500ms)") {
				t.Errorf("%s %s: %s", f.Confidence, f.Severity, f.Message)
			}
		})
	}
}
