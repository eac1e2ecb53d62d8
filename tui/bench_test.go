package tui

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/tui/feed"
)

// crowded is a terminal of 120×40 with 1,000 findings and 300 processes: those of
// incident A, many times over.
func crowded(b *testing.B) *Model {
	f, list := open(b, recording(b, "dispatch-waste"))
	exam := *list[0].Exam
	report := *exam.Report
	report.Findings = nil
	for i := range 1000 {
		finding := exam.Report.Findings[i%len(exam.Report.Findings)]
		finding.Subject = fmt.Sprintf("%s %d", finding.Subject, i)
		finding.Location.Function = fmt.Sprintf("%s%d", finding.Location.Function, i)
		finding.Waste.Cores *= 1 - float64(i)/1000
		report.Findings = append(report.Findings, finding)
	}
	var processes []analyze.ProcessRow
	for i := range 300 {
		p := list[0].Exam.Processes[i%len(list[0].Exam.Processes)]
		p.PID += 10_000 * i
		p.Cores += 0.001 * float64(i)
		processes = append(processes, p)
	}
	exam.Report, exam.Processes = &report, processes
	list[0].Exam = &exam
	m := New(live{f}, Options{Profile: termenv.TrueColor, Dark: true})
	m.fold(tea.WindowSizeMsg{Width: 120, Height: 40})
	for n := range 200 {
		a := list[0]
		a.Number = n + 1
		m.fold(arrivalMsg{a})
	}
	return m
}

// BenchmarkFrame is what one frame takes: a millisecond and 200 allocations are
// the bounds.
func BenchmarkFrame(b *testing.B) {
	m := crowded(b)
	for at, name := range screenNames {
		m.openFinding(m.scene.rows[0].id)
		m.fold(m.goTo(at))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = m.View()
			}
		})
	}
}

// BenchmarkKey is what it takes from a key to the frame that shows what it did:
// two milliseconds are the bound.
func BenchmarkKey(b *testing.B) {
	m := crowded(b)
	keys := []tea.KeyMsg{keyMsg("j"), keyMsg("j"), keyMsg("pgdown"), keyMsg("k")}
	for at, name := range screenNames {
		m.openFinding(m.scene.rows[0].id)
		m.fold(m.goTo(at))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Update(keys[i%len(keys)])
				_ = m.View()
			}
		})
	}
}

// BenchmarkWindow is what a window costs from its arrival to the frame.
func BenchmarkWindow(b *testing.B) {
	m := crowded(b)
	a := feed.Arrival{Exam: m.selected.newest, At: time.Unix(0, 0)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a.Number = 201 + i
		m.Update(arrivalMsg{a})
		_ = m.View()
	}
}

// BenchmarkDay plays days of live windows of 5 s: what is kept of them must stop
// to grow.
func BenchmarkDay(b *testing.B) {
	f, list := open(b, recording(b, "dispatch-waste"))
	m := New(live{f}, Options{Profile: termenv.TrueColor, Dark: true})
	m.fold(tea.WindowSizeMsg{Width: 120, Height: 40})
	const windows = 24 * 3600 / 5
	day := func(n int) {
		for i := range windows {
			a := list[0]
			exam := *a.Exam // each window has an examination of its own
			a.Exam, a.Number = &exam, n*windows+i+1
			a.At = list[0].At.Add(time.Duration(a.Number) * 5 * time.Second)
			m.fold(arrivalMsg{a})
		}
	}
	day(0)
	before := heap()
	n := 0
	for b.Loop() {
		n++
		day(n)
	}
	b.ReportMetric(before/1e6, "MB-after-one")
	b.ReportMetric(heap()/1e6, "MB-at-the-end")
	b.ReportMetric(float64(n+1), "days")
	runtime.KeepAlive(m)
}

// heap is the bytes in use.
func heap() float64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}

// BenchmarkScrub is a step back through a recording, from the key to the frame,
// with the window read from disk and examined again: 50 ms are the bound.
func BenchmarkScrub(b *testing.B) {
	const windows = 40 // more than a feed holds
	captures := make([]string, windows)
	for i := range captures {
		captures[i] = "dispatch-waste"
	}
	f, list := open(b, recording(b, captures...))
	m := New(f, Options{Profile: termenv.TrueColor, Dark: true})
	m.fold(tea.WindowSizeMsg{Width: 120, Height: 40})
	for _, a := range list {
		m.fold(arrivalMsg{a})
	}
	for b.Loop() {
		if _, number := m.selected.shown(); number == 1 {
			m.fold(keyMsg("}"))
		}
		m.fold(keyMsg("["))
		_ = m.View()
	}
}
