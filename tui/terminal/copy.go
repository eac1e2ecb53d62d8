package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aymanbagabas/go-osc52/v2"
)

// A multiplexer is a program between us and the terminal that the user sees. It
// swallows what it does not know unless that is wrapped.
type multiplexer uint8

const (
	noMultiplexer multiplexer = iota
	tmux
	screen
)

// surrounding is the multiplexer that this process runs in, as far as the
// environment tells.
func surrounding() multiplexer {
	kind := os.Getenv("TERM")
	switch {
	case os.Getenv("TMUX") != "" || strings.HasPrefix(kind, "tmux"):
		return tmux
	case os.Getenv("STY") != "" || strings.HasPrefix(kind, "screen"):
		return screen
	}
	return noMultiplexer
}

// MaxCopy is how many bytes of text Copy takes. Terminals cut the sequence off at
// 100,000 bytes; base64 makes four of three, and xterm's own limit is this.
const MaxCopy = 74_994

// Copy puts text on the clipboard of the user's own machine, through ssh and all,
// by the escape sequence OSC 52. Whether the terminal does it cannot be known: many
// ask the user, or are told not to. It is written between two frames.
func (t *Terminal) Copy(text string) error {
	if len(text) > MaxCopy {
		return fmt.Errorf("%d kB are more than a terminal's clipboard takes (%d kB)", len(text)/1000, MaxCopy/1000)
	}
	_, err := io.WriteString(t, clipboard(text, t.around))
	return err
}

// clipboard is the sequence that sets the clipboard.
func clipboard(text string, in multiplexer) string {
	set := osc52.New(text)
	switch in {
	case tmux:
		// tmux takes the plain form when set-clipboard is on, and hands the wrapped
		// one through when allow-passthrough is. Neither can be asked for; where both
		// are on, the same text is set twice.
		return set.String() + set.Tmux().String()
	case screen:
		return set.Screen().String()
	}
	return set.String()
}
