//go:build !linux

package profile

import "context"

// stallSource finds nothing: only Linux counts how long a thread was ready
// without a CPU.
func stallSource(int, float64) Source {
	return Source{Signal: "stalls", Gather: func(context.Context, Window, *Capture) error { return nil }}
}

// peersSource finds nothing, so that nobody is taken for a stranger where
// [StallSample] is missing as well.
func peersSource(int) Source {
	return Source{Signal: "stalls", Gather: func(context.Context, Window, *Capture) error { return nil }}
}
