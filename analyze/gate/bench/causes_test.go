package bench

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"busywork/analyze"
	"busywork/analyze/gate/blame"
)

// seeded is a module whose benchmarks get slower for two reasons, see regressed.
const seededModule = `
-- go.mod --
module example.org/seeded

go 1.24
-- queue/queue.go --
package queue

type Job struct {
	ID  int
	Due int64
}

type Delayed struct {
	jobs []*Job
	at   map[int]int
}

func New(n int) *Delayed {
	d := &Delayed{at: map[int]int{}}
	for i := range n {
		d.Add(i)
	}
	return d
}

func (d *Delayed) Add(id int) {
	d.at[id] = len(d.jobs)
	d.jobs = append(d.jobs, &Job{ID: id, Due: int64(id)})
}
-- queue/cancel.go --
package queue

func (d *Delayed) Cancel(id int) bool {
	i, ok := d.at[id]
	if ok {
		d.remove(i)
	}
	return ok
}

func (d *Delayed) remove(i int) {
	last := d.jobs[len(d.jobs)-1]
	delete(d.at, d.jobs[i].ID)
	if d.jobs[i] != last {
		d.jobs[i] = last
		d.at[last.ID] = i
	}
	d.jobs = d.jobs[:len(d.jobs)-1]
}
-- dispatch/dispatch.go --
package dispatch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
)

type Offer struct{ Job, Agent string }

type Dispatcher struct {
	Key  *ecdsa.PrivateKey
	Room map[string]bool
}

func New() *Dispatcher {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &Dispatcher{key, map[string]bool{"a": true}}
}

func (d *Dispatcher) sign(o Offer) []byte {
	claims, _ := json.Marshal(o)
	sum := sha256.Sum256(claims)
	signature, err := ecdsa.SignASN1(rand.Reader, d.Key, sum[:])
	if err != nil {
		panic(err)
	}
	return signature
}
-- dispatch/offer.go --
package dispatch

func (d *Dispatcher) Offer(o Offer) []byte {
	if !d.Room[o.Agent] {
		return nil
	}
	return d.sign(o)
}
-- queue/queue_test.go --
package queue_test

import (
	"testing"

	"example.org/seeded/queue"
)

func BenchmarkCancel(b *testing.B) {
	d := queue.New(1000)
	for i := range b.N {
		d.Cancel(i * 7 % 1000)
		d.Add(i * 7 % 1000)
	}
}
-- dispatch/dispatch_test.go --
package dispatch

import "testing"

func BenchmarkOffer(b *testing.B) {
	d := New()
	for i := range b.N {
		d.Offer(Offer{Job: "j", Agent: "abcd"[i%4 : i%4+1]})
	}
}
`

// regressed searches the queue for what is to be cancelled, and signs before it
// asks whether there is room.
const regressed = `
-- queue/cancel.go --
package queue

import "slices"

func (d *Delayed) Cancel(id int) bool {
	i := slices.IndexFunc(d.jobs, func(j *Job) bool { return j.ID == id })
	if i >= 0 {
		d.remove(i)
	}
	return i >= 0
}

func (d *Delayed) remove(i int) {
	last := d.jobs[len(d.jobs)-1]
	delete(d.at, d.jobs[i].ID)
	if d.jobs[i] != last {
		d.jobs[i] = last
		d.at[last.ID] = i
	}
	d.jobs = d.jobs[:len(d.jobs)-1]
}
-- dispatch/offer.go --
package dispatch

func (d *Dispatcher) Offer(o Offer) []byte {
	token := d.sign(o)
	if !d.Room[o.Agent] {
		return nil
	}
	return token
}
`

// Real binaries, real profiles: from a change to the function and the rule.
func TestCausesOfRealRegressions(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds of profiling")
	}
	alone(t)
	r := newRepo(t, filepath.Join(t.TempDir(), "seeded"), seededModule)
	r.write(regressed)
	b := r.prepare(Options{})
	for benchmark, want := range map[string]struct{ function, file, operation, rule, callee string }{
		"BenchmarkCancel": {"example.org/seeded/queue.(*Delayed).Cancel", "queue/cancel.go", analyze.OpSearch.String(), analyze.LinearQueueScan.Name, "slices.IndexFunc"},
		"BenchmarkOffer":  {"example.org/seeded/dispatch.(*Dispatcher).sign", "dispatch/dispatch.go", analyze.OpSign.String(), analyze.RefusedWork.Name, "crypto/ecdsa.SignASN1"},
	} {
		bm := b.Benchmarks[slices.IndexFunc(b.Benchmarks, func(bm Benchmark) bool { return bm.Name == benchmark })]
		causes, why := attributeReal(t, b, bm)
		t.Logf("%s: %+v %s", benchmark, causes, why)
		if len(causes) == 0 {
			t.Errorf("%s: nobody is named: %s", benchmark, why)
			continue
		}
		c := causes[0]
		if c.Function != want.function || c.File != want.file || c.Line == 0 || c.Operation != want.operation || c.Rule != want.rule || !slices.Contains(c.Callees, want.callee) {
			t.Errorf("%s: %+v", benchmark, c)
		}
	}
}

// attributeReal measures a benchmark once a side and attributes what it sees.
func attributeReal(t *testing.T, b *Bench, bm Benchmark) ([]blame.Cause, string) {
	t.Helper()
	n, err := b.Calibrate(t.Context(), bm)
	if err != nil {
		t.Fatal(err)
	}
	var sides [2]blame.Profiled
	for i := range sides {
		f, err := b.Run(t.Context(), bm, []Side{Base, Head}[i], n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Profile(t.Context(), bm, []Side{Base, Head}[i], n, blame.Fewest)
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = p.Timed(f.CPU, f.Fixed)
	}
	ratio := sides[1].CPUPerOp / sides[0].CPUPerOp
	effect := analyze.Interval{Value: ratio - 1, Low: ratio/1.05 - 1, High: ratio*1.05 - 1}
	if math.IsNaN(ratio) || ratio < 1.2 {
		t.Fatalf("%s takes %v times as much: that is no regression", bm, ratio)
	}
	return blame.CPU(sides[0], sides[1], effect, "example.org/seeded")
}
