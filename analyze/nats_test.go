package analyze

import (
	"testing"

	"busywork/profile"
)

func TestNATSUse(t *testing.T) {
	samples := func(first, last profile.JetStreamSample) []profile.JetStreamSample {
		first.At, last.At = after(0), after(10)
		return []profile.JetStreamSample{first, {At: after(5)}, last}
	}
	a := profile.JetStreamSample{ClientID: 40, Own: 1, ServerID: "A"}
	u := newNATSUse(samples(a, profile.JetStreamSample{ClientID: 541, Own: 2, ServerID: "A"}))
	if u == nil || u.Connections != 50 || u.Seconds != 10 {
		t.Errorf("%+v, want 50 a second: our own does not count", u)
	}
	for name, last := range map[string]profile.JetStreamSample{
		"unknown":           {},
		"another server":    {ClientID: 541, Own: 2, ServerID: "B"},
		"ran backwards":     {ClientID: 3, Own: 2, ServerID: "A"},
		"less than our own": {ClientID: 41, Own: 9, ServerID: "A"},
	} {
		if u := newNATSUse(samples(a, last)); u != nil {
			t.Errorf("%s: %+v", name, u)
		}
	}
}
