// Package tui is the terminal UI: what someone keeps open in an incident.
//
// It gathers nothing and judges nothing. Windows of what is watched come from a
// [feed.Feed] as finished examinations, live or from a recording, and are messages
// like keys are. One [Model] takes them in: Update routes, a line a message, and
// waits for nothing; whatever takes time is a command whose end is a message again.
// So a test folds messages and looks at the frame, without a terminal ([Snapshot]
// does the same for pictures).
//
// A frame is drawn anew for every key, so it must cost next to nothing: screens
// work out what they show when something changes (Show, SetSize) and only put it
// together in View. All of it is written by way of a [page], which is also where
// names from outside are made harmless.
//
// Tour:
//
//   - model.go, route.go, time.go, actions.go: the root: messages, keys, going back
//     and forth in time, what the user asks for besides looking; frame.go and
//     help.go are what is around the screens; run.go is the program.
//   - target.go, history.go, roster.go: what is kept of a target from window to
//     window: its figures for ever, its findings without flapping. targets.go is the
//     list of several.
//   - scene.go: what a screen is, and what it is given to show.
//   - overview*.go, finding*.go, flame*.go, icicle*.go, process*.go, queue*.go,
//     rules*.go: the screens.
//   - keys.go, messages.go: what comes in; levers.go: what else people reach for;
//     snapshot.go: the program without a terminal.
//   - page.go, theme.go, layout.go, list.go, table.go, pager.go, chart.go, pieces.go,
//     wrap.go: what screens are made of. layout.go is all the arithmetic of what goes
//     where.
//
// Package feed brings the windows, package terminal keeps the terminal whole.
package tui
