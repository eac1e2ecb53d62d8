package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// From a URL, a pid or a name to everything else: who listens there, what else
// does it listen on, and which brokers does it talk to. All of it is read from
// the tables of the kernel, before the window begins; what was found, and how,
// is kept as Discoveries.

// found is what was found out about a target on this machine.
type found struct {
	ProcessKey        // its PID is 0 if the target is not a process that is visible here
	Name       string // of the process, for people
	Exe        string // path of its executable, "" if it may not be known
	Listens    []netip.AddrPort
	Brokers    []broker
}

// A broker is a server of queues or data that the target is connected to.
type broker struct {
	Kind        string // "nats", "redis", "postgres", "amqp", "kafka", "mysql" or "memcached"
	Addr        netip.AddrPort
	Connections int // how many the target has
}

// A connection is an established TCP connection of a process.
type connection struct {
	Local, Remote netip.AddrPort
}

// errRemote says that an address is not one of this machine, so that its
// process, and all that goes with it, is out of reach.
var errRemote = errors.New("not an address of this machine")

const (
	// resolveTimeout bounds looking up the host of a URL.
	resolveTimeout = 2 * time.Second
	// maxFamily bounds the descendants that are asked for their connections. A
	// server that forks its workers has dozens, seldom hundreds.
	maxFamily = 256
	// maxFacts bounds the addresses and brokers that are kept.
	maxFacts = 64
)

// discoverURL finds the process that listens where a base URL leads to, and
// then what discover finds. A URL that leads to another machine is no error:
// the result has no PID, and a Discovery says why.
func discoverURL(ctx context.Context, c *Capture, raw string) (found, error) {
	if rest, ok := strings.CutPrefix(raw, "unix:"); ok {
		socket, _, _ := strings.Cut(rest, ":") // behind it is a path of the service
		pid, how, err := pidOfUnixListener(socket)
		if err != nil {
			return found{}, err
		}
		return discover(ctx, c, pid, how)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return found{}, unavailablef("", "%s is not a URL", redactURL(raw))
	}
	port, err := portOf(u)
	if err != nil {
		return found{}, err
	}
	pid, how, err := pidOfListener(ctx, u.Hostname(), port)
	if errors.Is(err, errRemote) {
		c.AddDiscovery("pid", "none", Clean(u.Hostname())+" is "+errRemote.Error())
		return found{}, nil
	}
	if err != nil {
		return found{}, err
	}
	return discover(ctx, c, pid, how)
}

// portOf is the port that a URL leads to.
func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return 0, unavailablef("", "%s is not a port", Clean(u.Port()))
		}
		return uint16(n), nil
	case u.Scheme == "http":
		return 80, nil
	case u.Scheme == "https":
		return 443, nil
	}
	return 0, unavailablef("", "%s has no port", redactURL(u.String()))
}

// discover looks at a process and its descendants, because a server that forks
// its workers leaves the connections to them. It adds what it finds to c; how
// says how the process itself was found.
func discover(ctx context.Context, c *Capture, pid int, how string) (found, error) {
	all, err := listProcesses()
	if err != nil {
		return found{}, err
	}
	if _, ok := all[pid]; !ok {
		return found{}, unavailablef("", "there is no process %d", pid)
	}
	f := found{ProcessKey: all[pid].ProcessKey, Name: all.name(pid)}
	c.AddDiscovery("pid", fmt.Sprintf("%d %s", pid, f.Name), how)
	if _, exe, err := executableOf(pid); err == nil {
		f.Exe = exe
		c.AddDiscovery("executable", printable(exe, 1<<10), fmt.Sprintf("what process %d runs", pid))
	}
	conns, err := f.sockets(all)
	if err != nil {
		return f, err
	}
	for _, a := range f.Listens {
		c.AddDiscovery("listener", a.String(), fmt.Sprintf("process %d, or a descendant, listens there", pid))
	}
	f.Brokers = brokersOf(ctx, c, all, pid, outgoing(conns, f.Listens))
	return f, nil
}

// sockets fills in where the target listens, and returns its connections. Only
// the target itself must be readable, not each of its descendants.
func (f *found) sockets(all processes) ([]connection, error) {
	listens, conns, err := socketsOf(f.PID)
	if err != nil {
		return nil, err
	}
	for _, child := range all.descendants(f.PID, maxFamily) {
		if l, s, err := socketsOf(child); err == nil {
			listens, conns = append(listens, l...), append(conns, s...)
		}
	}
	slices.SortFunc(listens, netip.AddrPort.Compare)
	listens = slices.Compact(listens)
	f.Listens = listens[:min(len(listens), maxFacts)]
	return conns, nil
}

// outgoing drops the connections that the target has accepted: their remote
// port is a client's, and says nothing.
func outgoing(conns []connection, listens []netip.AddrPort) []connection {
	own := map[uint16]bool{}
	for _, l := range listens {
		own[l.Port()] = true
	}
	return slices.DeleteFunc(slices.Clone(conns), func(s connection) bool { return own[s.Local.Port()] })
}

// pidOfListener returns the process that accepts TCP connections at host and
// port, and how it was found. The error is errRemote if host is another
// machine.
func pidOfListener(ctx context.Context, host string, port uint16) (pid int, how string, err error) {
	addrs, err := localAddrs(ctx, host)
	if err != nil {
		return 0, "", err
	}
	ls, err := allListeners(os.Getpid())
	if err != nil {
		return 0, "", err
	}
	for _, addr := range addrs {
		at, sockets := ls.at(addr, port)
		if len(sockets) == 0 {
			continue
		}
		holders, hidden, err := socketHolders(sockets)
		if err != nil {
			return 0, "", err
		}
		return ownerOf(joined(holders), hidden, "listens on "+at.String())
	}
	return 0, "", unavailablef("start the service, or check the port", "nothing listens on port %d of this machine", port)
}

// joined lists the processes that hold any of several sockets.
func joined(holders map[uint64][]int) []int {
	var pids []int
	for _, list := range holders {
		pids = append(pids, list...)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// localAddrs resolves a host and returns those of its addresses that are this
// machine's.
func localAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, unavailablef("check the host name", "%s cannot be resolved", Clean(host))
	}
	var local []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); isOwn(a) {
			local = append(local, a)
		}
	}
	if len(local) == 0 {
		return nil, errRemote
	}
	return local, nil
}

// isOwn says whether an address is one of this machine.
func isOwn(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(n net.Addr) bool {
		p, err := netip.ParsePrefix(n.String())
		return err == nil && p.Addr().Unmap().WithZone("") == a
	})
}

// A listener is a socket at which TCP connections are accepted. What its number
// is depends on the system; socketHolders knows.
type listener struct {
	addr   netip.AddrPort
	socket uint64
}

// listeners are all of a network namespace.
type listeners []listener

// at finds who gets what is sent to an address: the sockets of that very
// address, which may be several that share the work, or else those of all
// addresses. Those of all IPv6 addresses get IPv4 as well, unless they were
// told not to.
func (ls listeners) at(addr netip.Addr, port uint16) (at netip.AddrPort, sockets []uint64) {
	best := 0
	for _, l := range ls {
		score := fits(l.addr.Addr(), addr)
		if l.addr.Port() != port || score == 0 || score < best {
			continue
		}
		if score > best {
			best, at, sockets = score, l.addr, nil
		}
		sockets = append(sockets, l.socket)
	}
	return at, sockets
}

// fits says how well a listener's address fits the one that is sent to, 0 if it
// does not.
func fits(listens, addr netip.Addr) int {
	switch {
	case listens == addr:
		return 3
	case listens.IsUnspecified() && listens.Is4() == addr.Is4():
		return 2
	case listens.IsUnspecified() && listens.Is6(), addr.IsUnspecified() && listens.IsLoopback():
		return 1
	}
	return 0
}

// ownerOf chooses among the processes that hold a socket: a server that forks
// its workers shares it with them.
func ownerOf(pids []int, hidden int, does string) (pid int, how string, err error) {
	switch {
	case len(pids) == 0 && hidden > 0:
		return 0, "", unavailablef(hiddenHint, "the process that %s belongs to somebody else", does)
	case len(pids) == 0:
		return 0, "", unavailablef("run busywork where the service runs, or give pid:N",
			"the process that %s is not visible here, as from outside a container", does)
	}
	all, err := listProcesses()
	if err != nil {
		return 0, "", err
	}
	pid = all.uppermost(pids)[0]
	if name := all.name(pid); slices.Contains(forwarders, name) {
		return 0, "", unavailablef("run busywork where the service runs, or give pid:N",
			"%s (process %d) %s and only passes on what it gets", name, pid, does)
	}
	how = does + ", " + socketTable
	if len(pids) > 1 {
		how += fmt.Sprintf("; the uppermost of %d processes that do", len(pids))
	}
	return pid, how, nil
}

// forwarders accept connections for somebody else, in a container or on
// another machine: their CPU is not the target's.
var forwarders = []string{
	"ssh", "sshd", "kubectl", "socat", "docker-proxy", "com.docker.backend", "rootlessport", "slirp4netns", "pasta", "gvproxy",
}

// processes is the process table at one moment, by pid.
type processes map[int]runningProcess

func listProcesses() (processes, error) {
	list, err := runningProcesses()
	if err != nil {
		return nil, err
	}
	all := make(processes, len(list))
	for _, p := range list {
		all[p.PID] = p
	}
	return all, nil
}

// name is what people call a process: the kernel's name, which is cut at 15
// bytes, completed from the command line.
func (all processes) name(pid int) string {
	p := all[pid]
	name := p.Name
	if len(name) == 15 && len(p.Args) > 0 {
		if base := path.Base(p.Args[0]); strings.HasPrefix(base, name) {
			name = base
		}
	}
	return printable(redactText(name), 64)
}

// isBelow says whether a process descends from another.
func (all processes) isBelow(pid, ancestor int) bool {
	// Parents may change while the table is read, so a circle is possible.
	for range len(all) {
		p, ok := all[pid]
		if !ok || p.PPID == 0 {
			return false
		}
		if p.PPID == ancestor {
			return true
		}
		pid = p.PPID
	}
	return false
}

// uppermost returns those of pids that do not descend from another of them, in
// order. The first process of the machine counts only if it is the only one: it
// opens sockets for services, and keeps them.
func (all processes) uppermost(pids []int) []int {
	pids = slices.Sorted(slices.Values(pids))
	if len(pids) > 1 && pids[0] == 1 {
		pids = pids[1:]
	}
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool {
		return slices.ContainsFunc(pids, func(other int) bool { return all.isBelow(pid, other) })
	})
}

// descendants returns the children of a process and theirs, at most limit.
func (all processes) descendants(pid, limit int) []int {
	children := map[int][]int{}
	for _, p := range all {
		children[p.PPID] = append(children[p.PPID], p.PID)
	}
	var list []int
	seen := map[int]bool{pid: true}
	for queue := []int{pid}; len(queue) > 0 && len(list) < limit; queue = queue[1:] {
		next := children[queue[0]]
		slices.Sort(next)
		for _, child := range next {
			if !seen[child] && len(list) < limit {
				seen[child] = true
				list, queue = append(list, child), append(queue, child)
			}
		}
	}
	return list
}

// processesNamed returns the processes of that name: the kernel's, or that of
// the executable, of the command or of the script that an interpreter runs.
// Where there are several, the first is the ancestor of all others; if there is
// no such one, the error lists them.
func processesNamed(name string) ([]int, error) {
	all, err := listProcesses()
	if err != nil {
		return nil, err
	}
	var pids []int
	for pid, p := range all {
		if pid != os.Getpid() && p.isNamed(name) {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, unavailablef("give pid:N or a URL", "no process is named %s", Clean(name))
	}
	top := all.uppermost(pids)
	if len(top) > 1 {
		return nil, unavailablef(fmt.Sprintf("name one of them, as pid:%d", top[0]),
			"%d processes are named %s: %s", len(top), Clean(name), all.describe(top))
	}
	slices.Sort(pids)
	others := slices.DeleteFunc(pids, func(pid int) bool { return pid == top[0] || !all.isBelow(pid, top[0]) })
	return append(top, others...), nil
}

func (p runningProcess) isNamed(name string) bool {
	if p.Name == name || len(p.Args) > 0 && (path.Base(p.Args[0]) == name || p.script() == name) {
		return true
	}
	_, exe, err := executableOf(p.PID)
	return err == nil && path.Base(exe) == name
}

// script is the base name of what an interpreter runs: of worker.py in "python3
// /srv/worker.py", of celery in "python3 -m celery"; else "".
func (p runningProcess) script() string {
	program := strings.TrimRight(path.Base(p.Args[0]), "0123456789.")
	if !slices.Contains([]string{"python", "ruby", "node", "perl", "php", "sh", "bash"}, program) {
		return ""
	}
	for i, arg := range p.Args[1:] {
		if !strings.HasPrefix(arg, "-") {
			return path.Base(arg)
		}
		if arg == "-c" || arg == "-e" || i > 8 {
			break
		}
	}
	return ""
}

// describe lists processes for an error, at most eight.
func (all processes) describe(pids []int) string {
	const most = 8
	var list []string
	for _, pid := range pids[:min(len(pids), most)] {
		command := strings.Join(redactCommand(all[pid].Args), " ")
		list = append(list, fmt.Sprintf("%d (%s)", pid, printable(cmp.Or(command, all.name(pid)), 60)))
	}
	if len(pids) > most {
		list = append(list, fmt.Sprintf("and %d more", len(pids)-most))
	}
	return strings.Join(list, ", ")
}
