package profile

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Two processes that both want the same CPU each wait for the other.
func TestRunDelay(t *testing.T) {
	spin := func() int { return startProcess(t, "sh", "-c", "while :; do :; done").Process.Pid }
	target, other := spin(), spin()
	one := firstCPU(t)
	for _, pid := range []int{target, other} {
		if err := unix.SchedSetaffinity(pid, &one); err != nil {
			t.Fatal(err)
		}
	}
	c := gatherFor(t, stallSource(target, observing().share), time.Second)
	if len(c.Stalls) < 2 {
		t.Fatalf("%d samples", len(c.Stalls))
	}
	first, last := c.Stalls[0], c.Stalls[len(c.Stalls)-1]
	if first.RunDelay != 0 || last.RunDelay <= 0 {
		t.Errorf("waited %v s at first and %v s at last", first.RunDelay, last.RunDelay)
	}
	if last.PID != target || last.Threads != 1 || last.Start == 0 {
		t.Errorf("%+v", last)
	}
}

// firstCPU is the first CPU that this process may run on.
func firstCPU(t *testing.T) unix.CPUSet {
	t.Helper()
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	for cpu := range maxCPUs {
		if may.IsSet(cpu) {
			one.Set(cpu)
			return one
		}
	}
	t.Fatal("no CPU to run on")
	return one
}

func TestStallSourceOfNoProcess(t *testing.T) {
	c := &Capture{Window: windowFromNow(time.Millisecond)}
	if err := stallSource(1<<30, observing().share).Gather(t.Context(), c.Window, c); err == nil || len(c.Stalls) != 0 {
		t.Errorf("error %v, %d samples", err, len(c.Stalls))
	}
}

func TestParseSchedstat(t *testing.T) {
	if ran, delay, err := parseSchedstat([]byte("1000000000 2500000000 7\n")); err != nil || ran != 1 || delay != 2.5 {
		t.Errorf("%v, %v, %v", ran, delay, err)
	}
	for _, bad := range []string{"", "1000", "1000 x 7\n"} {
		if _, _, err := parseSchedstat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// The server that the target is connected to is a peer, and so is who else is
// connected to it; a process beside them is not.
func TestPeers(t *testing.T) {
	addr, server := startRedis(t)
	host, port, _ := strings.Cut(addr, ":")
	client := func() int {
		pid := startProcess(t, needProgram(t, "redis-cli"), "-h", host, "-p", port, "BLPOP", "jobs", "0").Process.Pid
		waitFor(t, "a client", func() bool {
			_, conns, err := socketsOf(pid)
			return err == nil && len(conns) == 1 && conns[0].Remote == netip.MustParseAddrPort(addr)
		})
		return pid
	}
	target, other := client(), client()
	stranger := startProcess(t, "sleep", "60").Process.Pid
	waitFor(t, "redis-server to accept both", func() bool {
		_, conns, err := socketsOf(server)
		return err == nil && len(conns) == 2
	})
	list, err := peersOf(target)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]string{}
	for _, p := range list {
		got[p.PID] = p.How
	}
	want := map[int]string{
		os.Getpid(): "is busywork itself",
		server:      "has a connection with the target",
		other:       "is connected to " + addr + ", as the target is",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("target %d, stranger %d: %s", target, stranger, diff)
	}
}
