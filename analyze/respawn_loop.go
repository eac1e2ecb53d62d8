package analyze

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"busywork/profile"
)

// RespawnLoop finds a parent that keeps starting what keeps dying.
//
// No process table shows it: each child is gone before anybody looks, and the
// machine just looks busy. But the kernel adds the CPU of every reaped child to
// its parent's account, exactly and without privileges, so the CPU of the dead
// is known to the tick. What kept dying is named by the births that were seen
// and, where there is one, by the supervisor's own log, which has the exit
// status as well.
//
// Many children are no loop in themselves: a build or a script runs many
// different commands that end well, and a worker that forks for each job has
// children that are itself. What makes a loop is one command, started again and
// again, that fails.
var RespawnLoop = Rule{
	Name:  "respawn-loop",
	Title: "A supervisor restarts what dies at once, for ever",
	Doc: `What it is: a program that cannot run (another instance holds its lock or
port, a setting is missing) exits at once, and whoever supervises it starts it
again, for ever: supervisord, systemd with Restart=always, runit, PM2, a shell
loop, a container runtime.

What it costs: the whole start of the program, each time: loading an
interpreter and its libraries is half a second of CPU for a Celery process, so
two restarts a second keep a core busy for nothing. The machine looks full, and
the next task is put on another one.

How to fix it: remove or repair the program. Let the supervisor give up:
startsecs above 0 and a finite startretries (supervisord), StartLimitBurst
(systemd), a growing pause (PM2's exp_backoff_restart_delay). Alert on restarts.

When this rule is wrong: when the children are meant to be short and their
status is not an error.`,
	Needs: Signals{All: SignalProcesses},
	Limits: []Limit{
		{"starts", 3, "starts in the window", "a second start may be a deployment; three of the same command are a habit"},
		{"same-command", 0.80, "of the parent's starts", "a build or a script starts many different commands; a loop starts one"},
		{"failed", 0.50, "of known exit statuses", "most starts must have failed: a job runner's children end with status 0"},
		{"cores", 0.02, "cores", "below a fiftieth of a core nobody would notice it is gone"},
		{"slow", 0.10, "starts a second", "one restart in ten seconds or fewer is an error to repair, not CPU to save: low"},
	},
	Check: checkRespawnLoop,
}

// litter is the children of one parent that ran one command.
type litter struct {
	parent   *Proc
	kind     string // of supervisor, "" if unknown
	key      string // what makes commands the same
	label    string
	starts   float64
	cpu      float64 // seconds, as far as seen
	ends     int     // exit statuses that are known
	failed   int     // of which not 0
	statuses map[string]int
	program  *profile.SupervisedProgram
	config   string
	counted  bool // starts and statuses are the supervisor's own count
	others   float64
	allCPU   float64
}

func checkRespawnLoop(p *Pass) {
	most := 0.0
	for _, parent := range p.Processes.List {
		if parent.Gone {
			continue
		}
		l := largestLitter(p, parent)
		if l == nil {
			continue
		}
		most = max(most, l.starts)
		if f, ok := l.finding(p); ok {
			p.Report(f)
		}
	}
	if len(p.found) == 0 {
		p.Clean("no parent starts one failing command again and again (most starts of one command: %.0f)", most)
	}
}

// largestLitter is the command that a parent started most often, nil if it
// started nothing.
func largestLitter(p *Pass, parent *Proc) *litter {
	byKey := map[string]*litter{}
	var total, cpu float64
	for _, b := range p.birthsOf(parent) {
		key := strings.Join(b.Command, "\x00")
		if key == "" {
			key = b.Name
		}
		if isCopy(b.ProcessIdentity, parent) || len(b.Command) == 0 && b.Name == parent.Name {
			continue // a fork of itself, for a job: another kind of waste; or dead, and not to be told from one
		}
		if b.Name == "sleep" {
			continue // the pause of a shell loop
		}
		l := byKey[key]
		if l == nil {
			l = &litter{parent: parent, key: key, label: commandLabel(b.Name, b.Command), statuses: map[string]int{}}
			byKey[key] = l
		}
		l.starts++
		l.cpu += b.CPU
		total++
		cpu += b.CPU
		if b.ExitCode != nil {
			l.ends++
			l.statuses[fmt.Sprintf("status %d", *b.ExitCode)]++
			if *b.ExitCode != 0 {
				l.failed++
			}
		}
	}
	l := mostStarted(byKey)
	if l == nil {
		return nil
	}
	l.others, l.allCPU = total-l.starts, cpu
	l.kind = profile.SupervisorKind(parent.Name, parent.Command)
	l.askSupervisor(p)
	return l
}

func mostStarted(byKey map[string]*litter) *litter {
	var list []*litter
	for _, l := range byKey {
		list = append(list, l)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.starts > b.starts || a.starts == b.starts && a.key < b.key
	})
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// birthsOf are the children that a parent started inside the window: those
// that were watched, and those that a sweep happened to see.
func (f *Facts) birthsOf(parent *Proc) []profile.Birth {
	var list []profile.Birth
	seen := map[profile.ProcessKey]bool{}
	for _, b := range f.Capture.Births {
		if b.PPID == parent.PID {
			list = append(list, b)
			seen[b.ProcessKey] = true
		}
	}
	for _, q := range f.Processes.children(parent) {
		if q.Young && !seen[q.ProcessKey] {
			list = append(list, profile.Birth{ProcessIdentity: q.ProcessIdentity, CPU: own(q.Last), Exited: q.Gone})
		}
	}
	return list
}

// askSupervisor replaces what was seen by what the supervisor has logged, which
// misses nothing, where the log is of the same program.
func (l *litter) askSupervisor(p *Pass) {
	for i := range p.Capture.Supervisors {
		s := &p.Capture.Supervisors[i]
		if s.ProcessKey != l.parent.ProcessKey {
			continue
		}
		l.kind, l.config = s.Kind, s.Config
		name, spawned := mostSpawned(s.Events)
		if spawned < l.starts {
			continue
		}
		l.counted, l.starts = true, spawned
		l.ends, l.failed, l.statuses = 0, 0, map[string]int{}
		for _, e := range s.Events {
			if e.Program == name && e.What == "exited" {
				l.ends++
				l.note(e)
			}
		}
		for j := range s.Programs {
			if s.Programs[j].Name == name {
				l.program = &s.Programs[j]
			}
		}
	}
}

func (l *litter) note(e profile.SupervisorEvent) {
	switch {
	case e.ExitCode != nil:
		l.statuses[fmt.Sprintf("status %d", *e.ExitCode)]++
		if *e.ExitCode != 0 {
			l.failed++
		}
	default:
		l.statuses[e.Signal]++
		l.failed++
	}
}

func mostSpawned(events []profile.SupervisorEvent) (name string, n float64) {
	by := map[string]float64{}
	for _, e := range events {
		if e.What == "spawned" {
			by[e.Program]++
			if c := by[e.Program]; c > n || c == n && e.Program < name {
				name, n = e.Program, c
			}
		}
	}
	return name, n
}

// finding decides whether a litter is a loop.
func (l *litter) finding(p *Pass) (Finding, bool) {
	perSecond := l.starts / p.Processes.Seconds
	waste := l.waste(p)
	same := l.starts / (l.starts + l.others)
	if l.starts < p.Limit("starts") || waste.Value < p.Limit("cores") || same < p.Limit("same-command") && !l.counted {
		return Finding{}, false
	}
	if l.ends > 0 && float64(l.failed) < p.Limit("failed")*float64(l.ends) {
		return Finding{}, false // they end well: jobs, not crashes
	}
	confidence := Suspected
	switch {
	case l.failed > 0:
		confidence = Measured
	case l.isSupervisor():
		confidence = Inferred
	}
	f := Finding{
		Subject:    l.subject(),
		Message:    l.sentence(perSecond, waste),
		Confidence: confidence,
		Waste:      wasteOf(waste),
		Location:   Location{Function: l.label, File: l.config},
		Evidence:   l.evidence(p, perSecond, same),
		Fix:        l.fix(),
		RefutedBy: []string{
			"the command ends with status 0 because it has done its work",
			"the CPU of the parent's dead children stays when this program is stopped",
		},
	}
	if confidence != Measured {
		f.Settles = "the exit status: the parent's log has it, or run the command once by hand"
	}
	if perSecond < p.Limit("slow") {
		f.severe = SeverityLow
	}
	return f, true
}

// isSupervisor says whether restarting is the parent's purpose.
func (l *litter) isSupervisor() bool {
	switch l.kind {
	case "", "shell loop", "cron":
		return false
	}
	return true
}

// waste is the dead's CPU, as far as it is this command's, and that of the one
// that lives just now. Counted by the kernel, so the error is the tick of each.
func (l *litter) waste(p *Pass) Interval {
	part := 1.0
	if l.allCPU > 0 {
		part = l.cpu / l.allCPU
	}
	cores := l.parent.Dead * part
	for _, q := range p.Processes.children(l.parent) {
		if q.Young && !q.Gone && strings.Join(q.Command, "\x00") == l.key {
			cores += q.CPU
		}
	}
	const tick = 0.01 // seconds: 100 a second, whatever the kernel's own rate
	err := math.Sqrt(math.Max(l.starts, 1)) * tick / p.Processes.Seconds
	return Interval{cores, math.Max(0, cores-err), cores + err}.within(0.05)
}

func (l *litter) subject() string {
	if l.program != nil {
		return "[program:" + l.program.Name + "]"
	}
	return l.label
}

func (l *litter) parentName() string {
	if l.kind != "" {
		return fmt.Sprintf("%s (pid %d)", l.kind, l.parent.PID)
	}
	return fmt.Sprintf("%s (pid %d)", l.parent.label(), l.parent.PID)
}

func (l *litter) sentence(perSecond float64, waste Interval) string {
	what := l.label
	if l.program != nil {
		what = l.subject() + " (" + l.label + ")"
	}
	text := fmt.Sprintf("%s starts %s %.1f times a second", l.parentName(), what, perSecond)
	if s := l.commonStatus(); s != "" {
		text += ", and it exits with " + s
	} else {
		text += ", and it ends"
	}
	text += fmt.Sprintf(" after %.2f CPU-seconds each time: %.2f cores for nothing.", waste.Value/math.Max(perSecond, 1e-9), waste.Value)
	if l.program != nil && l.program.LastStderr != "" {
		text += " It last said: " + l.program.LastStderr
	}
	return text
}

func (l *litter) commonStatus() string {
	best, n := "", 0
	for s, k := range l.statuses {
		if k > n || k == n && s < best {
			best, n = s, k
		}
	}
	return best
}

func (l *litter) evidence(p *Pass, perSecond, same float64) []Evidence {
	source := "process table, a lower bound"
	if l.counted {
		source = "log of " + l.kind
	}
	e := []Evidence{
		{What: "starts", Value: l.starts, Unit: "in the window", Limit: limit(p.Limit("starts")), Source: source},
		{What: "starts a second", Value: perSecond, Unit: "1/s", Source: source},
		{What: "same command among the parent's starts", Value: same, Unit: "fraction", Limit: limit(p.Limit("same-command")), Source: "process table"},
		{What: "CPU of the parent's dead children", Value: l.parent.Dead, Unit: "cores", Limit: limit(p.Limit("cores")), Source: "cutime and cstime of pid " + fmt.Sprint(l.parent.PID)},
	}
	if l.ends > 0 {
		e = append(e, Evidence{What: "ended with an error", Value: float64(l.failed) / float64(l.ends), Unit: "fraction", Limit: limit(p.Limit("failed")), Source: source})
	}
	if p.Host != nil {
		e = append(e, Evidence{What: "forks of the whole host", Value: p.Host.ForksPerSecond, Unit: "1/s", Source: "/proc/stat, threads included"})
	}
	return e
}

func (l *litter) fix() string {
	switch l.kind {
	case "supervisord":
		return "Remove or repair " + l.subject() + "; set startsecs above 0 and a finite startretries so that supervisord gives up (FATAL) and can be alerted on."
	case "systemd":
		return "Repair the unit; set StartLimitIntervalSec and StartLimitBurst so that systemd gives up, and alert on failed units."
	case "shell loop":
		return "Repair the program; let the loop stop, or pause longer each time, when it fails."
	case "":
		return "Repair the program, or stop its parent from starting it again at once."
	}
	return "Repair the program; give " + l.kind + " a limit or a growing pause for restarts, and alert on them."
}
