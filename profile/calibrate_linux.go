package profile

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time of the calling thread, which must be locked.
func threadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }
