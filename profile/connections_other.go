//go:build !linux

package profile

import "context"

// connectionSource finds nothing: what other systems say of connections takes
// another program to ask.
func connectionSource(int, float64) Source {
	return Source{Signal: "connections", Gather: func(context.Context, Window, *Capture) error { return nil }}
}
