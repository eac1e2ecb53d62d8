package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"busywork/analyze"
	"busywork/profile"
)

// growPause is how often it is looked whether a recording has grown: more often
// than any recording does.
const growPause = 2 * time.Second

// recorded is the feed of what is on disk.
type recorded struct {
	targets []*archive
	names   []string
	options analyze.Options
	pause   time.Duration // growPause
	looked  func()        // told of each look at whether a recording has grown; may be nil

	mu     sync.Mutex
	cached cache
}

// OpenRecorded makes the feed of what is kept at the paths: recordings, of which
// there may be several in one folder, single captures, and pprof CPU profiles.
func OpenRecorded(paths []string, o analyze.Options) (Feed, error) {
	f := &recorded{options: o, pause: growPause}
	var given []string
	for _, p := range paths {
		list, err := openPath(p)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			f.targets, given = append(f.targets, a), append(given, a.path)
		}
	}
	if len(f.targets) == 0 {
		return nil, errors.New("no recording was named")
	}
	f.names = shortNames(given)
	return f, nil
}

func (f *recorded) Targets() []string { return f.names }

func (f *recorded) Live() bool { return false }

func (f *recorded) Record(string) (string, error) {
	return "", &profile.Unavailable{Reason: "what is watched is a recording already"}
}

func (f *recorded) StopRecording() (profile.Recorded, error) {
	return profile.Recorded{}, errors.New("no recording is being made")
}

// Follow sends the newest window of each target, then all others for their
// figures, so that what a chart shows is at first coarse and then ever finer, and
// meanwhile those that are new.
func (f *recorded) Follow(ctx context.Context, send func(Arrival)) error {
	return profile.Guard(func() error {
		for i, t := range f.targets {
			if ctx.Err() != nil {
				return nil
			}
			if t.broken != nil {
				send(Arrival{Target: i, At: time.Now(), Err: t.broken})
				continue
			}
			send(f.arrival(i, t.newest, t.takeFirst()))
		}
		return f.follow(ctx, send)
	})
}

// follow returns when ctx ends, or when all has been sent of what cannot grow.
func (f *recorded) follow(ctx context.Context, send func(Arrival)) error {
	grows := false
	var orders []*evenly
	for _, t := range f.targets {
		grows = grows || t.grows()
		orders = append(orders, newEvenly(len(t.windows)-1)) // without the newest
	}
	looked := time.Now()
	for turn := 0; ctx.Err() == nil; turn++ {
		if grows && time.Since(looked) >= f.pause {
			f.news(ctx, send)
			looked = time.Now()
		}
		began := time.Now()
		at, window, more := f.nextToIndex(orders, turn)
		switch {
		case more:
			f.index(at, window, send)
			// At work for half of the time at most: what the recording is of may
			// still be in trouble, and a person is looking at the first windows.
			sleep(ctx, time.Since(began))
		case grows:
			sleep(ctx, f.pause-time.Since(looked))
		default:
			return nil
		}
	}
	return nil
}

// nextToIndex takes the targets in turns.
func (f *recorded) nextToIndex(orders []*evenly, turn int) (target int, w profile.RecordedWindow, more bool) {
	for k := range orders {
		target = (turn + k) % len(orders)
		if i, ok := orders[target].next(); ok {
			return target, f.targets[target].windows[i], true
		}
	}
	return 0, profile.RecordedWindow{}, false
}

// index sends one window for its figures. What cannot be read is passed over:
// the oldest windows of a recording that grows are removed.
func (f *recorded) index(target int, w profile.RecordedWindow, send func(Arrival)) {
	c, _, err := w.Load()
	if err != nil {
		return
	}
	a := f.arrival(target, w, c)
	if a.Indexed = true; a.Err == nil {
		send(a)
	}
}

// news sends the windows that recordings have got since it was looked last.
func (f *recorded) news(ctx context.Context, send func(Arrival)) {
	if f.looked != nil {
		f.looked()
	}
	for i, t := range f.targets {
		for ctx.Err() == nil {
			w, c, ok := t.grown()
			if !ok {
				break
			}
			send(f.arrival(i, w, c))
		}
	}
}

// arrival examines a window.
func (f *recorded) arrival(target int, w profile.RecordedWindow, c *profile.Capture) Arrival {
	a := Arrival{Target: target, Number: w.Number, At: c.Window.End}
	a.Exam, a.Err = examine(c, f.options)
	return a
}

func (f *recorded) Load(target, number int) (*analyze.Examination, error) {
	if target < 0 || target >= len(f.targets) {
		return nil, fmt.Errorf("there is no target %d", target)
	}
	f.mu.Lock()
	e := f.cached.get(target, number)
	f.mu.Unlock()
	if e != nil {
		return e, nil
	}
	c, err := f.targets[target].load(number)
	if err != nil {
		return nil, err
	}
	e, err = examine(c, f.options)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cached.put(window{target, number, e})
	return e, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
