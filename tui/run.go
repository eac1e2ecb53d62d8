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
		err := f.Follow(ctx, func(a feed.Arrival) {
			given = given || a.Err == nil
			send(arrivalMsg{a})
		})
		if err != nil && (!given || ctx.Err() != nil) {
			return err
		}
		send(endedMsg{err})
		return nil
	})
}
