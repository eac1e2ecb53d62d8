package tui

import (
	"time"

	"busywork/analyze"
	"busywork/tui/feed"
)

// The messages that Update routes. Everything that takes time happens in
// commands and in the feed; what comes of it arrives as one of these.
type (
	// arrivalMsg is a window that has come from the feed.
	arrivalMsg struct{ feed.Arrival }

	// endedMsg says that the feed has no more to give.
	endedMsg struct{ err error }

	// loadedMsg is an older window that was asked for.
	loadedMsg struct {
		target int
		asked  int // the number that was asked for
		number int // of the window, which may be a later one
		exam   *analyze.Examination
		err    error
	}

	// callsMsg is the profile of a window as a tree of calls.
	callsMsg struct {
		exam  *analyze.Examination
		calls *analyze.Calls
		err   error
	}

	// saidMsg is what became of something that the user asked for.
	saidMsg struct {
		text string
		err  error
	}

	// recordingMsg says that windows are being kept in a folder, "" if no more.
	recordingMsg struct {
		where string
		saidMsg
	}

	// tickMsg is the time, once a second while something is live.
	tickMsg time.Time
)
