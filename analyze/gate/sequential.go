package gate

// A look is a number of pairs at which all benchmarks without a verdict are
// judged, and the part of alpha that this costs.
type look struct {
	pairs int
	alpha float64
}

const (
	// Ten pairs are the first number at which half a dozen benchmarks can reach a
	// verdict at all: p is then at least 1/1024 for each.
	firstLook = 10
	// From look to look the pairs grow by this factor: less, and a look learns
	// little for its alpha; more, and benchmarks run on that need not.
	lookGrowth = 1.6
	// A look that is followed by the last within a fifth more pairs is left out.
	lookAhead = 1.2
	// The first look gets most of alpha, because most real changes are large and
	// few pairs make p coarse: of 0.01, 0.006 is six times 1/1024. Later looks
	// have p to spare (2^-16 is 0.000015) and get half of what is left each.
	firstShare = 0.6
)

// looksUpTo plans the looks for at most so many pairs: after 10, 16, 24 and 40
// with 0.6, 0.2, 0.1 and 0.1 of alpha. The parts add up to alpha, so that
// looking often does not raise the chance of a false alarm, however the looks
// depend on each other.
func looksUpTo(pairs int, alpha float64) []look {
	var plan []look
	left, share := alpha, firstShare
	for at := float64(firstLook); at*lookAhead < float64(pairs); at *= lookGrowth {
		spent := alpha * share
		whole := int(at) &^ 1 // blocks of two pairs
		plan = append(plan, look{whole, spent})
		left -= spent
		share = left / alpha / 2
	}
	return append(plan, look{pairs, left})
}

// A Sequence leads all benchmarks of one run of the gate from pair to pair: it
// says in which order a pair runs, judges when enough have run, and lets a
// benchmark rest whose verdict is clear. It knows no clock: whoever runs out of
// time calls [Sequence.Finish].
//
//	for due := q.Due(); len(due) > 0; due = q.Due() {
//		for _, b := range due {
//			q.Add(b, run(b, q.HeadFirst(b)))
//		}
//	}
//	judgements := q.Finish()
//
// The benchmarks take turns, so that a minute's disturbance falls on a pair or
// two of each instead of on most of one.
type Sequence struct {
	settings Settings
	looks    []look // those to come
	tracks   []track
	family   family
	known    nulls
}

// A track is one benchmark on its way to a verdict.
type track struct {
	pairs  []Pair
	closed bool
	last   Judgement
}

// NewSequence plans the run of so many benchmarks.
func NewSequence(benchmarks int, s Settings) (*Sequence, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	return &Sequence{
		settings: s, looks: looksUpTo(s.MaxPairs, s.Alpha), tracks: make([]track, benchmarks),
		family: family{slower: benchmarks, faster: benchmarks}, known: nulls{},
	}, nil
}

// HeadFirst is the order of a benchmark's next pair: AB BA BA AB, and again.
//
// Two pairs in opposite orders cancel a steady drift. Blocks that mirror each
// other also cancel what neighbouring runs have in common, because they stand
// next to each other in the same order as often as in the opposite one. In plain
// ABBA ABBA neighbours are always opposite: noise that lasts for some runs then
// moves both pairs to the same side, and passes for a change too often.
func (q *Sequence) HeadFirst(benchmark int) bool {
	n := len(q.tracks[benchmark].pairs) % 4
	return n == 1 || n == 2
}

// Due lists the benchmarks that need one more pair before the next look. It is
// empty when all have a verdict, or as many pairs as there may be.
func (q *Sequence) Due() []int {
	var list []int
	if len(q.looks) == 0 {
		return nil
	}
	for b := range q.tracks {
		if t := &q.tracks[b]; !t.closed && len(t.pairs) < q.looks[0].pairs {
			list = append(list, b)
		}
	}
	return list
}

// Add takes the pair that a benchmark has run, also one without usable figures.
// The pair that completes what a look needs brings the look.
func (q *Sequence) Add(benchmark int, p Pair) {
	t := &q.tracks[benchmark]
	if t.closed {
		return // it has its verdict: what comes afterwards must not change it
	}
	t.pairs = append(t.pairs, p)
	q.lookIfComplete()
}

// Drop takes out a benchmark that cannot run any further, and says why. It still
// counts among the benchmarks for which alpha was meant.
func (q *Sequence) Drop(benchmark int, why string) {
	t := &q.tracks[benchmark]
	if t.closed {
		return
	}
	t.closed = true
	t.last = Judgement{Verdict: Inconclusive, P: 1, Pairs: len(t.pairs), Why: why}
	q.lookIfComplete()
}

func (q *Sequence) lookIfComplete() {
	if len(q.looks) > 0 && len(q.Due()) == 0 {
		q.look()
	}
}

// look judges the benchmarks without a verdict, and closes those that now have one.
//
// A benchmark once found slower leaves the family, as in Holm's procedure within
// one look: if no alarm so far was false, it is not among those of which one
// still can be. Others with a verdict stay in, which errs towards caution.
func (q *Sequence) look() {
	at := q.looks[0]
	q.looks = q.looks[1:]
	var open []int
	var shown []evidence
	for b := range q.tracks {
		if !q.tracks[b].closed {
			open = append(open, b)
			shown = append(shown, ofPairs(q.tracks[b].pairs, q.known))
		}
	}
	found := family{}
	for i, j := range q.settings.judge(shown, at, q.family) {
		t := &q.tracks[open[i]]
		t.last, t.closed = j, j.Verdict != Inconclusive
		switch j.Verdict {
		case Slower:
			found.slower++
		case Faster:
			found.faster++
		}
	}
	q.family.slower -= found.slower
	q.family.faster -= found.faster
}

// Finish gives the judgements in the order of the benchmarks. Those without a
// verdict are judged once more on the pairs that they have, with the alpha of the
// look that was to come: that it comes early depends on the time, not on the
// figures, and costs nothing. After it no benchmark is due.
func (q *Sequence) Finish() []Judgement {
	if len(q.looks) > 0 {
		q.look()
	}
	q.looks = nil
	list := make([]Judgement, len(q.tracks))
	for b := range q.tracks {
		q.tracks[b].closed = true
		list[b] = q.tracks[b].last
	}
	return list
}

// Left is how many more pairs all benchmarks together need at most, if none gets
// its verdict any sooner: what a progress line counts down.
func (q *Sequence) Left() int {
	if len(q.looks) == 0 {
		return 0
	}
	most, sum := q.looks[len(q.looks)-1].pairs, 0
	for b := range q.tracks {
		if t := &q.tracks[b]; !t.closed {
			sum += max(0, most-len(t.pairs))
		}
	}
	return sum
}
