package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/tui/feed"
	"busywork/tui/terminal"
)

// Run shows what a feed gives on a terminal until the user quits or ctx ends, and
// returns when the feed has come to its end, too: a recording is whole by then, and
// the terminal is as it was. Of the options, Profile, Dark and Copy are the
// terminal's.
//
// The error is that of a feed that has never given anything, or could not end in
// good order, or a *[terminal.Panic]. One that fails later says so on the screen:
// what it gave until then is worth looking at.
func Run(ctx context.Context, t *terminal.Terminal, f feed.Feed, o Options) error {
	o.Profile, o.Dark = t.Colours(), t.Dark()
	o.Copy = t.Copy
	return t.Run(ctx, New(f, o), func(ctx context.Context, send func(tea.Msg)) error {
		given := false
		pass, end := func(a feed.Arrival) { send(arrivalMsg{a}) }, func() {}
		if f.Live() { // it also records, and does not wait for a screen that is stuck
			r := relay(pass)
			pass, end = r.push, r.end
		}
		err := f.Follow(ctx, func(a feed.Arrival) {
			given = given || a.Err == nil
			pass(a)
		})
		end()
		if err != nil && (!given || ctx.Err() != nil) {
			return err
		}
		send(endedMsg{err})
		return nil
	})
}

// A relayer passes arrivals on from a goroutine of its own.
type relayer struct {
	queue chan feed.Arrival
	done  chan struct{}
}

// maxQueued is how many arrivals wait for a screen that is stuck. Older ones are lost
// to it, not to a recording.
const maxQueued = 64

func relay(pass func(feed.Arrival)) *relayer {
	r := &relayer{make(chan feed.Arrival, maxQueued), make(chan struct{})}
	go func() {
		defer close(r.done)
		for a := range r.queue {
			pass(a)
		}
	}()
	return r
}

// push is called from one goroutine.
func (r *relayer) push(a feed.Arrival) {
	for {
		select {
		case r.queue <- a:
			return
		default:
		}
		select {
		case <-r.queue: // the oldest makes room
		default:
		}
	}
}

// end returns when all has been passed on.
func (r *relayer) end() {
	close(r.queue)
	<-r.done
}
