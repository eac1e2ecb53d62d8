package profile

import (
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestConnections makes connections to two servers while it is looked at, and
// keeps one.
func TestConnections(t *testing.T) {
	d, err := openProcDir()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	r := connectionReader{procDir: d, pid: os.Getpid(), seen: map[connection]int{}}
	first, err := r.made()
	if err != nil {
		t.Fatal(err)
	}
	busy, quiet := listenAndHold(t), listenAndHold(t)
	defer dialed(t, quiet).Close()
	const brief = 12
	for range brief {
		conn := dialed(t, busy)
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	last, err := r.made()
	if err != nil {
		t.Fatal(err)
	}
	if made := last - first; made < brief+1 { // others in the namespace may connect as well
		t.Errorf("%d connections were counted, of at least %d", made, brief+1)
	}
	byAddr := map[string]Remote{}
	for _, o := range r.remotes() {
		byAddr[o.Addr] = o
	}
	if want := (Remote{Addr: busy, Brief: brief}); byAddr[busy] != want {
		t.Errorf("%+v, want %+v", byAddr[busy], want)
	}
	if want := (Remote{Addr: quiet, Kept: 1}); byAddr[quiet] != want {
		t.Errorf("%+v, want %+v", byAddr[quiet], want)
	}
}

// TestConnectionsOfASteadyTarget: looks that find the same sockets count, and what
// changes then is found: a socket more, and one that is connected only later.
func TestConnectionsOfASteadyTarget(t *testing.T) {
	d, err := openProcDir()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	r := connectionReader{procDir: d, pid: os.Getpid(), seen: map[connection]int{}}
	look := func() {
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
	}
	first, second, third := listenAndHold(t), listenAndHold(t), listenAndHold(t)
	defer dialed(t, first).Close()
	for range 5 {
		look()
	}
	defer dialed(t, second).Close()
	look()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	look()
	port := int(netip.MustParseAddrPort(third).Port())
	if err := unix.Connect(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err != nil {
		t.Fatal(err)
	}
	look()
	looks := map[string]int{}
	for c, n := range r.seen {
		looks[c.Remote.String()] = n
	}
	if looks[first] != 8 || looks[second] != 3 || looks[third] != 1 {
		t.Errorf("found %d, %d and %d times; want 8, 3 and 1", looks[first], looks[second], looks[third])
	}
}

// The source gives one account of its window, even of a short one.
func TestConnectionSource(t *testing.T) {
	var c Capture
	w := Window{Start: time.Now(), End: time.Now()}
	if err := connectionSource(os.Getpid(), observing().share).Gather(t.Context(), w, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Connections) != 1 || c.Connections[0].Seconds <= 0 {
		t.Errorf("%+v", c.Connections)
	}
}

func TestActiveOpens(t *testing.T) {
	const table = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: RtoAlgorithm ActiveOpens PassiveOpens\nTcp: 1 4711 12\nUdp: A\nUdp: 1\n"
	if n, err := activeOpens([]byte(table)); n != 4711 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{"", "Tcp: ActiveOpens\n", "Tcp: RtoAlgorithm ActiveOpens\nTcp: 1\n", "Tcp: ActiveOpens\nTcp: many\n"} {
		if n, err := activeOpens([]byte(bad)); err == nil {
			t.Errorf("%q gave %d", bad, n)
		}
	}
}

// listenAndHold accepts connections, and closes each when the other side has.
func listenAndHold(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn) // until the end
			}()
		}
	}()
	return l.Addr().String()
}

func dialed(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestHasTCP6: the table of IPv6 is left out only where it is certain to be empty.
func TestHasTCP6(t *testing.T) {
	for text, want := range map[string]bool{
		"TCP6: inuse 0\nUDP6: inuse 4\n": false,
		"TCP6: inuse 3\nUDP6: inuse 0\n": true,
		"TCP6: inuse 01\n":               true,
		"":                               true,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "sockstat6"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hasTCP6(dir); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if !hasTCP6(t.TempDir()) {
		t.Error("what cannot be known is taken for nothing")
	}
}
