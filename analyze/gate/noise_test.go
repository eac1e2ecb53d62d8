package gate

import (
	"math"
	"math/rand/v2"
)

// A noise is what a machine adds to the CPU time of executions, as a model: what
// was seen on shared machines is one-sided, comes in bursts, and drifts.
type noise struct {
	name    string
	jitter  float64 // mean of what every execution takes longer, of its time
	spike   float64 // chance that an execution is disturbed
	size    float64 // mean of what a disturbance adds
	tail    bool    // disturbances of all sizes (Pareto, without variance) instead
	burst   float64 // chance, at each execution, that a burst of disturbances begins
	hold    float64 // chance, at each execution of a burst, that it lasts
	drift   float64 // of each run against the run before: steady
	wander  float64 // and random
	echo    float64 // correlation of one run's disturbance with the next one's
	echoing float64 // size of that disturbance
}

// noises are the machines of the simulation. The calm one is set to what a
// CPU-bound loop showed: pairs of the best of three spread by 1.5 %.
var noises = []noise{
	{name: "calm", jitter: 0.03, spike: 0.1, size: 0.05},
	{name: "spiky", jitter: 0.04, spike: 0.5, size: 0.15},
	{name: "heavy tail", jitter: 0.02, spike: 0.5, size: 0.05, tail: true},
	{name: "bursts", jitter: 0.02, spike: 0.05, size: 0.05, burst: 0.02, hold: 0.96},
	{name: "drift", jitter: 0.03, spike: 0.1, size: 0.05, drift: 0.003, wander: 0.01},
	{name: "storm", jitter: 0.1, spike: 0.9, size: 0.4},
	{name: "echo", jitter: 0.01, echo: 0.5, echoing: 0.04},
}

// A machine is one noise at work. All benchmarks of a run of the gate share it,
// in the order in which they run.
type machine struct {
	noise
	rng    *rand.Rand
	burst  bool
	level  float64 // logarithm, of drift
	echoed float64
}

func newMachine(n noise, seed uint64) *machine {
	return &machine{noise: n, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

// execution is one execution's CPU time as a multiple of the undisturbed one.
func (m *machine) execution() float64 {
	t := 1 + m.jitter*m.rng.ExpFloat64()
	if m.rng.Float64() < m.spike {
		if m.tail {
			t += m.size * (math.Pow(m.rng.Float64(), -1/1.5) - 1)
		} else {
			t += m.size * m.rng.ExpFloat64()
		}
	}
	if m.burst {
		t += 0.05 + 0.2*m.rng.Float64()
		m.burst = m.rng.Float64() < m.hold
	} else if m.noise.burst > 0 {
		m.burst = m.rng.Float64() < m.noise.burst
	}
	return t
}

// run is one run of a side: the best of three executions.
func (m *machine) run() float64 {
	m.level += m.drift + m.wander*m.rng.NormFloat64()
	best := min(m.execution(), m.execution(), m.execution())
	if m.echoing > 0 {
		m.echoed = m.echo*m.echoed + math.Sqrt(1-m.echo*m.echo)*m.rng.NormFloat64()
		best *= math.Exp(m.echoing * m.echoed)
	}
	return best * math.Exp(m.level)
}

// pair is one run of each side, of a program that costs factor times as much on
// head.
func (m *machine) pair(factor float64, headFirst bool) Pair {
	const cost = 1e-6
	if headFirst {
		head := m.run()
		return Pair{Base: cost * m.run(), Head: cost * factor * head, HeadFirst: true}
	}
	base := m.run()
	return Pair{Base: cost * base, Head: cost * factor * m.run()}
}

// pairs is n of them in the order of a Sequence.
func (m *machine) pairs(n int, factor float64) []Pair {
	list := make([]Pair, n)
	for i := range list {
		list[i] = m.pair(factor, i%4 == 1 || i%4 == 2)
	}
	return list
}

// gate runs all benchmarks to their verdicts, one for each factor.
func (m *machine) gate(s Settings, factors ...float64) []Judgement {
	q, err := NewSequence(len(factors), s)
	if err != nil {
		panic(err)
	}
	for due := q.Due(); len(due) > 0; due = q.Due() {
		for _, b := range due {
			q.Add(b, m.pair(factors[b], q.HeadFirst(b)))
		}
	}
	return q.Finish()
}
