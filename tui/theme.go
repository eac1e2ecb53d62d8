package tui

import (
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"busywork/analyze"
)

// A style is what is written before and after a piece of text. Lip Gloss works it
// out once, from colours that fit the terminal; to have it render each piece of
// each frame would take longer than all else.
type style struct{ on, off string }

// A theme is every look that the screens use. Nothing is told by colour alone:
// wherever a colour carries a meaning, a letter, a word or a sign does so too.
type theme struct {
	plain, bold, faint, title, key style
	selected                       style // the row that the cursor is on
	high, medium, low              style // severities
	good, bad                      style // a change for the better, for the worse
	match                          style // what a search or a filter has found
	notice, problem                style // in the status line
	bar, hatch                     style // of bars; the part of one that is waste
	grown, shrunk, steady          style // of a graph's parts, since the mark

	host [hostModes]style // parts of the host's CPU time
	line style            // of a chart
	ops  [opFamilies]style
}

// The parts that the host's CPU time is shown in, each with a letter of its own.
const (
	modeUser = iota
	modeSystem
	modeIOWait
	modeSteal
	modeIdle
	hostModes
)

// hostLetters are the parts' letters, hostWords their names.
var (
	hostLetters = [hostModes]rune{'u', 's', 'w', 't', '·'}
	hostWords   = [hostModes]string{"user", "system", "iowait", "steal", "idle"}
)

// colour is one that can be read on a dark and on a light background.
func colour(light, dark string) lipgloss.AdaptiveColor {
	return lipgloss.AdaptiveColor{Light: light, Dark: dark}
}

// newTheme makes the looks for a terminal with that many colours on a dark or
// light background.
func newTheme(profile termenv.Profile, dark bool) *theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(profile)
	r.SetHasDarkBackground(dark)
	base := r.NewStyle()
	fg := func(light, dark string) lipgloss.Style { return base.Foreground(colour(light, dark)) }
	on := func(light, dark string) lipgloss.Style {
		return base.Background(colour(light, dark)).Foreground(colour("#1a1a1a", "#111111"))
	}
	t := &theme{
		bold:  looks(base.Bold(true)),
		faint: looks(fg("#6c6c6c", "#8a8a8a")),
		title: looks(fg("#005f87", "#5fd7ff").Bold(true)),
		key:   looks(fg("#5f5faf", "#afafff").Bold(true)),

		selected: looks(base.Reverse(true)),
		high:     looks(fg("#af0000", "#ff5f5f").Bold(true)),
		medium:   looks(fg("#875f00", "#ffaf00").Bold(true)),
		low:      looks(fg("#005faf", "#87afff").Bold(true)),
		good:     looks(fg("#006f00", "#5fd75f")),
		bad:      looks(fg("#af0000", "#ff5f5f")),
		match:    looks(on("#ffd75f", "#ffd700").Bold(true)),
		notice:   looks(fg("#005f87", "#87d7ff")),
		problem:  looks(fg("#af0000", "#ff5f5f").Bold(true)),
		bar:      looks(fg("#5f87af", "#5f87af")),
		hatch:    looks(fg("#af0000", "#ff8787")),
		grown:    looks(on("#ff8787", "#ff8787")),
		shrunk:   looks(on("#87d787", "#87d787")),
		steady:   looks(on("#d0d0d0", "#8a8a8a")),
	}
	t.host = [hostModes]style{
		modeUser:   looks(on("#87af5f", "#87af5f")),
		modeSystem: looks(on("#d78700", "#d7875f")),
		modeIOWait: looks(on("#8787d7", "#8787d7")),
		modeSteal:  looks(on("#d75f87", "#d75f87")),
		modeIdle:   looks(fg("#9e9e9e", "#585858")),
	}
	t.line = looks(fg("#005faf", "#5fafff"))
	for i, c := range opColours {
		t.ops[i] = looks(on(c[0], c[1]))
	}
	return t
}

// looks takes a Lip Gloss style apart.
func looks(s lipgloss.Style) style {
	on, off, _ := strings.Cut(s.Render("x"), "x")
	return style{on, off}
}

// severity is the look and the word of a severity.
func (t *theme) severity(s analyze.Severity) (style, string) {
	switch s {
	case analyze.SeverityHigh:
		return t.high, "HIGH"
	case analyze.SeverityMedium:
		return t.medium, "MED "
	}
	return t.low, "LOW "
}

// An opFamily is operations that are alike enough to share a colour: a reader
// tells nine from each other, not forty.
type opFamily uint8

const (
	familyOther  opFamily = iota // libraries
	familyOwn                    // the service's own code
	familyCrypto                 // signing, hashing, TLS
	familyData                   // encoding, text, compression
	familyRemote                 // clients and servers
	familySearch                 // going through data
	familyMemory                 // allocation, collection, copying
	familyWait                   // locks, channels, timers, the scheduler
	familyKernel                 // system calls, native code
	opFamilies
)

// familyNames are for a legend.
var familyNames = [opFamilies]string{"libraries", "own code", "crypto", "data", "remote", "search", "memory", "scheduling", "kernel"}

// opColours are backgrounds of the families, on light and on dark terminals.
var opColours = [opFamilies][2]string{
	familyOther:  {"#d0d0d0", "#8a8a8a"},
	familyOwn:    {"#87d7ff", "#5fafd7"},
	familyCrypto: {"#ffaf87", "#d7875f"},
	familyData:   {"#d7d787", "#afaf5f"},
	familyRemote: {"#afd787", "#87af5f"},
	familySearch: {"#ff87d7", "#d75faf"},
	familyMemory: {"#ffd787", "#d7af5f"},
	familyWait:   {"#d7afff", "#af87d7"},
	familyKernel: {"#afd7d7", "#5fafaf"},
}

// familyOf is the family of an operation.
func familyOf(o analyze.Operation) opFamily {
	switch o {
	case analyze.OpOwn:
		return familyOwn
	case analyze.OpSign, analyze.OpVerify, analyze.OpKeyParse, analyze.OpKeyMake, analyze.OpTLSHandshake, analyze.OpTLSRecord,
		analyze.OpHash, analyze.OpCipher, analyze.OpRandom:
		return familyCrypto
	case analyze.OpJSON, analyze.OpSerialise, analyze.OpCompress, analyze.OpRegexpCompile, analyze.OpRegexp, analyze.OpTemplate,
		analyze.OpFormat, analyze.OpLog, analyze.OpObserve, analyze.OpProfiling:
		return familyData
	case analyze.OpDial, analyze.OpHTTPClient, analyze.OpHTTPServer, analyze.OpSQL, analyze.OpRedis, analyze.OpMessaging, analyze.OpRPC:
		return familyRemote
	case analyze.OpSearch, analyze.OpSliceDelete, analyze.OpListWalk, analyze.OpMapWalk, analyze.OpSort:
		return familySearch
	case analyze.OpGC, analyze.OpGCIdle, analyze.OpAllocation, analyze.OpCopy:
		return familyMemory
	case analyze.OpLock, analyze.OpChannel, analyze.OpScheduler, analyze.OpTimer:
		return familyWait
	case analyze.OpSyscall, analyze.OpNative:
		return familyKernel
	}
	return familyOther
}
