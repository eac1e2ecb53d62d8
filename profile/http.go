package profile

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Bounds on what a target may do to us.
const (
	dialTimeout    = 3 * time.Second  // three lost SYNs; a host that is there answers in milliseconds
	answerTimeout  = 5 * time.Second  // for anything but a CPU profile
	profileGrace   = 10 * time.Second // a busy target may need that long to encode a large profile
	maxHeader      = 64 << 10         // bytes of response headers
	maxSecret      = 64 << 10         // bytes of a token file; the largest tokens seen are 8 KiB
	maxConnections = 4                // CPU profile, goroutines, metrics and one to spare
	maxRedirects   = 3                // "/metrics" to "/metrics/" is one
	maxRetryAfter  = 2 * time.Second  // longer would eat a good part of a window
)

// HTTPOptions is how a target is to be reached. At most one of the bearer
// token, user-info in the URL and an Authorization header may be given.
type HTTPOptions struct {
	Headers    []string // each "Name: value"
	BearerFile string   // read anew for each request, since such tokens are rotated
	BearerEnv  string   // name of an environment variable that holds the token
	CAFile     string   // PEM; replaces the system's authorities
	CertFile   string   // PEM, client certificate; needs KeyFile
	KeyFile    string   // PEM
	Insecure   bool     // do not verify the server's certificate
}

// A client asks one target. It may be used by several sources at once.
type client struct {
	root   url.URL // scheme, host and query of the target; no path, no user-info
	socket string  // path of a unix socket; "" for TCP
	prefix string  // path that the service lives under; no trailing slash
	pprof  string  // path of the folder of profiles, as "/debug/pprof/"
	grace  time.Duration
	late   atomic.Bool // the last CPU profile did not come in time

	header http.Header            // sent only to root's host, as are the credentials
	host   string                 // Host header; "" for the URL's own
	user   *url.Userinfo          // nil if none
	bearer func() (string, error) // nil if none
	http   *http.Client
	rtt    atomic.Int64 // shortest time a connect took, in ns: one round trip
}

// newClient makes a client for the target at base: http://, https:// or
// unix:/path/to.sock, the last optionally followed by ":/prefix". The URL may
// name the service, its folder of profiles (…/debug/pprof/) or its CPU profile
// (…/profile). Nothing is sent yet.
func newClient(base string, o HTTPOptions) (*client, error) {
	cl := &client{grace: profileGrace}
	if err := cl.setBase(base); err != nil {
		return nil, err
	}
	if err := cl.setCredentials(o); err != nil {
		return nil, err
	}
	tlsConfig, err := o.tls()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    answerTimeout,
		DisableCompression:     true, // compressing would cost the target
		MaxConnsPerHost:        maxConnections,
		MaxIdleConns:           maxConnections,
		MaxIdleConnsPerHost:    maxConnections, // else two: the third would be made anew in each window
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxHeader,
	}
	if cl.socket != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", cl.socket)
		}
	}
	cl.http = &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	return cl, nil
}

func (cl *client) setBase(base string) error {
	if rest, ok := strings.CutPrefix(base, "unix:"); ok {
		socket, prefix, _ := strings.Cut(rest, ":")
		if strings.HasPrefix(socket, "//") {
			socket = "/" + strings.TrimLeft(socket, "/")
		}
		cl.socket = socket
		base = "http://unix" + prefix // the name goes into the Host header only
	}
	u, err := url.Parse(base)
	if err != nil {
		// url.Parse repeats the whole URL, password and all.
		return unavailablef("", "the target's URL is malformed")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return unavailablef("a target is http://HOST:PORT, https://HOST:PORT or unix:/PATH",
			"%s is not a URL of a service", printable(redactText(base), 200))
	}
	cl.user = u.User
	cl.root = url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	cl.prefix, cl.pprof = splitBase(u.Path)
	return nil
}

// splitBase finds the service's own path and that of its profiles in what a
// person may have pasted.
func splitBase(p string) (prefix, profiles string) {
	trimmed := strings.TrimSuffix(p, "/")
	switch path.Base(trimmed) {
	case "profile":
		profiles = strings.TrimSuffix(trimmed, "profile")
	case "pprof":
		profiles = trimmed + "/"
	default:
		return trimmed, trimmed + "/debug/pprof/"
	}
	prefix = strings.TrimSuffix(strings.TrimSuffix(profiles, "/pprof/"), "/debug")
	return strings.TrimSuffix(prefix, "/"), profiles
}

func (cl *client) setCredentials(o HTTPOptions) error {
	cl.header = make(http.Header)
	for _, h := range o.Headers {
		name, value, ok := strings.Cut(h, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t\r\n") || strings.ContainsAny(value, "\r\n") {
			// What was given instead is likely a secret, so it is not repeated.
			return unavailablef("", "a header is not of the form \"Name: value\"")
		}
		if strings.EqualFold(name, "Host") {
			cl.host = value
			continue
		}
		cl.header.Add(name, value)
	}
	switch {
	case o.BearerFile != "":
		cl.bearer = func() (string, error) { return readSecret(o.BearerFile) }
	case o.BearerEnv != "":
		cl.bearer = func() (string, error) {
			if v := strings.TrimSpace(os.Getenv(o.BearerEnv)); v != "" {
				return v, nil
			}
			return "", unavailablef("", "the environment variable %s holds no token", o.BearerEnv)
		}
	}
	if err := cl.oneCredential(o); err != nil || cl.bearer == nil {
		return err
	}
	_, err := cl.bearer() // better now than in the middle of a window
	return err
}

// oneCredential refuses a choice that would be silent: which of two would be
// sent?
func (cl *client) oneCredential(o HTTPOptions) error {
	given := 0
	for _, is := range []bool{
		o.BearerFile != "", o.BearerEnv != "",
		cl.user != nil, cl.header.Get("Authorization") != "",
	} {
		if is {
			given++
		}
	}
	if given > 1 {
		return unavailablef("", "more than one credential: give one of a bearer token, user-info in the URL and an authorization header")
	}
	return nil
}

// authorized says whether the client has anything to prove who asks.
func (cl *client) authorized() bool {
	return cl.user != nil || cl.bearer != nil || len(cl.header) > 0
}

func readSecret(file string) (string, error) {
	data, err := readFile(file, maxSecret)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", unavailablef("", "%s does not hold one token", file)
	}
	return secret, nil
}

// readFile reads a regular file of at most limit bytes.
func readFile(file string, limit int64) ([]byte, error) {
	info, err := os.Stat(file) // before opening: opening a named pipe would wait for its writer
	if err != nil {
		return nil, unavailablef("", "%s: %s", file, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, unavailablef("", "%s is not a regular file", file)
	}
	if info.Size() > limit {
		return nil, unavailablef("", "%s is larger than %s", file, byteSize(limit))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, unavailablef("", "%s: %s", file, cause(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit)) // it may grow while it is read
	if err != nil {
		return nil, unavailablef("", "%s: %s", file, cause(err))
	}
	return data, nil
}

func (o HTTPOptions) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pem, err := readFile(o.CAFile, 8<<20) // the whole Mozilla list is 0.2 MB
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, unavailablef("it must be PEM", "%s holds no certificate", o.CAFile)
		}
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, unavailablef("", "a client certificate needs both its certificate and its key")
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, unavailablef("both must be PEM", "client certificate %s: %s", o.CertFile, cause(err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// checkRedirect stays on the host that was asked for: another one must neither
// get the credentials nor be made to be asked by us. Upgrading http to https on
// the standard ports is the same host.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	same := r.URL.Scheme == first.Scheme && r.URL.Host == first.Host
	upgrade := first.Scheme == "http" && r.URL.Scheme == "https" &&
		r.URL.Hostname() == first.Hostname() &&
		(first.Port() == "" || first.Port() == "80") && (r.URL.Port() == "" || r.URL.Port() == "443")
	if len(via) > maxRedirects || !same && !upgrade {
		return http.ErrUseLastResponse
	}
	return nil
}

// locate makes the URL of ref: a whole URL, or a path on the target's host
// with an optional query. Credentials belong to the target's host alone.
func (cl *client) locate(ref string) (u *url.URL, user *url.Userinfo, own bool, err error) {
	u, err = url.Parse(ref)
	if err != nil {
		return nil, nil, false, unavailablef("", "a URL to ask is malformed")
	}
	if u.Scheme != "" {
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, nil, false, unavailablef("", "%s is not a URL that can be asked", where(u))
		}
		own = cl.socket == "" && u.Scheme == cl.root.Scheme && u.Host == cl.root.Host
		user, u.User = u.User, nil
		if user == nil && own {
			user = cl.user
		}
		return u, user, own, nil
	}
	full := cl.root
	full.Path, full.RawPath = u.Path, u.RawPath
	full.RawQuery = strings.Trim(cl.root.RawQuery+"&"+u.RawQuery, "&")
	return &full, cl.user, true, nil
}

// where is a URL for people: without user-info and without the query, which
// may be a secret as well.
func where(u *url.URL) string {
	return printable(u.Scheme+"://"+u.Host+u.EscapedPath(), 300)
}

// name is what a URL is called in messages and in the Capture.
func (cl *client) name(u *url.URL) string {
	if cl.socket != "" && u.Host == cl.root.Host {
		return printable("unix:"+cl.socket+":"+u.EscapedPath(), 300)
	}
	return where(u)
}

// An answer is what a target sent with status 200.
type answer struct {
	from   string // URL without user-info and query
	header http.Header
	body   []byte
	// took is the time from the end of the request to the end of the answer,
	// less one round trip: about what the target worked, and never less.
	took time.Duration
}

// get asks for ref, see locate, and reads an answer of at most limit bytes. If
// the answer breaks off, what came of it is returned beside the error. The time
// is bounded by ctx alone. An error is a requestError, or ctx's if that was
// cancelled.
func (cl *client) get(ctx context.Context, c *Capture, ref, accept string, limit int64) (*answer, error) {
	return cl.fetch(ctx, c, ref, accept, limit, false)
}

// peek is get for the first limit bytes of an answer of any length.
func (cl *client) peek(ctx context.Context, c *Capture, ref, accept string, limit int64) (*answer, error) {
	return cl.fetch(ctx, c, ref, accept, limit, true)
}

func (cl *client) fetch(ctx context.Context, c *Capture, ref, accept string, limit int64, head bool) (*answer, error) {
	for try := 0; ; try++ {
		a, wait, err := cl.once(ctx, c, ref, accept, limit, head)
		if err == nil || try > 0 || wait <= 0 || !sleep(ctx, wait) {
			return a, err
		}
	}
}

// once makes one request. A wait above 0 beside an error says that the target
// asked for a retry after it.
func (cl *client) once(ctx context.Context, c *Capture, ref, accept string, limit int64, head bool) (_ *answer, wait time.Duration, _ error) {
	u, user, own, err := cl.locate(ref)
	if err != nil {
		return nil, 0, err
	}
	a := &answer{from: cl.name(u)}
	var sent time.Time
	req, err := cl.request(cl.trace(ctx, &sent), u, user, own, accept)
	if err != nil {
		return nil, 0, err
	}
	c.CountTargetRequest()
	begun := time.Now()
	resp, err := cl.http.Do(req)
	if err != nil {
		return nil, 0, explain(ctx, a.from, err, time.Since(begun), 0)
	}
	defer resp.Body.Close()
	a.header = resp.Header
	if resp.StatusCode != http.StatusOK {
		wait, err := cl.refusal(a.from, resp)
		return nil, wait, err
	}
	a.body, err = readBody(resp, limit, head)
	if sent.IsZero() {
		sent = begun
	}
	a.took = max(0, time.Since(sent)-time.Duration(cl.rtt.Load()))
	if err != nil {
		return a, 0, explain(ctx, a.from, err, time.Since(begun), len(a.body))
	}
	return a, 0, nil
}

func (cl *client) request(ctx context.Context, u *url.URL, user *url.Userinfo, own bool, accept string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, unavailablef("", "%s cannot be asked", where(u))
	}
	if own {
		req.Header = cl.header.Clone()
		req.Host = cl.host
		if cl.bearer != nil && user == cl.user {
			token, err := cl.bearer()
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	req.Header.Set("User-Agent", "busywork")
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	return req, nil
}

// trace notes when the request has been sent, and how long connecting took:
// the only round trip in which the target's program has no part.
func (cl *client) trace(ctx context.Context, sent *time.Time) context.Context {
	var begun time.Time
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart: func(string, string) { begun = time.Now() },
		ConnectDone: func(_, _ string, err error) {
			took := int64(time.Since(begun))
			if old := cl.rtt.Load(); err == nil && (old == 0 || took < old) {
				cl.rtt.Store(took)
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { *sent = time.Now() },
	})
}

// errTooLarge is the reason for which readBody stops.
var errTooLarge = errors.New("answer too large")

// readBody reads at most limit bytes, inflated if need be: nothing compressed
// was asked for, but some proxies compress all the same.
func readBody(resp *http.Response, limit int64, head bool) ([]byte, error) {
	if resp.ContentLength > limit && !head {
		return nil, fmt.Errorf("%w: more than %s", errTooLarge, byteSize(limit))
	}
	in := io.Reader(resp.Body)
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		zip, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		defer zip.Close()
		in = zip
	}
	body, err := io.ReadAll(io.LimitReader(in, limit+1))
	if int64(len(body)) <= limit {
		return body, err
	}
	if head {
		return body[:limit], nil
	}
	return nil, fmt.Errorf("%w: more than %s", errTooLarge, byteSize(limit))
}

// retryAfter reads the header of that name: seconds or a date. Without one, or
// with nonsense, half a second is a polite guess.
func retryAfter(h http.Header) time.Duration {
	const guess = time.Second / 2
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return guess
}

// sleep waits for d; it is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
