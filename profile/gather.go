package profile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// A Source gathers one kind of evidence inside a window. It is a value, made by
// the plan for one target. Gather returns when the window has ended or ctx is
// done; being interrupted is not an error, what was seen until then is kept. A
// source that fails, or panics, becomes a Gap, and the others go on.
type Source struct {
	Signal string // what is missing when it fails
	Gather func(ctx context.Context, w Window, c *Capture) error
}

// An Unavailable says why a signal cannot be had and how it could be.
type Unavailable struct {
	Reason string // one line, lower case
	Hint   string // what to do about it; may be ""
}

func (u *Unavailable) Error() string { return u.Reason }

// unavailablef makes an Unavailable.
func unavailablef(hint, format string, args ...any) error {
	return &Unavailable{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// gatherAll runs all sources at once and returns when the last has returned.
func gatherAll(ctx context.Context, sources []Source, c *Capture) {
	var wg sync.WaitGroup
	for _, s := range sources {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := s.run(ctx, c); err != nil {
				c.gap(s.Signal, err)
			}
		}()
	}
	wg.Wait()
}

// run turns a panic into an error: a bug in one source must not cost the
// evidence of the others.
func (s Source) run(ctx context.Context, c *Capture) error {
	return Guard(func() error { return s.Gather(ctx, c.Window, c) })
}

// Guard runs f and turns a panic into an error that says where it was.
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v at %s", p, panicSite(debug.Stack()))
		}
	}()
	return f()
}

// panicSite is the first line of a stack that names our own code.
func panicSite(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	after := false
	for _, l := range lines {
		if strings.HasPrefix(l, "panic(") {
			after = true
		} else if after && strings.HasPrefix(l, "busywork/") {
			name, _, _ := strings.Cut(l, "(")
			return name
		}
	}
	return "an unknown place"
}

func (c *Capture) gap(signal string, err error) {
	hint := ""
	if u, ok := errors.AsType[*Unavailable](err); ok {
		hint = u.Hint
	}
	c.AddGap(signal, redactText(err.Error()), hint)
}

// every calls sample at once and then at each interval until the window ends or
// ctx is done, and once more at the end, so that differences span the window.
// A late call is not made up for.
func every(ctx context.Context, w Window, interval time.Duration, sample func(now time.Time) error) error {
	end := time.NewTimer(time.Until(w.End))
	defer end.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := sample(time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return sample(time.Now())
		case <-end.C:
			return sample(time.Now())
		case <-tick.C:
		}
	}
}
