package tui

import "github.com/charmbracelet/bubbles/key"

// A keyMap is every key that means something on all screens. Help and the
// footer are made from it, so that what they say is what the keys do.
type keyMap struct {
	Up, Down, PageUp, PageDown, Home, End key.Binding
	Back, Next, Previous, Screen          key.Binding
	Target, TargetBefore                  key.Binding
	Filter, Help                          key.Binding
	Pause, Older, Newer, Oldest, Newest   key.Binding
	Mark, Record                          key.Binding
	Copy, Export, Web                     key.Binding
	Quit                                  key.Binding
}

func bind(help, what string, keys ...string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, what))
}

func newKeyMap() *keyMap {
	return &keyMap{
		Up:           bind("k ↑", "up", "k", "up"),
		Down:         bind("j ↓", "down", "j", "down"),
		PageUp:       bind("pgup", "a page up", "pgup", "ctrl+b"),
		PageDown:     bind("pgdn", "a page down", "pgdown", "ctrl+f", " "),
		Home:         bind("g", "to the top", "g", "home"),
		End:          bind("G", "to the end", "G", "end"),
		Back:         bind("esc", "back", "esc", "backspace"),
		Next:         bind("tab", "next screen", "tab"),
		Previous:     bind("S-tab", "previous screen", "shift+tab"),
		Screen:       bind("1–5", "go to a screen", "1", "2", "3", "4", "5"),
		Target:       bind("t", "next target", "t"),
		TargetBefore: bind("T", "previous target", "T"),
		Filter:       bind("/", "filter, search", "/"),
		Help:         bind("?", "help", "?"),
		Pause:        bind("p", "pause, go on", "p"),
		Older:        bind("[", "a window back", "["),
		Newer:        bind("]", "a window on", "]"),
		Oldest:       bind("{", "to the oldest window", "{"),
		Newest:       bind("}", "to the newest window", "}"),
		Mark:         bind("m", "mark: show changes since now", "m"),
		Record:       bind("r", "record to a folder, stop", "r"),
		Copy:         bind("c", "copy the finding as Markdown", "c"),
		Export:       bind("e", "export the report", "e"),
		Web:          bind("w", "the profile in pprof's web UI", "w"),
		Quit:         bind("q", "quit", "q", "ctrl+c"),
	}
}

// groups are the keys as help shows them, a column each.
func (k *keyMap) groups() [][]key.Binding {
	return [][]key.Binding{
		{k.Up, k.Down, k.PageUp, k.PageDown, k.Home, k.End, k.Back},
		{k.Next, k.Previous, k.Screen, k.Target, k.TargetBefore, k.Filter, k.Help, k.Quit},
		{k.Pause, k.Older, k.Newer, k.Oldest, k.Newest, k.Mark},
		{k.Record, k.Copy, k.Export, k.Web},
	}
}
