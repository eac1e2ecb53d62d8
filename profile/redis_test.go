package profile

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// redisServer starts a Redis server and returns its address.
func redisServer(t testing.TB, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatal("redis-server is not on PATH")
		}
		t.Skip("redis-server is not on PATH")
	}
	for try := 0; ; try++ {
		addr := freeAddress(t)
		_, port, _ := net.SplitHostPort(addr)
		cmd := exec.Command(program, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		gone := make(chan struct{})
		go func() { cmd.Wait(); close(gone) }()
		if waitForPort(addr, gone) {
			t.Cleanup(func() { cmd.Process.Kill(); <-gone })
			return addr
		}
		cmd.Process.Kill()
		<-gone
		if try == 3 { // someone else may have taken the port
			t.Fatal("redis-server does not start")
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitForPort(addr string, gone <-chan struct{}) bool {
	for range 1000 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return true
		}
		select {
		case <-gone:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// fillRedis makes one key of each type.
func fillRedis(t *testing.T, o *redis.Options) *redis.Client {
	t.Helper()
	r := redis.NewClient(o)
	t.Cleanup(func() { r.Close() })
	ctx := t.Context()
	for _, err := range []error{
		r.RPush(ctx, "list", 1, 2, 3).Err(),
		r.ZAdd(ctx, "zset", redis.Z{Member: "a"}, redis.Z{Member: "b"}).Err(),
		r.XAdd(ctx, &redis.XAddArgs{Stream: "stream", Values: []string{"k", "v"}}).Err(),
		r.SAdd(ctx, "set", 1, 2, 3, 4).Err(),
		r.HSet(ctx, "hash", "a", 1, "b", 2).Err(),
		r.Set(ctx, "string", "hunter2", 0).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

var testKeys = []string{"list", "zset", "stream", "set", "hash", "string", "none"}

var testDepths = []RedisKey{
	{"list", "list", 3}, {"zset", "zset", 2}, {"stream", "stream", 1}, {"set", "set", 4}, {"hash", "hash", 2},
	{"string", "string", 0}, {"none", "none", 0},
}

// TestRedis reads a real server, and then the server's own account of which
// commands it was sent.
func TestRedis(t *testing.T) {
	addr := redisServer(t)
	r := fillRedis(t, &redis.Options{Addr: addr, DB: 3})
	if err := r.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	c := observe(t, 300*time.Millisecond, redisSource(RedisOptions{URL: "redis://" + addr + "/3", Keys: testKeys}, time.Second))
	if len(c.Gaps) != 0 || len(c.Redis) < 2 {
		t.Fatalf("%d samples, gaps %+v", len(c.Redis), c.Gaps)
	}
	first, last := c.Redis[0], c.Redis[len(c.Redis)-1]
	for _, s := range c.Redis {
		if diff := cmp.Diff(testDepths, s.Keys); diff != "" {
			t.Errorf("keys, -want +got:\n%s", diff)
		}
		if s.Server != "redis://"+addr {
			t.Errorf("server %q", s.Server)
		}
	}
	for _, field := range []string{"redis_version", "process_id", "used_cpu_user", "connected_clients", "used_memory", "total_commands_processed", "db3",
		"total_connections_received", "blocked_clients", "total_net_input_bytes", "total_net_output_bytes", "maxmemory"} {
		if last.Info[field] == "" {
			t.Errorf("%s is missing", field)
		}
	}
	for field := range last.Info {
		if strings.Contains(field, "executable") || strings.Contains(field, "config_file") {
			t.Errorf("%s is nobody's business", field)
		}
	}
	llen := last.Commands["llen"]
	if n := llen.Calls - first.Commands["llen"].Calls; n != uint64(len(c.Redis)-1) {
		t.Errorf("LLEN was called %d times between %d samples", n, len(c.Redis))
	}
	if llen.P50 == 0 || llen.P99 < llen.P50 {
		t.Errorf("latencies of LLEN: %+v", llen)
	}
	checkCommandsSent(t, r, c.Self.BrokerRequests)
}

// checkCommandsSent compares what the server counted since its statistics were
// reset with what may be sent.
func checkCommandsSent(t *testing.T, r *redis.Client, counted int) {
	t.Helper()
	text, err := r.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, commands := parseRedisInfo(text)
	delete(commands, "config|resetstat") // the test's own
	var names []string
	var sum uint64
	for name, k := range commands {
		names = append(names, name)
		sum += k.Calls
	}
	slices.Sort(names)
	if want := []string{"hlen", "info", "llen", "scard", "select", "type", "xlen", "zcard"}; !slices.Equal(names, want) {
		t.Errorf("the server was sent %v, only %v may be", names, want)
	}
	if int(sum) != counted {
		t.Errorf("the server was sent %d commands, %d are owned to", sum, counted)
	}
}

func TestRedisPasswords(t *testing.T) {
	addr := redisServer(t, "--requirepass", "hunter2", "--user", "reader", "on", ">hunter2r", "~*", "+info", "+type", "+llen", "--user", "nobody", "on", ">hunter2n", "-@all")
	fillRedis(t, &redis.Options{Addr: addr, Password: "hunter2"})
	for _, test := range []struct{ user, reason, hint string }{
		{"", "wants a password", "in the URL"},
		{":hunter22@", "does not accept the credentials", "check"},
		{"ann:hunter2@", "does not accept the credentials", "check"},
		{"nobody:hunter2n@", "may not read statistics", "+info"},
		{":hunter2@", "", ""},
		{"reader:hunter2r@", "", ""},
	} {
		c := observe(t, 50*time.Millisecond, redisSource(RedisOptions{URL: "redis://" + test.user + addr, Keys: []string{"list"}}, time.Second))
		checkKept(t, c)
		if test.reason == "" {
			if len(c.Gaps) != 0 || len(c.Redis) == 0 || c.Redis[0].Keys[0].Depth != 3 {
				t.Errorf("%s: %+v, gaps %+v", test.user, c.Redis, c.Gaps)
			}
			continue
		}
		if gap := onlyGap(t, c); !strings.Contains(gap.Reason, test.reason) || !strings.Contains(gap.Hint, test.hint) {
			t.Errorf("%s: %+v, want %q", test.user, gap, test.reason)
		}
	}
	// A key that may not be read costs that key only.
	c := observe(t, 50*time.Millisecond, redisSource(RedisOptions{URL: "redis://reader:hunter2r@" + addr, Keys: []string{"list", "zset"}}, time.Second))
	if gap := onlyGap(t, c); len(c.Redis) == 0 || c.Redis[0].Keys[0].Depth != 3 || !strings.Contains(gap.Hint, "+zcard") {
		t.Errorf("%+v, %+v", c.Redis, gap)
	}
}

// TestRedisOverTLSAndSocket: the first fails closed, for the certificate is
// not known.
func TestRedisOverTLSAndSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "r.sock")
	redisServer(t, "--unixsocket", socket)
	for range 500 { // the port may answer before the socket
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	c := observe(t, 50*time.Millisecond, redisSource(RedisOptions{URL: "unix://" + socket}, time.Second))
	if len(c.Gaps) != 0 || len(c.Redis) == 0 || c.Redis[0].Server != "unix:"+socket {
		t.Errorf("%+v, %+v", c.Redis, c.Gaps)
	}
	pair := makeCert(t, nil, "127.0.0.1", time.Now().Add(time.Hour))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: x509.NewCertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			io.Copy(io.Discard, conn)
		}
	}()
	c = observe(t, 50*time.Millisecond, redisSource(RedisOptions{URL: "rediss://:hunter2@" + l.Addr().String()}, time.Second))
	if gap := onlyGap(t, c); !strings.Contains(gap.Reason, "self-signed") {
		t.Errorf("%+v", gap)
	}
	checkKept(t, c)
}

func TestRedisFailures(t *testing.T) {
	for name, test := range map[string]struct{ url, reason string }{
		"no URL":            {"localhost:6379", "is not the URL of a Redis server"},
		"malformed":         {"redis://ann:hunter2@[::1", "the Redis URL is malformed"},
		"nobody there":      {"redis://:hunter2@" + freeAddress(t), "nothing listens at redis://127.0.0.1"},
		"web server":        {"redis://" + babbler(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), "is not a Redis server"},
		"no line end":       {"redis://" + babbler(t, strings.Repeat("+", 20<<10)), "is not a Redis server"},
		"array":             {"redis://" + babbler(t, "*1000000000\r\n"), "is not a Redis server"},
		"size of a machine": {"redis://" + babbler(t, "$35184372088832\r\n"), "a reply is larger than 4 MiB"},
		"size of nothing":   {"redis://" + babbler(t, "$-7\r\n"), "is not a Redis server"},
		"number":            {"redis://" + babbler(t, ":17\r\n"), "sent no statistics"},
		"cut":               {"redis://" + babbler(t, "$100\r\nredis_version:7"), "closed the connection"},
		"hostile error":     {"redis://" + babbler(t, "-ERR \x1b]0;x password=hunter2\r\n"), "refuses: ERR ]0;x password=[cut]"},
		"hangs":             {"redis://" + babbler(t, ""), "did not answer within"},
		"loading":           {"redis://" + babbler(t, "-LOADING Redis is loading the dataset in memory\r\n"), "cannot answer now: LOADING"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := observe(t, 50*time.Millisecond, redisSource(RedisOptions{URL: test.url}, time.Second))
			if gap := onlyGap(t, c); gap.Signal != "redis" || !strings.Contains(gap.Reason, test.reason) {
				t.Errorf("%+v, want %q", gap, test.reason)
			}
			checkKept(t, c)
		})
	}
}

// TestRedisRestart: the next sample uses a new connection.
func TestRedisRestart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// Each connection serves one sample and breaks in the second.
			in := bufio.NewScanner(conn)
			for asked := 0; in.Scan(); {
				if in.Text() != "INFO" {
					continue
				}
				if asked++; asked == 2 {
					break
				}
				const info = "redis_version:7\r\n"
				fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
			}
			conn.Close()
		}
	}()
	c := observe(t, 500*time.Millisecond, redisSource(RedisOptions{URL: "redis://" + l.Addr().String()}, time.Second))
	if gap := onlyGap(t, c); len(c.Redis) < 2 || !strings.Contains(gap.Reason, "samples failed") {
		t.Errorf("%d samples, %+v", len(c.Redis), gap)
	}
}

// TestRedisInterrupted keeps a last sample.
func TestRedisInterrupted(t *testing.T) {
	addr := redisServer(t)
	source := redisSource(RedisOptions{URL: "redis://" + addr}, time.Hour)
	c := observeInterrupted(t, source, func(c *Capture) int { return len(c.Redis) })
	if len(c.Redis) != 2 || len(c.Gaps) != 0 {
		t.Errorf("%d samples, %+v", len(c.Redis), c.Gaps)
	}
}

func TestParseRedisInfo(t *testing.T) {
	info, commands := parseRedisInfo("# Server\r\nredis_version:7.0.15\r\nexecutable:/usr/bin/redis\r\ndb0:keys=3,expires=0\r\ndbsize:3\r\n" +
		"cmdstat_get:calls=2,usec=7,usec_per_call=3.50,rejected_calls=1,failed_calls=4\r\ncmdstat_CONFIG|get:calls=1,usec=2\r\n" +
		"latency_percentiles_usec_get:p50=1.003,p99=NaN,p99.9=9\r\ncmdstat_bad:calls=-1,usec=x\r\nnonsense\r\n")
	if diff := cmp.Diff(map[string]string{"redis_version": "7.0.15", "db0": "keys=3,expires=0"}, info); diff != "" {
		t.Error(diff)
	}
	want := map[string]RedisCommand{"get": {Calls: 2, Micros: 7, Rejected: 1, Failed: 4, P50: 1.003}, "config|get": {Calls: 1, Micros: 2}, "bad": {}}
	if diff := cmp.Diff(want, commands); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseRedisInfo(f *testing.F) {
	f.Add("redis_version:7\r\ncmdstat_get:calls=2,usec=7\r\nlatency_percentiles_usec_get:p50=1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		info, commands := parseRedisInfo(text)
		for name, value := range info {
			if !isClean(name) || !isClean(value) {
				t.Errorf("kept %q: %q", name, value)
			}
		}
		for name, k := range commands {
			if !isClean(name) || !isFinite(k.P50) || !isFinite(k.P99) {
				t.Errorf("kept %q: %+v", name, k)
			}
		}
	})
}

// BenchmarkRedisSample is what one sample costs both sides.
func BenchmarkRedisSample(b *testing.B) {
	r := &redisReader{keys: testKeys}
	if err := r.setURL("redis://" + redisServer(b)); err != nil {
		b.Fatal(err)
	}
	defer r.close()
	for b.Loop() {
		if err := r.sample(b.Context(), new(Capture), "redis"); err != nil {
			b.Fatal(err)
		}
	}
}
