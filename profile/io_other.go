//go:build !linux

package profile

import (
	"context"
	"time"
)

// ioSource says that other systems keep no such account.
func ioSource(int, time.Duration) Source {
	return Source{Signal: "io", Gather: func(context.Context, Window, *Capture) error {
		return unavailablef("", "this system does not tell what a process reads and writes")
	}}
}

func environmentOf(int) map[string]string { return nil }
