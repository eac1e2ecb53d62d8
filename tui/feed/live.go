package feed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// The first windows of a watch are short: what kind of trouble the host is in is
// known 2 s after the start, with the time that it takes to find the target and to
// get its profile, and the first finding, which needs the samples of a few
// seconds, after 5.
const (
	firstWindow  = time.Second
	secondWindow = 3 * time.Second
)

// live is the feed of running services.
type live struct {
	targets []profile.Options
	window  time.Duration
	options analyze.Options

	mu     sync.Mutex
	names  []string // as the services call themselves, as far as that is known
	held   held
	cached cache

	recording recording
}

// NewLive makes the feed of running services, in windows of that length after
// the first ones.
func NewLive(targets []profile.Options, window time.Duration, o analyze.Options) Feed {
	return &live{
		targets: targets, window: window, options: o,
		names:     make([]string, len(targets)),
		recording: recording{kept: make([]shelf, len(targets))},
	}
}

func (f *live) Live() bool { return true }

// Targets names the services as they were given: what they turn out to be, and
// whether two of them are the same, may change while they are watched.
func (f *live) Targets() []string {
	names := make([]string, len(f.targets))
	for i, t := range f.targets {
		names[i] = t.Name()
	}
	return names
}

// length is that of the n-th window.
func (f *live) length(n int) time.Duration {
	switch n {
	case 1:
		return min(firstWindow, f.window)
	case 2:
		return min(secondWindow, f.window)
	}
	return f.window
}

func (f *live) Follow(ctx context.Context, send func(Arrival)) error {
	o := profile.WatchOptions{Targets: f.targets, Window: f.length}
	return profile.Watch(ctx, o, func(n int, captures []*profile.Capture, errs []error) {
		for i := range captures {
			send(f.arrive(i, n, captures[i], errs[i]))
		}
	})
}

// arrive takes in a window: it is recorded before anything else, because that is
// what should be left if the rest fails.
func (f *live) arrive(target, number int, c *profile.Capture, err error) Arrival {
	a := Arrival{Target: target, Number: number, At: time.Now(), Err: err}
	if err != nil {
		return a
	}
	a.At = c.Window.End
	a.Lost = f.recording.add(target, number, c)
	a.Exam, a.Err = examine(c, f.options)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[target] = c.Target.Name
	if a.Exam != nil {
		f.held.add(window{target, number, a.Exam})
	}
	return a
}

func (f *live) Load(target, number int) (*analyze.Examination, error) {
	f.mu.Lock()
	e := f.held.get(target, number)
	if e == nil {
		e = f.cached.get(target, number)
	}
	f.mu.Unlock()
	if e != nil {
		return e, nil
	}
	w, ok := f.recording.find(target, number)
	if !ok {
		return nil, &profile.Unavailable{
			Reason: fmt.Sprintf("window %d is no longer held", number),
			Hint:   "windows that are recorded can be looked at as long as their folder is there",
		}
	}
	e, err := load(w, f.options)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cached.put(window{target, number, e})
	return e, nil
}

// load reads a window from its folder and examines it.
func load(w profile.RecordedWindow, o analyze.Options) (*analyze.Examination, error) {
	c, _, err := w.Load()
	if err != nil {
		return nil, err
	}
	return examine(c, o)
}

func (f *live) Record(dir string) (string, error) {
	f.mu.Lock()
	names := make([]string, len(f.names))
	for i, name := range f.names {
		if names[i] = name; name == "" {
			names[i] = f.targets[i].Name()
		}
	}
	f.mu.Unlock()
	return f.recording.begin(dir, names)
}

func (f *live) StopRecording() (profile.Recorded, error) { return f.recording.end() }
