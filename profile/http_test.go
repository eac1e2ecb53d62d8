package profile

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// observe runs one source for a window of d.
func observe(t *testing.T, d time.Duration, s Source) *Capture {
	t.Helper()
	return observeUntil(t, t.Context(), d, s)
}

func observeUntil(t *testing.T, ctx context.Context, d time.Duration, s Source) *Capture {
	t.Helper()
	now := time.Now()
	c := &Capture{Window: Window{Start: now, End: now.Add(d)}}
	gatherAll(ctx, []Source{s}, c)
	return c
}

// observeInterrupted runs one source until it has samples, and then interrupts
// it, long before the window ends.
func observeInterrupted(t *testing.T, s Source, samples func(*Capture) int) *Capture {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	now := time.Now()
	c := &Capture{Window: Window{Start: now, End: now.Add(time.Hour)}}
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			c.mu.Lock()
			n := samples(c) + len(c.Gaps)
			c.mu.Unlock()
			if n > 0 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	gatherAll(ctx, []Source{s}, c)
	return c
}

// onlyGap is the one gap that c must have.
func onlyGap(t *testing.T, c *Capture) Gap {
	t.Helper()
	if len(c.Gaps) != 1 {
		t.Fatalf("gaps = %+v, want one", c.Gaps)
	}
	return c.Gaps[0]
}

// newTestClient has a short grace, so that tests of what never ends do.
func newTestClient(t *testing.T, base string, o HTTPOptions) *client {
	t.Helper()
	cl, err := newClient(base, o)
	if err != nil {
		t.Fatal(err)
	}
	cl.grace = 100 * time.Millisecond
	t.Cleanup(cl.http.CloseIdleConnections)
	return cl
}

// serve starts a server that answers everything with h.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func heapProfile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// rawReply writes bytes on the connection itself, for answers that net/http
// would not give.
func rawReply(send func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		send(conn)
	}
}

// until writes piece at each interval until the other side has had enough.
func until(conn net.Conn, piece []byte, interval time.Duration) {
	for {
		if _, err := conn.Write(piece); err != nil {
			return
		}
		time.Sleep(interval)
	}
}

// TestCPUProfileFailures has what may come instead of a CPU profile. Each must
// be told apart, and name the URL without what is secret in it.
func TestCPUProfileFailures(t *testing.T) {
	heap := heapProfile(t)
	for _, test := range []struct {
		name, reason, hint string
		requests           int
		handler            http.HandlerFunc
	}{
		{"401", "does not accept the credentials (401)", "tokens expire", 1, reply(401, "text/plain", "no")},
		{"403", "/debug/pprof/profile is forbidden (403)", "right to read", 1, reply(403, "text/plain", "no")},
		{"404", "/debug/pprof/profile does not exist (404)", "net/http/pprof", 1, reply(404, "text/plain", "no")},
		{"400", "failed (400 bad request): duration exceeds limit", "", 1, reply(400, "text/plain", "duration exceeds limit\n")},
		{"400 of https", "it speaks https", "use https://", 1, reply(400, "text/plain", "Client sent an HTTP request to an HTTPS server.\n")},
		{"429 twice", "limits requests (429", "less often", 2, reply(429, "text/plain", "no")},
		{"429 for long", "limits requests (429, wait 1h0m0s)", "less often", 1, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}},
		{"503", "is unavailable (503): maintenance", "cannot serve now", 1, reply(503, "text/plain", "maintenance")},
		{"500", "failed (500 internal server error): boom token=[cut]", "", 1, reply(500, "text/plain", "boom token=abcdef\x1b[31m\nstack…")},
		{"500 in use", "another CPU profile is being taken", "one process can take one", 1, reply(500, "text/plain", "Could not enable CPU profiling: cpu profiling already in use\n")},
		{"409 in use", "another CPU profile is being taken", "one process can take one", 1, reply(409, "text/plain", "already in use")},
		{"HTML", "is not a CPU profile: it sent an HTML page", "login page", 1, reply(200, "text/html", "\n<!DOCTYPE html><html>Sign in")},
		{"JSON", "is not a CPU profile: it sent JSON", "", 1, reply(200, "application/json", `{"status":"ok"}`)},
		{"text", "not a profile", "", 1, reply(200, "text/plain", "hello there, I am a text\n")},
		{"legacy", "legacy", "", 1, reply(200, "text/plain", "heap profile: 1: 2 [3: 4] @ heap/1048576\n1: 2 [3: 4] @ 0x1\n")},
		{"empty", "sent an empty answer instead of a CPU profile", "", 1, reply(200, "application/octet-stream", "")},
		{"heap", "is not a CPU profile but a heap profile (alloc_objects/count, alloc_space/bytes, inuse_objects/count, inuse_space/bytes)", "/debug/pprof/profile", 1, reply(200, "", string(heap))},
		{"gzip in gzip", "not a profile", "", 1, reply(200, "", string(zipped(zipped([]byte("x")))))},
		{"redirect elsewhere", "redirects to https://sso.example.com/login (302), which is not followed", "login page", 1, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://sso.example.com/login?back=secret", http.StatusFound)
		}},
		{"restart", "closed the connection without an answer", "restarted", 1, rawReply(func(net.Conn) {})},
		{"restart in the middle", "broke off after", "restarted", 1, rawReply(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(heap))
			c.Write(heap[:len(heap)/2])
		})},
		{"length too short", "truncated", "", 1, rawReply(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(heap)/2)
			c.Write(heap[:len(heap)/2])
		})},
		{"length too long", "more than 128 MiB", "", 1, rawReply(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
		})},
		{"hang", "did not answer within", "overloaded", 1, rawReply(func(c net.Conn) { io.Copy(io.Discard, c) })},
		{"one byte at a time", "and had not finished", "", 1, rawReply(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			until(c, []byte("x"), 50*time.Millisecond)
		})},
		{"one byte of header at a time", "did not answer within", "", 1, rawReply(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Long: ")
			until(c, []byte("x"), 50*time.Millisecond)
		})},
		{"endless header", "server response headers exceeded", "", 1, rawReply(func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			until(c, []byte("X-More: "+strings.Repeat("x", 4000)+"\r\n"), 0)
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handler)
			base := strings.Replace(s.URL, "://", "://ann:hunter2@", 1) + "?key=hunter2"
			c := observe(t, 300*time.Millisecond, cpuSource(newTestClient(t, base, HTTPOptions{}), ""))
			gap := onlyGap(t, c)
			if gap.Signal != "cpu-profile" || !strings.Contains(gap.Reason, test.reason) || !strings.Contains(gap.Hint, test.hint) {
				t.Errorf("gap = %+v\nwant reason %q, hint %q", gap, test.reason, test.hint)
			}
			if c.Self.TargetRequests != test.requests {
				t.Errorf("%d requests, want %d", c.Self.TargetRequests, test.requests)
			}
			checkKept(t, c)
		})
	}
}

// checkKept looks for what must never be kept.
func checkKept(t *testing.T, c *Capture) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("hunter2")) {
		t.Errorf("a secret was kept: %s", data)
	}
	if bytes.Contains(data, []byte(`\u001b`)) {
		t.Errorf("a control character was kept: %s", data)
	}
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, test := range []struct{ base, reason, hint string }{
		{"http://" + l.Addr().String(), "nothing listens at http://127.0.0.1", "port"},
		{"http://no-such-host.invalid:1", "the name no-such-host.invalid is not known", ""},
		{"unix:/no/such.sock", "there is no socket at unix:/no/such.sock:/debug/pprof/profile", "running"},
	} {
		c := observe(t, time.Second, cpuSource(newTestClient(t, test.base, HTTPOptions{}), ""))
		gap := onlyGap(t, c)
		if !strings.Contains(gap.Reason, test.reason) || !strings.Contains(gap.Hint, test.hint) {
			t.Errorf("%s: gap = %+v", test.base, gap)
		}
	}
}

func TestRetryAfterIsObeyedOnce(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(429)
			return
		}
		io.WriteString(w, "ok")
	})
	cl := newTestClient(t, s.URL, HTTPOptions{})
	// "0" is no wait at all, so no retry would help a server that means it.
	if _, err := cl.get(t.Context(), new(Capture), "/x", "", 10); err == nil {
		t.Error("a wait of 0 s was taken for an invitation")
	}
	asked.Store(0)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(429)
			return
		}
		io.WriteString(w, "ok")
	})
	a, err := cl.get(t.Context(), new(Capture), "/x", "", 10)
	if err != nil || string(a.body) != "ok" || asked.Load() != 2 {
		t.Errorf("get = %v, %v after %d requests", a, err, asked.Load())
	}
}

// TestSizes: what is too long is refused, and peek takes the head of it.
func TestSizes(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunks":
			for piece := bytes.Repeat([]byte("x"), 1000); ; {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		case "/zip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped(make([]byte, 1<<20)))
		}
	})
	cl := newTestClient(t, s.URL, HTTPOptions{})
	for _, path := range []string{"/chunks", "/zip"} {
		if _, err := cl.get(t.Context(), new(Capture), path, "", 5000); err == nil || !strings.Contains(err.Error(), "more than 4 KiB") {
			t.Errorf("get %s: %v", path, err)
		}
		a, err := cl.peek(t.Context(), new(Capture), path, "", 5000)
		if err != nil || len(a.body) != 5000 {
			t.Errorf("peek %s: %v", path, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	writeTestFile(t, token, "from-file\n")
	t.Setenv("BUSYWORK_TEST_TOKEN", "from-env")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s", r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Host, r.URL.RawQuery)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	for _, test := range []struct {
		base string
		o    HTTPOptions
		want string
	}{
		{s.URL, HTTPOptions{}, "|||"},
		{"http://ann:pw@" + host, HTTPOptions{}, "Basic YW5uOnB3|||"},
		{s.URL + "?k=1", HTTPOptions{BearerFile: token}, "Bearer from-file|||k=1"},
		{s.URL, HTTPOptions{BearerEnv: "BUSYWORK_TEST_TOKEN", Headers: []string{"X-Key: v"}}, "Bearer from-env|v||"},
		{s.URL, HTTPOptions{Headers: []string{"host:inner", "x-key:  v w "}}, "|v w|inner|"},
	} {
		a, err := newTestClient(t, test.base, test.o).get(t.Context(), new(Capture), "/x", "", 1000)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := strings.Replace(string(a.body), "|"+host+"|", "||", 1); got != test.want {
			t.Errorf("%s %+v: sent %q, want %q", test.base, test.o, got, test.want)
		}
	}
	// A token that is renewed on disk is used at once.
	cl := newTestClient(t, s.URL, HTTPOptions{BearerFile: token})
	writeTestFile(t, token, "renewed")
	a, err := cl.get(t.Context(), new(Capture), "/x", "", 1000)
	if err != nil || !strings.HasPrefix(string(a.body), "Bearer renewed") {
		t.Errorf("renewed token: %v, %v", a, err)
	}
}

func writeTestFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCredentialsStayHome: another host gets neither credentials nor, by way of
// a redirect, a request.
func TestCredentialsStayHome(t *testing.T) {
	var asked atomic.Int32
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, r.Header.Get("Authorization")+r.Header.Get("X-Key"))
	})
	home := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/near/", http.StatusMovedPermanently)
		case "/near/":
			fmt.Fprint(w, r.Header.Get("Authorization")+r.Header.Get("X-Key"))
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	base := strings.Replace(home.URL, "://", "://ann:pw@", 1)
	cl := newTestClient(t, base, HTTPOptions{Headers: []string{"X-Key: v"}})
	if _, err := cl.get(t.Context(), new(Capture), "/away", "", 1000); err == nil || asked.Load() != 0 {
		t.Errorf("redirect to another host: %v, and it was asked %d times", err, asked.Load())
	}
	if a, err := cl.get(t.Context(), new(Capture), "/near", "", 1000); err != nil || string(a.body) != "Basic YW5uOnB3v" {
		t.Errorf("redirect on the same host: %v, %v", a, err)
	}
	if _, err := cl.get(t.Context(), new(Capture), "/round", "", 1000); err == nil {
		t.Error("a redirect to itself was followed to its end")
	}
	if a, err := cl.get(t.Context(), new(Capture), other.URL+"/x", "", 1000); err != nil || len(a.body) != 0 {
		t.Errorf("another host, asked for on purpose: %v, %v", a, err)
	}
}

func TestClientRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	writeTestFile(t, empty, "")
	for _, test := range []struct {
		base string
		o    HTTPOptions
		want string
	}{
		{"localhost:6060", HTTPOptions{}, "is not a URL"},
		{"ftp://x", HTTPOptions{}, "is not a URL"},
		{"http://ann:hunter2@[::1", HTTPOptions{}, "malformed"},
		{"http://x", HTTPOptions{Headers: []string{"hunter2"}}, "not of the form"},
		{"http://x", HTTPOptions{Headers: []string{"A: b\r\nC: hunter2"}}, "not of the form"},
		{"http://x", HTTPOptions{BearerFile: empty}, "does not hold one token"},
		{"http://x", HTTPOptions{BearerFile: dir}, "is not a regular file"},
		{"http://x", HTTPOptions{BearerFile: "/dev/zero"}, "is not a regular file"},
		{"http://x", HTTPOptions{BearerEnv: "BUSYWORK_NOT_SET"}, "BUSYWORK_NOT_SET holds no token"},
		{"http://a:b@x", HTTPOptions{BearerEnv: "PATH"}, "more than one credential"},
		{"https://x", HTTPOptions{CAFile: empty}, "holds no certificate"},
		{"https://x", HTTPOptions{CAFile: filepath.Join(dir, "none")}, "no such file"},
		{"https://x", HTTPOptions{CertFile: empty}, "both its certificate and its key"},
		{"https://x", HTTPOptions{CertFile: empty, KeyFile: empty}, "client certificate"},
	} {
		_, err := newClient(test.base, test.o)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("newClient(%q, %+v): %v, want %q", test.base, test.o, err, test.want)
		}
	}
}

func TestSplitBase(t *testing.T) {
	for _, test := range []struct{ path, prefix, profiles string }{
		{"", "", "/debug/pprof/"},
		{"/", "", "/debug/pprof/"},
		{"/debug/pprof", "", "/debug/pprof/"},
		{"/debug/pprof/", "", "/debug/pprof/"},
		{"/debug/pprof/profile", "", "/debug/pprof/"},
		{"/svc", "/svc", "/svc/debug/pprof/"},
		{"/svc/debug/pprof/profile", "/svc", "/svc/debug/pprof/"},
		{"/internal/pprof/", "/internal", "/internal/pprof/"},
		{"/x/profile", "/x", "/x/"},
	} {
		prefix, profiles := splitBase(test.path)
		if prefix != test.prefix || profiles != test.profiles {
			t.Errorf("splitBase(%q) = %q, %q", test.path, prefix, profiles)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	for base, want := range map[string]string{
		"unix:" + path:         "/metrics",
		"unix://" + path:       "/metrics",
		"unix:" + path + ":/a": "/a/metrics",
	} {
		cl := newTestClient(t, base, HTTPOptions{})
		a, err := cl.get(t.Context(), new(Capture), cl.metricsPath(), "", 100)
		if err != nil || string(a.body) != want || a.from != "unix:"+path+":"+want {
			t.Errorf("%s: %+v, %v", base, a, err)
		}
	}
}

// makeCert signs a certificate for names with parent, or itself if that is nil.
func makeCert(t *testing.T, parent *tls.Certificate, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name + "-" + until.String()},
		NotBefore:    time.Now().Add(-48 * time.Hour), NotAfter: until,
		IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	signer, signKey := template, any(key)
	if parent != nil {
		signer, signKey = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func writePEM(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})))
	writeTestFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return cert, key
}

// TestTLSFailsClosed: nothing but the right certificate gets a request.
func TestTLSFailsClosed(t *testing.T) {
	later := time.Now().Add(time.Hour)
	ca := makeCert(t, nil, "ca.example", later)
	caFile, _ := writePEM(t, ca)
	clientCert, clientKey := writePEM(t, makeCert(t, &ca, "client", later))
	good := makeCert(t, &ca, "127.0.0.1", later)
	for _, test := range []struct {
		name       string
		server     tls.Certificate
		mutual     bool
		o          HTTPOptions
		want, hint string // of the error; "" if it must work
	}{
		{"good", good, false, HTTPOptions{CAFile: caFile}, "", ""},
		{"authority not known", good, false, HTTPOptions{}, "is not signed by a known authority", "authority"},
		{"self-signed", makeCert(t, nil, "127.0.0.1", later), false, HTTPOptions{CAFile: caFile}, "is self-signed", "authority"},
		{"expired", makeCert(t, &ca, "127.0.0.1", time.Now().Add(-time.Hour)), false, HTTPOptions{CAFile: caFile}, "has expired", "clock"},
		{"another host", makeCert(t, &ca, "other.example", later), false, HTTPOptions{CAFile: caFile}, "is not for 127.0.0.1", "name"},
		{"insecure", makeCert(t, nil, "other.example", later), false, HTTPOptions{Insecure: true}, "", ""},
		{"client certificate missing", good, true, HTTPOptions{CAFile: caFile}, "refused the TLS connection", "client certificate"},
		{"client certificate given", good, true, HTTPOptions{CAFile: caFile, CertFile: clientCert, KeyFile: clientKey}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{test.server}}
			if test.mutual {
				s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
				s.TLS.ClientCAs.AddCert(ca.Leaf)
			}
			s.StartTLS()
			defer s.Close()
			_, err := newTestClient(t, s.URL, test.o).get(t.Context(), new(Capture), "/x", "", 10)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			u, ok := errors.AsType[*Unavailable](err)
			if !ok || !strings.Contains(u.Reason, test.want) || !strings.Contains(u.Hint, test.hint) {
				t.Errorf("error %v, want %q with hint %q", err, test.want, test.hint)
			}
			if asked.Load() != 0 {
				t.Error("the request was sent all the same")
			}
		})
	}
}

func TestHTTPSchemeMismatch(t *testing.T) {
	s := serve(t, reply(200, "text/plain", "x"))
	_, err := newTestClient(t, strings.Replace(s.URL, "http:", "https:", 1), HTTPOptions{}).get(t.Context(), new(Capture), "/x", "", 10)
	if err == nil || !strings.Contains(err.Error(), "speaks plain http") {
		t.Error(err)
	}
}

func TestIdentify(t *testing.T) {
	for body, want := range map[string]string{
		"":                                 "nothing",
		" <!doctype HTML>\n<p>":            "an HTML page",
		"<html lang=en>":                   "an HTML page",
		"<!-- x --><head></head><body>":    "an HTML page",
		"<?xml version='1.0'?><error/>":    "XML",
		`{"a":1}`:                          "JSON",
		"[1]":                              "JSON",
		"\x1f\x8b\x08":                     "gzip data",
		"go_goroutines 7\n":                "text",
		"\x0a\x04\x08\x01\x10\x02\x12\x00": "unknown binary data",
	} {
		if got := identify([]byte(body)); got != want {
			t.Errorf("identify(%q) = %s, want %s", body, got, want)
		}
	}
}

func TestWhere(t *testing.T) {
	u, err := url.Parse("https://ann:hunter2@h:1/p%20q/x?token=hunter2#f")
	if err != nil {
		t.Fatal(err)
	}
	if got := where(u); got != "https://h:1/p%20q/x" {
		t.Error(got)
	}
}

// TestPace: a slow peer is asked less, but often enough.
func TestPace(t *testing.T) {
	w := Window{End: time.Time{}.Add(10 * time.Second)}
	for _, test := range []struct{ interval, took, want time.Duration }{
		{time.Second, time.Millisecond, time.Second},
		{time.Second, 30 * time.Millisecond, 1500 * time.Millisecond},
		{time.Second, time.Second, 2 * time.Second},
		{time.Hour, time.Millisecond, 2 * time.Second},
	} {
		p := newPace(w, test.interval, 50)
		p.saw(test.took)
		if got := p.next(); got != test.want {
			t.Errorf("interval %s, took %s: next after %s, want %s", test.interval, test.took, got, test.want)
		}
	}
}

// TestPoll: the first failure ends a source unless it may pass; later ones do
// not; the last sample is taken though the person has had enough.
func TestPoll(t *testing.T) {
	fails := requestErrorf("hint", "fails")
	passing := requestErrorf("hint", "fails this time")
	passing.temporary = true
	next := func() time.Duration { return 10 * time.Millisecond }
	run := func(ctx context.Context, errs ...error) (calls int, c *Capture, err error) {
		now := time.Now()
		c = new(Capture)
		err = poll(ctx, Window{now, now.Add(60 * time.Millisecond)}, c, "x", next, func(ctx context.Context) error {
			calls++
			if ctx.Err() != nil {
				t.Error("a sample was given a context that had ended")
			}
			return errs[min(calls, len(errs))-1]
		})
		return calls, c, err
	}
	if calls, _, err := run(t.Context(), fails); calls != 1 || !errors.Is(err, fails) {
		t.Errorf("at once: %d calls, %v", calls, err)
	}
	if calls, _, err := run(t.Context(), passing); calls < 2 || !errors.Is(err, passing) {
		t.Errorf("always: %d calls, %v", calls, err)
	}
	if _, c, err := run(t.Context(), passing, nil, fails, nil); err != nil || !strings.Contains(onlyGap(t, c).Reason, "samples failed, the last: fails") {
		t.Errorf("sometimes: %v, %+v", err, c.Gaps)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if calls, c, err := run(ctx, nil); calls != 2 || err != nil || len(c.Gaps) != 0 {
		t.Errorf("interrupted: %d calls, %v, %+v", calls, err, c.Gaps)
	}
}
