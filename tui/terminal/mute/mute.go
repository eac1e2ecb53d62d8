// Package mute keeps the terminal UI's libraries from talking to the terminal
// before anybody has asked for a UI.
//
// Bubble Tea has an init function that asks the terminal for its background colour
// and waits for the answer: five seconds on a terminal that gives none (a serial
// console, expect, many a CI). It would make every command wait, those too that
// print two lines and end. Lip Gloss asks nothing once it has been told, so this
// package tells it, first.
//
// That it comes first is by the rules of the language's toolchain: packages are
// initialised in the order of their import paths, among those whose own imports
// are ready. This one imports Lip Gloss alone, which Bubble Tea needs as well, and
// its path sorts before "github.com/". It must stay so: a further import that
// Bubble Tea has no need of, and Bubble Tea may come first. The test that holds it
// runs the program on a terminal that never answers: see TestNoQuery in
// cmd/busywork.
//
// What the background really is, package terminal finds out when there is a UI.
package mute

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
