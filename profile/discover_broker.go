package profile

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// brokerPorts are the ports that brokers and databases listen on by custom.
var brokerPorts = map[uint16]string{
	4222:  "nats",
	6379:  "redis",
	5432:  "postgres",
	5671:  "amqp", // with TLS
	5672:  "amqp",
	9092:  "kafka",
	3306:  "mysql",
	11211: "memcached",
}

// brokerPrograms are the programs that serve them on whatever port.
var brokerPrograms = map[string]string{
	"nats-server":   "nats",
	"redis-server":  "redis",
	"valkey-server": "redis",
	"keydb-server":  "redis",
	"postgres":      "postgres",
	"postmaster":    "postgres",
	"pgbouncer":     "postgres",
	"mysqld":        "mysql",
	"mariadbd":      "mysql",
	"memcached":     "memcached",
}

// brokerRuntimes are programs that run many things, one of them a broker that
// is known by a word of its command line.
var brokerRuntimes = map[string]struct{ word, kind string }{
	"beam.smp": {"rabbit", "amqp"},
	"java":     {"kafka.Kafka", "kafka"},
}

const (
	// maxSniffs bounds the addresses that are connected to.
	maxSniffs = 8
	// sniffTimeout for connection and greeting together; a NATS server greets at
	// once, so this is only the way there and back.
	sniffTimeout = 300 * time.Millisecond
	// sniffBytes hold the whole greeting of most servers: to hang up with some of
	// it unread would look to the server like an error.
	sniffBytes = 4 << 10
)

// brokersOf returns the brokers among the remote ends of a process's outgoing
// connections, and adds them to c. One is known by the program that listens
// there, if that is on this machine; by its port; or, only if neither says
// anything, by what a NATS server sends of its own accord. What stays unknown
// is not guessed at.
func brokersOf(ctx context.Context, c *Capture, all processes, pid int, conns []connection) []broker {
	count := map[netip.AddrPort]int{}
	for _, s := range conns {
		count[s.Remote]++
	}
	addrs := slices.SortedFunc(maps.Keys(count), netip.AddrPort.Compare)
	addrs = addrs[:min(len(addrs), maxFacts)]
	programs := listeningAt(all, pid, addrs)

	var list []broker
	var unknown []netip.AddrPort
	for _, addr := range addrs {
		if kind, how := knownBroker(programs[addr], addr); kind != "" {
			list = append(list, c.foundBroker(broker{kind, addr, count[addr]}, how))
		} else if !addr.Addr().IsLoopback() || sharesNetwork(pid) {
			unknown = append(unknown, addr)
		}
	}
	for _, addr := range sniffAll(ctx, c, unknown) {
		list = append(list, c.foundBroker(broker{"nats", addr, count[addr]}, "greets as a NATS server does"))
	}
	return list
}

func (c *Capture) foundBroker(b broker, how string) broker {
	c.AddDiscovery("broker", b.Kind+" "+b.Addr.String(), fmt.Sprintf("the target is connected to it (%d×), and it %s", b.Connections, how))
	return b
}

// listeningAt returns the processes that listen at those of the addrs that are
// of this machine. It is the process that counts: a broker on any other port is
// known by it. What cannot be read is left out.
func listeningAt(all processes, pid int, addrs []netip.AddrPort) map[netip.AddrPort]runningProcess {
	ls, err := allListeners(pid)
	if err != nil {
		return nil
	}
	at := map[netip.AddrPort][]uint64{}
	var sockets []uint64
	for _, addr := range addrs {
		if isOwn(addr.Addr()) {
			_, at[addr] = ls.at(addr.Addr(), addr.Port())
			sockets = append(sockets, at[addr]...)
		}
	}
	if len(sockets) == 0 {
		return nil
	}
	holders, _, err := socketHolders(sockets)
	if err != nil {
		return nil
	}
	programs := map[netip.AddrPort]runningProcess{}
	for addr, list := range at {
		for _, socket := range list {
			if pids := holders[socket]; len(pids) > 0 {
				programs[addr] = all[all.uppermost(pids)[0]]
			}
		}
	}
	return programs
}

// knownBroker says what kind of broker is at an address, and what tells.
func knownBroker(p runningProcess, addr netip.AddrPort) (kind, how string) {
	if kind := brokerPrograms[p.Name]; kind != "" {
		return kind, fmt.Sprintf("is %s, process %d", p.Name, p.PID)
	}
	if r, ok := brokerRuntimes[p.Name]; ok && strings.Contains(strings.Join(p.Args, " "), r.word) {
		return r.kind, fmt.Sprintf("is %s with %q in its command line, process %d", p.Name, r.word, p.PID)
	}
	if kind := brokerPorts[addr.Port()]; kind != "" {
		return kind, fmt.Sprintf("has port %d, which is that of %s by custom", addr.Port(), kind)
	}
	return "", ""
}

// sniffAll returns those addresses that greet as NATS servers do.
func sniffAll(ctx context.Context, c *Capture, addrs []netip.AddrPort) []netip.AddrPort {
	addrs = addrs[:min(len(addrs), maxSniffs)]
	is := make([]bool, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		c.CountBrokerRequests(1)
		wg.Go(func() { _ = Guard(func() error { is[i] = sniffNATS(ctx, addr); return nil }) })
	}
	wg.Wait()
	var found []netip.AddrPort
	for i, addr := range addrs {
		if is[i] {
			found = append(found, addr)
		}
	}
	return found
}

// sniffNATS connects to an address that the target is connected to, listens for
// the greeting of a NATS server and hangs up. Nothing is ever sent: what would
// make another server speak might make it act.
func sniffNATS(ctx context.Context, addr netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(ctx, sniffTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return false
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok && conn.SetReadDeadline(deadline) != nil {
		return false
	}
	const greeting = "INFO {"
	head, err := bufio.NewReaderSize(conn, sniffBytes).Peek(len(greeting))
	return err == nil && string(head) == greeting
}
