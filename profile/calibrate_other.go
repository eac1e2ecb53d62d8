//go:build !linux

package profile

import "time"

// started is what threadTime counts from.
var started = time.Now()

// threadTime stands in for the CPU time of a thread with the time of the wall
// clock, because there is no portable way to ask for the former. On a busy
// machine it makes an operation look dearer than it is.
func threadTime() time.Duration { return time.Since(started) }
