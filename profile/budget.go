package profile

import "time"

// A budget is what sources may cost that can look more often or less.
type budget struct {
	// share is that of one core which each source may take that reads of
	// processes, their threads or their connections, which may be many: after a
	// look that cost d, it rests for d/share.
	share float64
	// goroutines is the least interval between samples of them.
	goroutines time.Duration
	// grace is how long a CPU profile is waited for after it should have come.
	grace time.Duration
	// again says that there is another window: a target that does not answer now is
	// asked again then, and none that does has to wait for it.
	again bool
}

// observing is the budget of one window: twice the share is the 1 % that
// observing may cost; goroutines as often as a window of 10 s can have maxGoroutines
// samples of them, so that a shorter one does not cost more.
func observing() budget {
	return budget{share: 0.005, goroutines: 200 * time.Millisecond, grace: profileGrace}
}

// watching is the budget of window after window, which goes on for hours: of the
// 1.5 % of one core that a watch may cost, screen and analysis included, the four
// sources of processes take 0.6 %. A window of 5 s then has ten samples of
// goroutines; they say the more the more windows there are.
//
// The profile of a window of 5 s is small: a target that is not stuck has sent it
// after 3 s more.
func watching() budget {
	return budget{share: 0.0015, goroutines: 500 * time.Millisecond, grace: 3 * time.Second, again: true}
}
