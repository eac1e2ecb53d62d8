package tui

import (
	"fmt"
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/help"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/tui/feed"
)

// The screens, in the order of tab. A finding's has no tab of its own: it is
// opened from the overview.
const (
	atOverview = iota
	atFlame
	atProcesses
	atQueues
	atRules
	atFinding
	screens
)

var screenNames = [screens]string{"overview", "flame", "processes", "queues", "rules", "finding"}

// tabs is how many screens tab goes through.
const tabs = atFinding

// A Model is the root of the terminal UI: it knows what is watched and where the
// user is, routes messages, and puts the frame around the screen.
type Model struct {
	feed    feed.Feed
	options Options
	theme   *theme
	keys    *keyMap
	help    help.Model
	prompt  textinput.Model // for the filter

	w, h    int
	layout  layout
	screens [screens]screen
	at      int  // the screen that is shown
	before  int  // where the finding was opened from
	list    list // of targets

	targets  []*target // as the feed numbers them
	ranked   []*target // most waste first
	selected *target
	scene    *scene

	filter    string
	filtering bool // the prompt is open
	helping   bool
	guide     pager  // the help, while it is open
	recording string // the folder, "" if nothing is recorded
	said      saidMsg
	saidAt    time.Time
	now       time.Time
	ended     bool                          // the feed has no more to give
	calling   map[*analyze.Examination]bool // whose profile is being made into a tree
}

// Options say what the UI may do besides showing.
type Options struct {
	Profile termenv.Profile // how many colours the terminal has
	Dark    bool            // its background
	// Copy puts text on the clipboard of the terminal.
	Copy func(text string) error
	// Web opens a profile in pprof's web UI and says where; nil if it cannot.
	Web func(profile []byte) (url string, err error)
	// Recording is the folder that is recorded to from the start; "" for none.
	Recording string
}

// New makes the model; Run runs it.
func New(f feed.Feed, o Options) *Model {
	m := &Model{
		feed: f, options: o, theme: newTheme(o.Profile, o.Dark), keys: newKeyMap(), recording: o.Recording,
		help: help.Model{FullSeparator: "   "}, calling: map[*analyze.Examination]bool{},
	}
	m.prompt = textinput.New()
	m.prompt.CharLimit = 80
	m.prompt.Cursor.SetMode(cursor.CursorHide) // the footer draws it, and nothing blinks
	m.prompt.KeyMap.Paste.SetEnabled(false)    // it would run a program; terminals paste by themselves
	for _, name := range f.Targets() {
		m.targets = append(m.targets, &target{name: name, history: history{most: momentsOf(len(f.Targets()))}})
	}
	m.ranked = slices.Clone(m.targets)
	m.selected = m.targets[0]
	m.screens = [screens]screen{
		atOverview: newOverview(), atFlame: newFlame(), atProcesses: newProcesses(),
		atQueues: newQueues(), atRules: newRules(), atFinding: newFinding(),
	}
	m.show()
	return m
}

// Init starts the clock, where there is something whose age is to be seen.
func (m *Model) Init() tea.Cmd {
	if m.feed.Live() {
		return tick()
	}
	return nil
}

func tick() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// noticeFor is how long the footer says what has happened, if nobody presses a key:
// long enough to be read twice. What went wrong stays.
const noticeFor = 10 * time.Second

// tick is a second that has passed.
func (m *Model) tick(now time.Time) tea.Cmd {
	m.now = now
	if m.saidAt.IsZero() { // it was said before anybody knew what time it is
		m.saidAt = now
	}
	if m.said.err == nil && now.Sub(m.saidAt) > noticeFor {
		m.said = saidMsg{}
	}
	return tick()
}

// Update routes; nothing here waits for anything.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		return m, m.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		return m, m.pressed(msg)
	case tea.MouseMsg:
		return m, m.mouse(msg)
	case arrivalMsg:
		return m, m.arrive(msg.Arrival)
	case endedMsg:
		return m, m.end(msg.err)
	case loadedMsg:
		return m, m.loaded(msg)
	case callsMsg:
		return m, m.called(msg)
	case recordingMsg:
		return m, m.recorded(msg)
	case saidMsg:
		return m, m.say(msg)
	case tickMsg:
		return m, m.tick(time.Time(msg))
	}
	return m, nil
}

func (m *Model) resize(w, h int) tea.Cmd {
	m.w, m.h = w, h
	m.layout = arrange(w, h, len(m.targets))
	m.list.resize(len(m.targets), m.layout.Targets.H-1)
	for _, s := range m.screens {
		s.SetSize(m.layout.Body.W, m.layout.Body.H)
	}
	if m.helping {
		m.writeHelp()
	}
	return nil
}

// show gives the screens what there is to show now, and has computed what the
// one that is seen needs and does not have.
func (m *Model) show() tea.Cmd {
	m.scene = m.selected.scene(m)
	if m.scene.open != nil {
		m.selected.open = m.scene.open
	}
	for _, s := range m.screens {
		s.Show(m.scene)
	}
	return m.wantCalls()
}

func (m *Model) arrive(a feed.Arrival) tea.Cmd {
	if a.Target < 0 || a.Target >= len(m.targets) {
		return nil
	}
	t := m.targets[a.Target]
	t.arrive(a)
	if m.now.Before(a.At) {
		m.now = a.At
	}
	if !a.Indexed {
		m.rank()
	}
	if a.Lost != nil {
		m.say(saidMsg{err: fmt.Errorf("not recorded: %w", a.Lost)})
	}
	if t != m.selected {
		return nil
	}
	return m.show()
}

func (m *Model) end(err error) tea.Cmd {
	m.ended = true
	if err != nil {
		return m.say(saidMsg{err: err})
	}
	return nil
}

func (m *Model) say(s saidMsg) tea.Cmd {
	m.said, m.saidAt = s, m.now
	return nil
}

func (m *Model) recorded(msg recordingMsg) tea.Cmd {
	m.recording = msg.where
	return m.say(msg.saidMsg)
}

// openFinding goes to a finding's screen.
func (m *Model) openFinding(id string) tea.Cmd {
	m.selected.openID = id
	return m.goTo(atFinding)
}

// goTo shows a screen.
func (m *Model) goTo(at int) tea.Cmd {
	if at == atFinding && m.at != atFinding {
		m.before = m.at
	}
	m.at = at
	return m.show()
}

// called takes a tree of calls in.
func (m *Model) called(tree callsMsg) tea.Cmd {
	delete(m.calling, tree.exam)
	for _, t := range m.targets {
		if exam, _ := t.shown(); exam == tree.exam {
			t.calls = tree
		}
		if t.mark == tree.exam {
			t.markCalls = tree
		}
	}
	return m.show()
}

// wantCalls has the profiles made into trees that are to be seen as such, and are
// not yet.
func (m *Model) wantCalls() tea.Cmd {
	if m.at != atFlame && m.at != atFinding {
		return nil
	}
	var cmds []tea.Cmd
	want := func(e, have *analyze.Examination) {
		if e == nil || e == have || e.Profile() == nil || m.calling[e] {
			return
		}
		m.calling[e] = true
		cmds = append(cmds, func() tea.Msg {
			calls, err := e.Calls()
			return callsMsg{e, calls, err}
		})
	}
	want(m.scene.exam, m.scene.calls.exam)
	want(m.scene.mark, m.scene.markCalls.exam)
	return tea.Batch(cmds...)
}
