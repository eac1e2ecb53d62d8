package profile

import (
	"cmp"
	"time"
)

// A machine is what is remembered of this one from one window to the next, for a
// minute. The zero value remembers nothing yet.
type machine struct {
	budget      budget // the zero one for that of observing
	since       time.Time
	identities  identities
	supervisors []runningProcess
	listed      bool // supervisors are
}

// share is that of one core which sweeps may take.
func (m *machine) share() float64 { return cmp.Or(m.budget, observing()).share }

// sources lists what is to be gathered of this machine, in one window.
func (m *machine) sources() []Source {
	if time.Since(m.since) > lookAgain {
		*m = machine{budget: m.budget, since: time.Now()}
	}
	return []Source{hostSource(interval), processSource(interval, m), supervisorSource(m)}
}

// findSupervisors lists the supervisords: for that, the command lines of all
// processes are read.
func (m *machine) findSupervisors() ([]runningProcess, error) {
	if m.listed {
		return m.supervisors, nil
	}
	list, err := listSupervisors()
	m.supervisors, m.listed = list, err == nil
	return list, err
}

// identities are those of the processes of the last windows, so that who they are
// need not be read in each.
type identities struct {
	known map[ProcessKey]knownIdentity
}

type knownIdentity struct {
	name string // as the kernel has it
	ProcessIdentity
}

// maxIdentities bounds them: 2 MB at the usual length of command lines. On a
// machine with more processes some are read again.
const maxIdentities = 4096

// get is the identity of a process that is known by that name. If it has called
// exec since, its name has changed, unless it runs another program of the same.
func (list *identities) get(key ProcessKey, ppid int, name string) (ProcessIdentity, bool) {
	if list == nil {
		return ProcessIdentity{}, false
	}
	k, ok := list.known[key]
	if !ok || k.name != name {
		return ProcessIdentity{}, false
	}
	k.PPID = ppid // somebody else's, if its parent has ended
	return k.ProcessIdentity, true
}

func (list *identities) put(name string, id ProcessIdentity) {
	if list == nil {
		return
	}
	if list.known == nil || len(list.known) >= maxIdentities {
		list.known = make(map[ProcessKey]knownIdentity)
	}
	list.known[id.ProcessKey] = knownIdentity{name, id}
}
