package analyze

import "busywork/profile"

// NATSUse is what a NATS server did in the window, beside its queues.
type NATSUse struct {
	Server  string
	Seconds float64
	// Connections is how many connections a second were made to the server, by
	// all its clients. The server numbers consumers that come and go in the same
	// row, so it is an upper bound.
	Connections float64
}

// newNATSUse compares the numbers of the first and the last connection that
// tell one; nil if they are not of the same run of the same server.
func newNATSUse(samples []profile.JetStreamSample) *NATSUse {
	var first, last *profile.JetStreamSample
	for i := range samples {
		s := &samples[i]
		if s.ClientID == 0 {
			continue
		}
		if first == nil {
			first = s
		}
		last = s
	}
	if first == nil || last.ServerID != first.ServerID || last.ClientID < first.ClientID || last.Own < first.Own {
		return nil
	}
	dt := seconds(first.At, last.At)
	made, own := last.ClientID-first.ClientID, last.Own-first.Own
	if dt <= 0 || made < own {
		return nil
	}
	return &NATSUse{Server: last.Server, Seconds: dt, Connections: float64(made-own) / dt}
}
