package tui

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"busywork/analyze"
)

// queueList is queues in all the states that they are seen in.
func queueList() []analyze.ReportQueue {
	return []analyze.ReportQueue{
		{Name: "stream JOBS, consumer slow", System: "jetstream", Depth: 700, Growth: 30, In: 100, Delivered: 70, Acked: 70, AckPending: 100, MaxAckPending: 100, Consumers: 2},
		{Name: "stream JOBS, consumer fast", System: "jetstream", Depth: 3, In: 100, Delivered: 100, Acked: 100, AckPending: 3, MaxAckPending: 1000, Consumers: 2, WaitingPulls: 8},
		{Name: "stream POISON, consumer w", System: "jetstream", Depth: 300, Growth: -5, In: 10, Delivered: 60, Redelivered: 45, Acked: 15, AckPending: 20, MaxAckPending: -1, Consumers: 1},
		{Name: "stream STOPPED, consumer w", System: "jetstream", Depth: 50_000, Growth: 0, In: 0, Consumers: 1},
		{Name: "key mail", System: "redis", Type: "list", Depth: 420, Growth: -7},
		{Name: "key reminders", System: "redis", Type: "zset", Depth: 8181, Growth: 240, Consumers: 3},
	}
}

// hostileQueues have names of an attacker and figures that no broker gives.
func hostileQueues() []analyze.ReportQueue {
	var list []analyze.ReportQueue
	for i, name := range hostile {
		for _, v := range []float64{0.5, math.NaN(), math.Inf(1), math.Inf(-1), -3, 1e300} {
			list = append(list, analyze.ReportQueue{
				Name: "stream " + name + ", consumer " + name, System: []string{"jetstream", "redis", name}[i%3], Type: name,
				Depth: v, Growth: v, In: v, Delivered: v, Redelivered: v, Acked: v,
				AckPending: math.MaxInt, MaxAckPending: math.MinInt, Consumers: -1, WaitingPulls: math.MaxInt,
			})
		}
	}
	return list
}

func manyQueues(n int) []analyze.ReportQueue {
	list := make([]analyze.ReportQueue, n)
	for i := range list {
		list[i] = queueList()[i%6]
		list[i].Name = fmt.Sprintf("stream S%d, consumer c%d", i, i)
		list[i].Depth += float64(i)
	}
	return list
}

func TestQueuesFrames(t *testing.T) {
	all := queueList()
	for name, list := range map[string][]analyze.ReportQueue{"nothing": nil, "one": all[:1], "all": all, "10,000": manyQueues(10_000), "hostile": hostileQueues()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, filter := range []string{"", "consumer", "nobody at all"} {
				plain := listScene(nil, list)
				plain.filter = filter
				marked := *plain
				marked.mark = plain.exam
				throughFrames(t, newQueues, plain, &marked)
			}
		})
	}
}

// TestNotes: what is said of each queue, first what matters most.
func TestNotes(t *testing.T) {
	c := newQueues().(*queues)
	c.Show(listScene(nil, queueList()))
	c.SetSize(120, 37)
	for i, want := range [][]string{
		{"▲ it grows by 30 a second and is never empty: 100 a second come in and 70 leave", "! the consumer may take no more: 100 deliveries are not acknowledged, and MaxAckPending is 100"},
		{"· it keeps up: less than a second's work waits", "· waiting for a message: 8 pull requests"},
		{"▼ it is empty in 60 s: 15 a second leave and 10 come in", "! 75 % of deliveries are repeats: 45 of 60 a second", "not acknowledged: 20; the stream has 1 consumer"},
		{"= it stands still: it gets no less", "! nothing was delivered in this window, though messages wait"},
		{"▼ it is empty in 60 s: it gets 7 less a second", "· Redis counts neither"},
		{"· it holds jobs for later (zset)", "· 3 clients of this Redis server wait"},
	} {
		q := &c.scene.report().Queues[i]
		var text []string
		for _, n := range c.notes(q) {
			text = append(text, n.sign+" "+n.text)
		}
		got := strings.Join(text, "\n")
		at := 0
		for _, w := range want {
			next := strings.Index(got[at:], w)
			if next < 0 {
				t.Errorf("%s: %q is missing, or not in its place:\n%s", q.Name, w, got)
				break
			}
			at += next
		}
	}
}

// TestRedisRatesAreUnknown, and not 0: Redis does not count them.
func TestRedisRatesAreUnknown(t *testing.T) {
	c := newQueues()
	c.Show(listScene(nil, queueList()[4:5]))
	c.SetSize(120, 37)
	line := strings.Split(c.View(), "\n")[2]
	if got, want := strings.Fields(line), strings.Fields("▸ key mail 420 ▼7.0 – – – – – – in 60 s"); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestQueueOrders: by each figure, and equal ones by name.
func TestQueueOrders(t *testing.T) {
	c := newQueues().(*queues)
	c.SetSize(120, 37)
	c.Show(listScene(nil, queueList()))
	for _, want := range []string{
		"STOPPED/w reminders JOBS/slow mail POISON/w JOBS/fast",
		"JOBS/fast JOBS/slow POISON/w mail reminders STOPPED/w",
		"POISON/w mail reminders JOBS/fast JOBS/slow STOPPED/w",
		"mail reminders JOBS/fast JOBS/slow POISON/w STOPPED/w",
	} {
		var got []string
		for _, q := range c.rows {
			got = append(got, shortQueue(q))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("by %s: %s, want %s", queueOrderHeads[c.order], strings.Join(got, " "), want)
		}
		c.Key(keyMsg("s"))
	}
}

// TestCursorStaysOnTheQueue while it changes its place.
func TestCursorStaysOnTheQueue(t *testing.T) {
	c := newQueues().(*queues)
	c.SetSize(80, 21)
	list := queueList()
	c.Show(listScene(nil, list))
	for c.current().Name != "key mail" {
		c.Key(keyMsg("j"))
	}
	later := queueList()
	later[4].Depth = 1e6
	c.Show(listScene(nil, later))
	if c.current().Name != "key mail" || c.list.at != 0 {
		t.Errorf("the cursor is on %s, line %d", c.current().Name, c.list.at)
	}
	c.Key(keyMsg("s"))
	if c.current().Name != "key mail" {
		t.Errorf("in another order the cursor is on %s", c.current().Name)
	}
}

// TestQueueChart: the depth over the windows is drawn, with a caret under the one
// that is shown.
func TestQueueChart(t *testing.T) {
	list := queueList()[:1]
	s := listScene(nil, list)
	for n := 2; n <= 40; n++ {
		list[0].Depth += 20
		s.history.add(n, time.Unix(1_780_000_000+5*int64(n), 0), s.exam.Report)
	}
	s.number, s.newest = 20, false
	c := newQueues()
	c.SetSize(100, 30)
	c.Show(s)
	rows := strings.Split(c.View(), "\n")
	top, caret, dots := "", -1, 0
	for _, row := range rows[6:] {
		if strings.Contains(row, "│") && top == "" {
			top = strings.TrimSpace(strings.Split(row, "│")[0])
		}
		if strings.Contains(row, "▲") {
			caret = width(row[:strings.Index(row, "▲")])
		}
		for _, r := range row {
			if r > 0x2800 && r <= 0x28ff {
				dots++
			}
		}
	}
	n := 100 - chartAxis
	first, last := s.span(n)
	if want := chartAxis + columnOf(20, n, first, last); caret < 0 || caret != want {
		t.Errorf("the caret is in column %d, want %d\n%s", caret, want, c.View())
	}
	if top != "2000" || dots < 30 {
		t.Errorf("the axis ends at %q, %d cells of line\n%s", top, dots, c.View())
	}
}

// TestBacklogInQueues: what the report knows of a queue by other figures counts.
func TestBacklogInQueues(t *testing.T) {
	c := newQueues()
	c.SetSize(80, 21)
	c.Show(captured(t, "sessions-waste"))
	view := strings.Join(strings.Fields(c.View()), " ")
	for _, want := range []string{"1322 ▲57.4", "never", "after the first fix it is empty in 34 s", "not acknowledged: 407 of at most 1000"} {
		if !strings.Contains(view, want) {
			t.Errorf("%q is missing:\n%s", want, c.View())
		}
	}
}

// TestPoisonInQueues: redeliveries have a sign and a sentence.
func TestPoisonInQueues(t *testing.T) {
	c := newQueues()
	c.SetSize(80, 21)
	c.Show(captured(t, "poison-redelivery-waste"))
	for _, want := range []string{"!5691", "keeps up", "92 % of deliveries are repeats: 5691 of 6190 a second"} {
		if !strings.Contains(c.View(), want) {
			t.Errorf("%q is missing:\n%s", want, c.View())
		}
	}
}

func TestQueuesSayWhyThereAreNone(t *testing.T) {
	s := listScene(nil, nil)
	s.exam.Report.Gaps = []analyze.ReportGap{{Signal: "jetstream", Reason: "nats: no servers available", Hint: "look at --nats"}}
	c := newQueues()
	c.SetSize(80, 21)
	c.Show(s)
	for _, want := range []string{"nats: no servers available", "→ look at --nats", "--redis URL --queue KEY"} {
		if !strings.Contains(c.View(), want) {
			t.Errorf("%q is missing:\n%s", want, c.View())
		}
	}
}

func BenchmarkQueues(b *testing.B) {
	s := listScene(nil, manyQueues(256))
	s.theme = newTheme(termenv.TrueColor, true)
	for n := 2; n <= maxMoments; n++ {
		s.history.list = append(s.history.list, moment{number: n, depths: []float32{float32(n)}})
	}
	s.live = false // a recording: the chart is of all windows
	marked := *s
	marked.mark = s.exam
	c := newQueues()
	c.SetSize(120, 37)
	for name, s := range map[string]*scene{"plain": s, "marked": &marked} {
		c.Show(s)
		b.Run("View/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = c.View()
			}
		})
		b.Run("Show/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Show(s)
			}
		})
		b.Run("Key/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Key(keyMsg([]string{"j", "k"}[i%2]))
				_ = c.View()
			}
		})
	}
}
