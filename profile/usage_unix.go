//go:build unix

package profile

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func selfUsage() usage {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return usage{}
	}
	unit := uint64(1024) // Maxrss is in KiB, on macOS in bytes
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return usage{
		cpu:    float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9,
		maxRSS: uint64(r.Maxrss) * unit,
	}
}
