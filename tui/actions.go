package tui

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"busywork/analyze"
	"busywork/analyze/report"
)

// What the user asks for besides looking. Each returns a command, which does the
// work elsewhere, and says what became of it.

// do is a command that ends with something to say.
func do(f func() (string, error)) tea.Cmd {
	return func() tea.Msg {
		text, err := f()
		return saidMsg{text, err}
	}
}

// record begins to keep windows in a folder, or stops.
func (m *Model) record() tea.Cmd {
	if !m.feed.Live() {
		return m.say(saidMsg{err: errors.New("this is a recording already")})
	}
	if where := m.recording; where != "" {
		return func() tea.Msg {
			kept, err := m.feed.StopRecording()
			return recordingMsg{"", saidMsg{fmt.Sprintf("recorded %d windows, %.1f MB, in %s", kept.Windows, float64(kept.Bytes)/1e6, where), err}}
		}
	}
	return func() tea.Msg {
		where, err := m.feed.Record("")
		if err != nil {
			return saidMsg{err: err} // one may be at work that was begun a moment ago
		}
		return recordingMsg{where, saidMsg{text: "recording to " + where}}
	}
}

// subject is the finding that the user is at: the one that is open, or the one
// that the cursor of the overview is on.
func (m *Model) subject() *analyze.Finding {
	if m.at == atFinding && m.scene.open != nil {
		return m.scene.open.finding
	}
	if o, ok := m.screens[atOverview].(interface{ Subject() *row }); ok {
		if r := o.Subject(); r != nil {
			return r.finding
		}
	}
	return nil
}

// copy puts the finding on the clipboard, as Markdown.
func (m *Model) copy() tea.Cmd {
	f, r := m.subject(), m.scene.report()
	if f == nil || r == nil || m.options.Copy == nil {
		return m.say(saidMsg{err: errors.New("there is no finding to copy")})
	}
	return do(func() (string, error) {
		var b bytes.Buffer
		if err := report.Finding(&b, f, r); err != nil {
			return "", err
		}
		if err := m.options.Copy(b.String()); err != nil {
			return "", err
		}
		return "copied " + f.Rule + " as Markdown, if this terminal allows it (OSC 52)", nil
	})
}

// export writes the report of what is shown next to where busywork was started:
// as JSON for programs, as Markdown for people.
func (m *Model) export() tea.Cmd {
	r := m.scene.report()
	if r == nil {
		return m.say(saidMsg{err: errors.New("there is no report yet")})
	}
	return do(func() (string, error) {
		name := "busywork-" + fileName(r.Target.Name) + "-" + r.Window.End.Local().Format("20060102-150405")
		for ext, render := range map[string]report.Renderer{".json": report.JSON, ".md": report.Markdown} {
			var b bytes.Buffer
			if err := render(&b, r); err != nil {
				return "", err
			}
			if err := os.WriteFile(name+ext, b.Bytes(), 0o600); err != nil {
				return "", err
			}
		}
		where, err := filepath.Abs(name)
		if err != nil {
			where = name
		}
		return "exported to " + where + ".md and .json", nil
	})
}

// fileName is a name from outside as part of the name of a file.
func fileName(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
	safe = strings.Trim(safe, "-")
	return safe[:min(len(safe), 60)]
}

// web opens the profile of what is shown in pprof's web UI.
func (m *Model) web() tea.Cmd {
	if m.scene.exam == nil || m.scene.exam.Profile() == nil || m.options.Web == nil {
		return m.say(saidMsg{err: errors.New("there is no CPU profile in this window")})
	}
	profile := m.scene.exam.Profile()
	return do(func() (string, error) {
		url, err := m.options.Web(profile)
		if err != nil {
			return "", fmt.Errorf("pprof's web UI: %w", err)
		}
		return "pprof's web UI: " + url, nil
	})
}
