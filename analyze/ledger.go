package analyze

import (
	"fmt"
	"sort"
)

// A LedgerRow is one place where core-seconds of the window went.
type LedgerRow struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"` // one of the kinds below
	Cores float64 `json:"cores"`
}

// The kinds of ledger row. All rows of a ledger add up to the CPUs of the
// host, to a clock tick.
const (
	LedgerOperation    = "operation" // the target, by what it did
	LedgerProcess      = "process"   // another process
	LedgerDead         = "dead"      // children that ended inside the window
	LedgerKernel       = "kernel"    // interrupts, in nobody's name
	LedgerIOWait       = "iowait"
	LedgerSteal        = "steal"
	LedgerIdle         = "idle"
	LedgerUnattributed = "unattributed" // busy, but by none of the above
)

// smallRow is the share of the host below which rows of one kind are summed up
// in one: a reader acts on none of them.
const smallRow = 0.005

// newLedger accounts for every core-second of the host; without host evidence,
// for those of the target alone.
func newLedger(f *Facts) []LedgerRow {
	rows := targetRows(f)
	if f.Host == nil {
		return append([]LedgerRow{}, rows...)
	}
	if f.Processes != nil {
		rows = append(rows, processRows(f)...)
	}
	h := f.Host
	busy := h.Cores(h.User + h.System)
	busy -= fit(rows, busy)
	rows = foldSmall(rows, smallRow*float64(h.CPUs))
	add := func(kind, name string, cores float64) {
		if cores > 0 {
			rows = append(rows, LedgerRow{name, kind, cores})
		}
	}
	add(LedgerKernel, "kernel: interrupts", h.Cores(h.IRQ))
	add(LedgerUnattributed, "unattributed", busy)
	add(LedgerIOWait, "waiting for disk", h.Cores(h.IOWait))
	add(LedgerSteal, "taken by the hypervisor", h.Cores(h.Steal))
	add(LedgerIdle, "idle", h.Cores(h.Idle))
	return rows
}

// fit adds rows up. Processes are read a moment before or after the host, so
// they may come to a little more than it was busy; that is taken off all in
// proportion.
func fit(rows []LedgerRow, busy float64) float64 {
	total := 0.0
	for _, r := range rows {
		total += r.Cores
	}
	if total <= busy || total == 0 {
		return total
	}
	for i := range rows {
		rows[i].Cores *= busy / total
	}
	return busy
}

// targetRows splits the target's CPU by operation, as the profile shares it.
func targetRows(f *Facts) []LedgerRow {
	if f.TargetCores <= 0 {
		return nil
	}
	name := f.Capture.Target.Name
	if f.Target != nil {
		name = f.Target.label()
	}
	if f.CPU == nil || f.CPU.enough() != nil || f.CPU.Seconds == 0 {
		return []LedgerRow{{name, LedgerProcess, f.TargetCores}}
	}
	var rows []LedgerRow
	for op, s := range f.CPU.Exclusive {
		if s > 0 {
			rows = append(rows, LedgerRow{
				Name:  name + ": " + Operation(op).String(),
				Kind:  LedgerOperation,
				Cores: s / f.CPU.Seconds * f.TargetCores,
			})
		}
	}
	mostFirst(rows)
	return rows
}

// processRows is everybody else, the living by name and the dead by parent.
// Processes of one name are one row.
func processRows(f *Facts) []LedgerRow {
	living, dead := map[string]*tally{}, map[string]*tally{}
	for _, q := range f.Processes.List {
		if q.Gone {
			continue // its parent answers for it
		}
		if q != f.Target {
			count := living[q.label()]
			if count == nil {
				count = new(tally)
				living[q.label()] = count
			}
			count.add(q.CPU)
		}
		if q.Dead > 0 {
			count := dead[q.label()]
			if count == nil {
				count = new(tally)
				dead[q.label()] = count
			}
			count.add(q.Dead)
		}
	}
	var rows []LedgerRow
	for name, t := range living {
		rows = append(rows, LedgerRow{t.named(name), LedgerProcess, t.cores})
	}
	for name, t := range dead {
		rows = append(rows, LedgerRow{"dead children of " + name, LedgerDead, t.cores})
	}
	mostFirst(rows)
	return rows
}

// tally is several processes of one name.
type tally struct {
	n     int
	cores float64
}

func (t *tally) add(cores float64) { t.n++; t.cores += cores }

func (t *tally) named(name string) string {
	if t.n > 1 {
		return fmt.Sprintf("%s ×%d", name, t.n)
	}
	return name
}

func mostFirst(rows []LedgerRow) {
	sort.Slice(rows, func(i, j int) bool {
		a, b := rows[i], rows[j]
		return a.Cores > b.Cores || a.Cores == b.Cores && a.Name < b.Name
	})
}

// foldSmall sums up, by kind, the rows below a limit.
func foldSmall(rows []LedgerRow, below float64) []LedgerRow {
	var kept []LedgerRow
	small := map[string]*tally{}
	for _, r := range rows {
		switch {
		case r.Cores >= below:
			kept = append(kept, r)
		case r.Cores > 0:
			if small[r.Kind] == nil {
				small[r.Kind] = new(tally)
			}
			small[r.Kind].add(r.Cores)
		}
	}
	mostFirst(kept)
	for _, k := range []string{LedgerOperation, LedgerProcess, LedgerDead} {
		if t := small[k]; t != nil {
			names := map[string]string{
				LedgerOperation: "the target's other operations",
				LedgerProcess:   plural(float64(t.n), "other process", "other processes"),
				LedgerDead:      "other dead children",
			}
			kept = append(kept, LedgerRow{names[k], k, t.cores})
		}
	}
	return kept
}
