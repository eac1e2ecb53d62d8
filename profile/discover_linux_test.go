package profile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"golang.org/x/sys/unix"
)

// listen opens a TCP listener at the address for as long as the test.
func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func portIn(t *testing.T, addr net.Addr) uint16 {
	t.Helper()
	a, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return a.Port()
}

// connect opens a connection and waits until the other side has it too.
func connect(t *testing.T, addr string) netip.AddrPort {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return netip.MustParseAddrPort(conn.RemoteAddr().String())
}

// startRedis runs a Redis server on a free port and returns its address.
func startRedis(t *testing.T) (addr string, pid int) {
	t.Helper()
	program := needProgram(t, "redis-server")
	free := listen(t, "tcp", "127.0.0.1:0")
	addr = free.Addr().String()
	free.Close()
	cmd := exec.Command(program, "--port", strconv.Itoa(int(portIn(t, free.Addr()))), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())
	startCommand(t, cmd)
	waitFor(t, "redis-server", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprint(conn, "PING\r\n")
		reply := make([]byte, 7)
		n, _ := conn.Read(reply)
		return string(reply[:n]) == "+PONG\r\n"
	})
	return addr, cmd.Process.Pid
}

func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come up", what)
		}
	}
}

func TestPIDOfListener(t *testing.T) {
	for _, test := range []struct{ network, listens, host string }{
		{"tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", "127.0.0.1:0", "localhost"},
		{"tcp4", "0.0.0.0:0", "127.0.0.1"},
		{"tcp", ":0", "127.0.0.1"},
		{"tcp", ":0", "localhost"},
		{"tcp4", "127.0.0.1:0", "0.0.0.0"},
		{"tcp6", "[::1]:0", "::1"},
		{"tcp6", "[::]:0", "::1"},
	} {
		t.Run(test.listens+" "+test.host, func(t *testing.T) {
			l, err := net.Listen(test.network, test.listens)
			if err != nil && test.network == "tcp6" {
				t.Skip("no IPv6 here")
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			pid, how, err := pidOfListener(t.Context(), test.host, portIn(t, l.Addr()))
			if pid != os.Getpid() || err != nil || !strings.Contains(how, "listens on") {
				t.Errorf("got %d (%q, %v), want %d", pid, how, err, os.Getpid())
			}
		})
	}
}

func TestPIDOfListenerOfAnotherProcess(t *testing.T) {
	addr, redis := startRedis(t)
	pid, how, err := pidOfListener(t.Context(), "127.0.0.1", netip.MustParseAddrPort(addr).Port())
	if pid != redis || err != nil || !strings.Contains(how, addr) {
		t.Errorf("got %d (%q, %v), want %d", pid, how, err, redis)
	}
}

func TestPIDOfListenerFails(t *testing.T) {
	free := listen(t, "tcp", "127.0.0.1:0")
	port := portIn(t, free.Addr())
	free.Close()
	if pid, _, err := pidOfListener(t.Context(), "127.0.0.1", port); err == nil {
		t.Errorf("process %d listens on a port that nobody listens on", pid)
	}
	// 192.0.2.0/24 is for documentation and on no machine.
	if _, _, err := pidOfListener(t.Context(), "192.0.2.1", 80); !errors.Is(err, errRemote) {
		t.Errorf("another machine: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := pidOfListener(ctx, "host.invalid", 80); err == nil || errors.Is(err, errRemote) {
		t.Errorf("a host that does not exist: %v", err)
	}
}

// TestPIDOfListenerHidden looks for root's process as somebody else. Only this
// thread changes its user; it ends with its goroutine.
func TestPIDOfListenerHidden(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	addr, redis := startRedis(t)
	done := make(chan struct{})
	onOtherThread(func() {
		defer close(done)
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Errorf("setresuid: %v", errno)
			return
		}
		_, _, err := pidOfListener(t.Context(), "127.0.0.1", netip.MustParseAddrPort(addr).Port())
		_, _, errSockets := socketsOf(redis)
		_, _, errExe := executableOf(redis)
		for _, err := range []error{err, errSockets, errExe} {
			u, ok := errors.AsType[*Unavailable](err)
			if !ok || !strings.Contains(u.Reason, "belongs to somebody else") || u.Hint != hiddenHint {
				t.Errorf("got %v", err)
			}
		}
	})
	<-done
}

// onOtherThread runs f on a thread that ends with it. The process's first thread
// never ends, and its user is the process's in /proc.
func onOtherThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		defer runtime.UnlockOSThread()
		other := make(chan struct{})
		go onOtherThread(func() { defer close(other); f() }) // this thread is taken as long as it waits
		<-other
	}()
}

func TestDiscoverURL(t *testing.T) {
	service := httptest.NewServer(http.NotFoundHandler())
	defer service.Close()
	redis, redisPID := startRedis(t)
	connect(t, redis)
	connect(t, redis)

	var c Capture
	f, err := discoverURL(t.Context(), &c, strings.Replace(service.URL, "http://", "http://ann:"+plain+"@", 1)+"/debug/pprof/")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if f.PID != os.Getpid() || f.Exe != own || f.Name != filepath.Base(own) {
		t.Errorf("found %+v", f)
	}
	if want := netip.MustParseAddrPort(service.Listener.Addr().String()); !slices.Contains(f.Listens, want) {
		t.Errorf("listens on %v, want %v among them", f.Listens, want)
	}
	i := slices.IndexFunc(f.Brokers, func(b broker) bool { return b.Addr.String() == redis })
	if i < 0 || f.Brokers[i].Kind != "redis" || f.Brokers[i].Connections != 2 {
		t.Errorf("brokers: %+v, want redis at %s", f.Brokers, redis)
	}
	if d := discovered(&c, "broker"); len(d) == 0 || d[0].Is != "redis "+redis || !strings.Contains(d[0].How, fmt.Sprintf("redis-server, process %d", redisPID)) {
		t.Errorf("discoveries: %+v", d)
	}
	if d := discovered(&c, "pid"); len(d) != 1 || !strings.HasPrefix(d[0].Is, strconv.Itoa(os.Getpid())+" ") || !strings.Contains(d[0].How, "listens on 127.0.0.1:") {
		t.Errorf("discoveries: %+v", d)
	}
	if text := fmt.Sprint(c.Discoveries, f); strings.Contains(text, plain) {
		t.Errorf("the password is in %s", text)
	}
}

func TestDiscoverURLOfAnotherMachine(t *testing.T) {
	var c Capture
	f, err := discoverURL(t.Context(), &c, "https://192.0.2.1/debug/pprof/")
	if err != nil || f.PID != 0 || len(discovered(&c, "pid")) != 1 || discovered(&c, "pid")[0].Is != "none" {
		t.Errorf("found %+v, %v, %+v", f, err, c.Discoveries)
	}
	for _, bad := range []string{"http://127.0.0.1:99999/", "ftp://127.0.0.1/", "http://[::1"} {
		if _, err := discoverURL(t.Context(), &c, bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestDiscoverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with a blank.sock")
	listen(t, "unix", path)
	var c Capture
	for _, raw := range []string{"unix:" + path, "unix://" + path, "unix:" + path + ":/debug/pprof/"} {
		if f, err := discoverURL(t.Context(), &c, raw); err != nil || f.PID != os.Getpid() {
			t.Errorf("%s: %+v, %v", raw, f, err)
		}
	}
	if f, err := discoverURL(t.Context(), &c, "unix:"+path+"x"); err == nil {
		t.Errorf("a socket that is not there: %+v", f)
	}
}

func TestDiscoverNATSOnAnyPort(t *testing.T) {
	broker := startNATS(t)
	conn, err := nats.Connect(broker)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	// Something else that does not greet, and something that greets otherwise.
	silent := listen(t, "tcp", "127.0.0.1:0")
	connect(t, silent.Addr().String())
	other := listen(t, "tcp", "127.0.0.1:0")
	go greet(other, "220 mail.example ESMTP\r\n")
	connect(t, other.Addr().String())

	var c Capture
	f, err := discover(t.Context(), &c, os.Getpid(), "it was given")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, b := range f.Brokers {
		kinds = append(kinds, b.Kind+" "+b.Addr.String())
	}
	if !slices.Equal(kinds, []string{"nats " + u.Host}) {
		t.Errorf("brokers: %v, want nats %s", kinds, u.Host)
	}
	if c.Self.BrokerRequests < 3 || c.Self.BrokerRequests > maxSniffs {
		t.Errorf("%d connections are admitted to", c.Self.BrokerRequests)
	}
}

// startNATS runs an embedded NATS server on a free port.
func startNATS(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not come up")
	}
	return s.ClientURL()
}

// greet sends a greeting to each client, and whatever it gets to nobody.
func greet(l net.Listener, greeting string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, greeting)
	}
}

// TestSniffingSendsNothing records all that arrives at a server that is asked
// whether it is a NATS server.
func TestSniffingSendsNothing(t *testing.T) {
	for greeting, want := range map[string]bool{"INFO {\"server_id\":\"x\"}\r\n": true, "INFO x": false, "": false, "IN": false} {
		l := listen(t, "tcp", "127.0.0.1:0")
		got := make(chan int, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				got <- -1
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, greeting)
			n, _ := conn.Read(make([]byte, 1))
			got <- n
		}()
		if is := sniffNATS(t.Context(), netip.MustParseAddrPort(l.Addr().String())); is != want {
			t.Errorf("greeting %q: %v, want %v", greeting, is, want)
		}
		if n := <-got; n != 0 {
			t.Errorf("greeting %q: %d bytes were sent", greeting, n)
		}
	}
}

func TestProcessesNamed(t *testing.T) {
	dir := t.TempDir()
	// A name that is longer than the 15 bytes that the kernel keeps.
	worker := copyProgram(t, "sleep", filepath.Join(dir, "busywork-test-worker"))
	if _, err := processesNamed("busywork-test-worker"); err == nil || !strings.Contains(err.Error(), "no process is named") {
		t.Errorf("before there is one: %v", err)
	}
	first := exec.Command(worker, "60")
	startCommand(t, first)
	if pids, err := processesNamed("busywork-test-worker"); err != nil || !slices.Equal(pids, []int{first.Process.Pid}) {
		t.Errorf("got %v, %v, want %d", pids, err, first.Process.Pid)
	}
	second := exec.Command(worker, "61")
	startCommand(t, second)
	_, err := processesNamed("busywork-test-worker")
	for _, p := range []*exec.Cmd{first, second} {
		if err == nil || !strings.Contains(err.Error(), strconv.Itoa(p.Process.Pid)) {
			t.Errorf("two of them: %v, want process %d in it", err, p.Process.Pid)
		}
	}
}

func TestProcessesNamedPrefersTheAncestor(t *testing.T) {
	shell := copyProgram(t, "sh", filepath.Join(t.TempDir(), "bwforker"))
	parent := exec.Command(shell, "-c", shell+` -c "sleep 60; :" & `+shell+` -c "sleep 61; :" & wait`)
	parent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	startCommand(t, parent)
	t.Cleanup(func() { syscall.Kill(-parent.Process.Pid, syscall.SIGKILL) })
	var pids []int
	waitFor(t, "the children", func() bool {
		var err error
		pids, err = processesNamed("bwforker")
		return err == nil && len(pids) == 3
	})
	if pids[0] != parent.Process.Pid {
		t.Errorf("got %v, want %d first", pids, parent.Process.Pid)
	}
}

func copyProgram(t *testing.T, name, to string) string {
	t.Helper()
	data, err := os.ReadFile(needProgram(t, name))
	if err == nil {
		err = os.WriteFile(to, data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestScript(t *testing.T) {
	for want, args := range map[string][]string{
		"worker.py": {"/usr/bin/python3.13", "-u", "/srv/worker.py", "--fast"},
		"celery":    {"python3", "-m", "celery", "-A", "app"},
		"index.js":  {"node", "index.js"},
		"":          {"python3", "-c", "import x"},
	} {
		if got := (runningProcess{Args: args}).script(); got != want {
			t.Errorf("script of %q is %q, want %q", args, got, want)
		}
	}
	if got := (runningProcess{Args: []string{"/srv/dispatchd", "serve"}}).script(); got != "" {
		t.Errorf("a program's first argument is not a script: %q", got)
	}
}

func TestUppermost(t *testing.T) {
	all := processes{}
	for pid, ppid := range map[int]int{1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 30: 31, 31: 30} {
		all[pid] = runningProcess{ProcessKey: ProcessKey{PID: pid}, PPID: ppid}
	}
	for _, test := range []struct{ in, want []int }{
		{[]int{12, 10, 11}, []int{10}},
		{[]int{12, 20}, []int{12, 20}},
		{[]int{1, 11}, []int{11}},
		{[]int{1}, []int{1}},
		{[]int{99, 12}, []int{12, 99}}, // ended since
		{nil, nil},
	} {
		if got := all.uppermost(test.in); !slices.Equal(got, test.want) {
			t.Errorf("uppermost(%v) = %v, want %v", test.in, got, test.want)
		}
	}
	if got := all.descendants(10, 9); !slices.Equal(got, []int{11, 12}) {
		t.Errorf("descendants(10) = %v", got)
	}
	if got := all.descendants(30, 9); !slices.Equal(got, []int{31}) { // a circle ends
		t.Errorf("descendants(30) = %v", got)
	}
	if got := all.descendants(1, 2); len(got) != 2 {
		t.Errorf("descendants(1) = %v, want two of them", got)
	}
}

func TestKnownBroker(t *testing.T) {
	at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("10.0.0.7"), port) }
	for _, test := range []struct {
		p    runningProcess
		port uint16
		want string
	}{
		{runningProcess{}, 4222, "nats"},
		{runningProcess{}, 5672, "amqp"},
		{runningProcess{}, 9092, "kafka"},
		{runningProcess{}, 6380, ""},
		{runningProcess{Name: "redis-server"}, 4222, "redis"}, // the program is the better witness
		{runningProcess{Name: "docker-proxy"}, 5432, "postgres"},
		{runningProcess{Name: "beam.smp", Args: []string{"beam.smp", "-sname", "rabbit@h"}}, 7777, "amqp"},
		{runningProcess{Name: "beam.smp", Args: []string{"beam.smp", "-sname", "chat@h"}}, 7777, ""},
	} {
		if got, how := knownBroker(test.p, at(test.port)); got != test.want || (how == "") != (got == "") {
			t.Errorf("%s at port %d is %q (%s), want %q", test.p.Name, test.port, got, how, test.want)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	forwarder := runningForwarder(t)
	for _, test := range []struct {
		pids   []int
		hidden int
		want   string
	}{
		{nil, 3, "belongs to somebody else"},
		{nil, 0, "not visible here"},
		{[]int{forwarder}, 0, "only passes on"},
	} {
		if _, _, err := ownerOf(test.pids, test.hidden, "listens"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ownerOf(%v, %d): %v, want %q", test.pids, test.hidden, err, test.want)
		}
	}
}

// runningForwarder is a process with the name of one.
func runningForwarder(t *testing.T) int {
	cmd := exec.Command(copyProgram(t, "sleep", filepath.Join(t.TempDir(), "docker-proxy")), "60")
	startCommand(t, cmd)
	return cmd.Process.Pid
}

func TestParseTCP(t *testing.T) {
	line := "   1: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 ffff8 100 0 0 10 0"
	s, ok := parseTCP([]byte(line))
	if runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" { // little-endian
		want := tcpSocket{connection{netip.MustParseAddrPort("127.0.0.1:6379"), netip.MustParseAddrPort("0.0.0.0:0")}, tcpListen, 12345}
		if !ok || s != want {
			t.Errorf("got %+v, %v", s, ok)
		}
		line = "0: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000001000000:0050 01 0:0 0:0 0 0 0 7"
		s, ok = parseTCP([]byte(line))
		want = tcpSocket{connection{netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("[::1]:80")}, tcpEstablished, 7}
		if !ok || s != want {
			t.Errorf("got %+v, %v", s, ok)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add("   1: 0100007F:18EB 00000000:0000 0A 0:0 00:0 0 0 0 12345 1")
	f.Add("ffff88: 00000002 00000000 00010000 0001 01 20000 /run/a b.sock")
	f.Add("0: :: 0 0")
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok := parseTCP([]byte(line)); ok && !(s.Local.IsValid() && s.Remote.IsValid()) {
			t.Errorf("%q gives %+v", line, s)
		}
		if path, _, ok := parseUnix([]byte(line)); ok && path == "" {
			t.Errorf("%q gives no path", line)
		}
	})
}

// BenchmarkDiscover is what a person waits for, and what it costs this machine.
func BenchmarkDiscover(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		var c Capture
		if _, err := discoverURL(b.Context(), &c, "http://"+l.Addr().String()); err != nil {
			b.Fatal(err)
		}
	}
}
