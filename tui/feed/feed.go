// Package feed brings the windows of what is watched to a screen, one after
// another, examined: those of running services as they end (NewLive), or those
// of recordings, captures and profiles on disk (OpenRecorded). A screen need not
// know which of the two it is given.
//
// A feed is where the memory of a watch is bounded. It holds the last
// examinations of a running service, or those of a recording that were looked at
// last, and makes all others anew when they are asked for: a recording of a day
// has 17,280 windows of five seconds, and one examination takes some 50 kB.
//
// A panic on any of its goroutines becomes an error: the terminal belongs to the
// screen, and a program that dies beside it leaves it broken.
package feed

import (
	"context"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// An Arrival is one window of one target.
type Arrival struct {
	Target  int                  // index into Targets
	Number  int                  // of the window, ascending with time, from 1
	At      time.Time            // its end
	Exam    *analyze.Examination // nil if Err is not
	Err     error                // why there is none
	Indexed bool                 // an older window of a recording, read for its figures: not news
	// Lost is why the window is not in the recording that is being made; nil if
	// it is, or if none is being made.
	Lost error
}

// A Feed gives the windows of the targets that are watched. All but Follow may
// be called from any goroutine.
type Feed interface {
	// Targets names the targets, in the order in which they were given.
	Targets() []string

	// Live says that the windows are of running services.
	Live() bool

	// Follow sends one window after another until ctx ends, which is no error,
	// or until there is no more to come. It calls send from one goroutine, and
	// send may block. It is called once.
	Follow(ctx context.Context, send func(Arrival)) error

	// Load examines a window again that has been sent. The error of one that is
	// no longer held says so.
	Load(target, number int) (*analyze.Examination, error)

	// Record keeps all windows from now on below dir, in one folder for each
	// target where there are several, and says where that is. If dir is "", a
	// folder of the working directory is made and named after the target and the
	// time. Only what is live can be recorded, and only once at a time.
	Record(dir string) (where string, err error)

	// StopRecording ends what Record has begun and says what became of it. The
	// error is what the last window met that could not be kept.
	StopRecording() (profile.Recorded, error)
}

// examine turns a panic of the analysis into an error: no window is worth the
// watch.
func examine(c *profile.Capture, o analyze.Options) (e *analyze.Examination, err error) {
	err = profile.Guard(func() error { e = analyze.Examine(c, o); return nil })
	return e, err
}
