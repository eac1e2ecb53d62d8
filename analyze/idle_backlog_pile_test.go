package analyze

import (
	"math"
	"testing"

	"busywork/profile"
)

// A service that fetches hundreds of messages at a time takes them in steps longer than
// a window. What comes in and what waits grow the same in a window with a step and in
// one without.
func TestPileOfWhoFetchesInBatches(t *testing.T) {
	for name, batch := range map[string]float64{"none fetched": 0, "a batch fetched": 250} {
		c := newCapture(t, 0.1, 0.1)
		for i := range window + 1 {
			at := float64(i)
			delivered := 300.0
			if i > window/2 {
				delivered += batch
			}
			in, acked := 80*at, 24*at
			c.JetStream = append(c.JetStream, profile.JetStreamSample{
				At:      after(at),
				Streams: []profile.JetStreamStream{{Name: "JOBS", LastSeq: uint64(2000 + in)}},
				Consumers: []profile.JetStreamConsumer{{Stream: "JOBS", Name: "worker",
					Delivered: uint64(delivered), DeliveredStream: uint64(delivered), AckFloorStream: uint64(acked),
					Pending: uint64(2000 + in - delivered), AckPending: int(delivered - acked)}},
			})
		}
		f := NewFacts(c)
		k := newPile(f, f.Queues[0])
		if math.Abs(k.in-80) > 1 || math.Abs(k.out-24) > 1 || math.Abs(k.growth-56) > 1 {
			t.Errorf("%s: %.1f in, %.1f out, %+.1f", name, k.in, k.out, k.growth)
		}
	}
}
