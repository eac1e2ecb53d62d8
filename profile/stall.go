package profile

import (
	"net/netip"
	"time"
)

// A StallSample is what the kernel has counted of the target's threads not
// getting what they were ready to use.
type StallSample struct {
	At time.Time
	ProcessKey
	// RunDelay is the seconds that threads of the target could have run and had
	// no CPU, all threads added up, since gathering began. Held back by a CPU
	// limit counts as well.
	RunDelay    float64
	MajorFaults uint64 // page faults so far that had to read from a disk
	Swapped     uint64 // bytes of it that are in swap now
	Threads     int    // now
	Blocked     int    // of them in the kernel's state D now: nearly always waiting for a disk
}

// A Peer is a process of this machine that is part of what the target works
// with, rather than a stranger beside it.
type Peer struct {
	PID int
	How string // in words that follow the process's name: "has a connection with the target"
}

// BrokerKind says which kind of broker or database a program is: "redis"; "" if
// it is none that is known by its name. What services wait for is not beside
// them but part of their work, even where no connection shows it.
func BrokerKind(name string, command []string) string {
	kind, _ := knownBroker(runningProcess{Name: name, Args: command}, netip.AddrPort{})
	return kind
}
