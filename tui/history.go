package tui

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"busywork/analyze"
)

// A moment is what is kept of a window for ever: its figures. The windows
// themselves are too large for that.
type moment struct {
	number int
	at     time.Time // its end
	known  bool      // the host was observed
	host   [hostModes]float32
	wasted float32   // cores, by all findings that are more than suspected
	depths []float32 // by queue, as history.queues names them, −1 where one was not seen; shorter where later ones were not known yet
}

// A history is the moments of one target, in order of their numbers.
type history struct {
	list   []moment
	queues []string
	known  bool // the host was observed in one of them
	most   int  // moments that are kept; 0 for maxMoments
}

// momentsOf is how many moments each of that many targets may have.
func momentsOf(targets int) int {
	return max(leastMoments, min(maxMoments, allMoments/max(1, targets)))
}

const (
	// maxMoments is more than a day of windows of 5 s; 20,000 moments with a few
	// queues take 3 MB.
	maxMoments = 20_000
	// allMoments bounds those of all targets together, and leastMoments is what each
	// of many has, three hours.
	allMoments, leastMoments = 100_000, 2000
	// maxQueues bounds the queues whose depths are kept.
	maxQueues = 32
)

// add keeps the figures of a window. Windows come in any order, each once.
func (h *history) add(number int, at time.Time, r *analyze.Report) {
	m := moment{number: number, at: at, known: r.Host.Known, wasted: float32(wasted(r))}
	h.known = h.known || r.Host.Known
	for mode, v := range hostShares(&r.Host) {
		m.host[mode] = float32(v)
	}
	for _, q := range r.Queues {
		i := h.queue(q.Name)
		if i < 0 {
			continue
		}
		for len(m.depths) <= i {
			m.depths = append(m.depths, -1) // another queue's, not seen in this window
		}
		m.depths[i] = float32(q.Depth)
	}
	at1 := sort.Search(len(h.list), func(i int) bool { return h.list[i].number >= number })
	if at1 < len(h.list) && h.list[at1].number == number {
		h.list[at1] = m
		return
	}
	h.list = slices.Insert(h.list, at1, m)
	if most := cmp.Or(h.most, maxMoments); len(h.list) > most {
		h.list = slices.Delete(h.list, 0, len(h.list)-most)
	}
}

// queue is the index of a queue's depths, −1 if it is one too many.
func (h *history) queue(name string) int {
	if i := slices.Index(h.queues, name); i >= 0 || len(h.queues) >= maxQueues {
		return i
	}
	h.queues = append(h.queues, name)
	return len(h.queues) - 1
}

// keeps says whether the depths of a queue are kept.
func (h *history) keeps(queue string) bool { return slices.Contains(h.queues, queue) }

// hostShares is the host's CPU time by mode, fractions that add up to 1.
func hostShares(h *analyze.ReportHost) [hostModes]float64 {
	return [hostModes]float64{modeUser: h.User, modeSystem: h.System, modeIOWait: h.IOWait, modeSteal: h.Steal, modeIdle: h.Idle}
}

// wasted is the cores that findings which are more than suspected come to. Kin
// are part of what they stand beneath.
func wasted(r *analyze.Report) float64 {
	sum := 0.0
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Confidence != analyze.Suspected {
			sum += f.Waste.Cores
		}
	}
	return sum
}

// newest and oldest are the numbers of the last and the first window that is
// known, 0 if there is none.
func (h *history) newest() int { return h.end(len(h.list) - 1) }
func (h *history) oldest() int { return h.end(0) }

func (h *history) end(i int) int {
	if len(h.list) == 0 {
		return 0
	}
	return h.list[i].number
}

// step is the number of the window that is by windows away from number, or the
// nearest that is known.
func (h *history) step(number, by int) int {
	i := sort.Search(len(h.list), func(i int) bool { return h.list[i].number >= number })
	return h.end(max(0, min(i+by, len(h.list)-1)))
}

// before is the numbers of the windows before one, oldest first.
func (h *history) before(number int) []int {
	var list []int
	for i := range h.list {
		if h.list[i].number >= number {
			break
		}
		list = append(list, h.list[i].number)
	}
	return list
}

// when is the end of a window, the zero time if it is not known.
func (h *history) when(number int) time.Time {
	i := sort.Search(len(h.list), func(i int) bool { return h.list[i].number >= number })
	if i < len(h.list) && h.list[i].number == number {
		return h.list[i].at
	}
	return time.Time{}
}

// A column is the windows that share a column of a chart: their mean.
type column struct {
	n      int // how many windows are known of it; 0 leaves a hole
	host   [hostModes]float64
	known  bool // of the host
	wasted float64
}

// columns spreads the windows from number first to last over n columns, the last
// one at the right end. Where there are fewer windows than columns, each has one
// and the columns at the left stay empty.
func (h *history) columns(n, first, last int) []column {
	list := make([]column, n)
	h.spread(n, first, last, func(i int, m *moment) {
		c := &list[i]
		c.n++
		c.known = c.known || m.known
		c.wasted += float64(m.wasted)
		for mode, v := range m.host {
			c.host[mode] += float64(v)
		}
	})
	for i := range list {
		c := &list[i]
		for mode := range c.host {
			c.host[mode] /= float64(max(1, c.n))
		}
		c.wasted /= float64(max(1, c.n))
	}
	return list
}

// depths is a queue's depth, spread over n columns as by columns: the deepest of
// each, −1 where nothing is known.
func (h *history) depths(queue string, n, first, last int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = -1
	}
	q := slices.Index(h.queues, queue)
	h.spread(n, first, last, func(i int, m *moment) {
		if q >= 0 && q < len(m.depths) {
			list[i] = max(list[i], float64(m.depths[q]))
		}
	})
	return list
}

// spread calls each with every moment of the range and the column that it is in.
func (h *history) spread(n, first, last int, each func(column int, m *moment)) {
	from := sort.Search(len(h.list), func(i int) bool { return h.list[i].number >= first })
	for i := from; i < len(h.list) && h.list[i].number <= last; i++ {
		each(columnOf(h.list[i].number, n, first, last), &h.list[i])
	}
}

// columnOf is the column, of n, of a window in the range from first to last.
func columnOf(number, n, first, last int) int {
	if span := last - first + 1; span > n {
		return (number - first) * n / span
	}
	return n - 1 - (last - number)
}
