package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress is one line on standard error that says what is going on: redrawn
// on a terminal, written once where there is none.
type progress struct {
	w        io.Writer
	terminal bool
	mu       sync.Mutex
	drawn    bool
	said     string
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && isTerminal(f)}
}

// isTerminal says whether f is a terminal that understands escapes.
func isTerminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}

// step shows how far a window has come.
func (p *progress) step(what string, elapsed, total time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal {
		if what != p.said {
			p.said = what
			if total > 0 {
				what = fmt.Sprintf("%s, %.0f s", what, total.Seconds())
			}
			fmt.Fprintln(p.w, what+" …")
		}
		return
	}
	const cells = 20
	n := cells
	if total > 0 {
		n = min(cells, int(cells*elapsed/total))
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s  %s%s  %.0f of %.0f s", what,
		strings.Repeat("█", n), strings.Repeat("·", cells-n), elapsed.Seconds(), total.Seconds())
	p.drawn = true
}

// done takes the line away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}
