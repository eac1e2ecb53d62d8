package analyze

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"busywork/profile"
)

// What a client shows that dials on goroutines of its own, as net/http's does.
var shaking = []stack{
	{"crypto/ecdsa.VerifyASN1 < crypto/tls.(*Conn).verifyServerCertificate < crypto/tls.(*Conn).clientHandshake < crypto/tls.(*Conn).HandshakeContext < net/http.(*persistConn).addTLS.func2", 3},
	{"syscall.Connect < net.(*Dialer).DialContext < net/http.(*Transport).dialConnFor", 1},
	{"encoding/json.Unmarshal < main.handle", 3},
	{"net/http.(*Client).Do < main.ask < main.handle", 1},
}

// connecting says how many connections were made a second, and to where those
// led that looks found open once.
func connecting(c *profile.Capture, perSecond float64, brief map[string]int) {
	k := profile.Connections{At: epoch, Seconds: window, Made: uint64(window * perSecond)}
	for addr, n := range brief {
		k.Remotes = append(k.Remotes, profile.Remote{Addr: addr, Brief: n})
	}
	slices.SortFunc(k.Remotes, func(a, b profile.Remote) int { return b.Brief - a.Brief })
	c.Connections = []profile.Connections{k}
}

func TestHandshakePerJobNearMisses(t *testing.T) {
	rest := stack{"encoding/json.Unmarshal < main.handle", 5}
	for name, test := range map[string]struct {
		stacks []stack
		see    func(*profile.Capture)
	}{
		"a server": {[]stack{
			{"crypto/rsa.SignPSS < crypto/tls.(*serverHandshakeStateTLS13).handshake < crypto/tls.(*Conn).serverHandshake < crypto/tls.(*Conn).HandshakeContext < net/http.(*conn).serve", 5}, rest,
		}, func(c *profile.Capture) { connecting(c, 0, nil) }},
		"a connection renewed now and then": {[]stack{
			{shaking[0].frames, 0.3}, {rest.frames, 8},
		}, func(c *profile.Capture) { connecting(c, 3, map[string]int{"10.0.0.7:443": 12}) }},
		"many connections that are somebody else's, few of ours": {shaking, func(c *profile.Capture) {
			connecting(c, 40, map[string]int{"10.0.0.7:443": 20})
		}},
		"a crawler": {shaking, func(c *profile.Capture) {
			sites := map[string]int{"10.1.0.1:443": 5, "": 9} // one of them large
			for i := range 32 {
				sites[fmt.Sprintf("10.0.%d.7:443", i)] = 1
			}
			connecting(c, 200, sites)
		}},
		"records of an open connection": {[]stack{
			{"crypto/aes.gcm < crypto/tls.(*Conn).Write < main.send", 5}, rest,
		}, func(c *profile.Capture) {}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8, test.stacks...)
			counter(c, "jobs_completed_total", 200)
			test.see(c)
			if f, _ := found(t, c, &HandshakePerJob); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

// What could be a crawler's is suspected at most.
func TestHandshakePerJobSuspected(t *testing.T) {
	for name, see := range map[string]func(*profile.Capture){
		"by the profile alone": func(*profile.Capture) {},
		"with jobs counted":    func(c *profile.Capture) { counter(c, "jobs_completed_total", 200) },
		"hardly any seen": func(c *profile.Capture) {
			counter(c, "jobs_completed_total", 200)
			connecting(c, 200, map[string]int{"10.0.0.7:443": 3})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 0.8, shaking...)
			see(c)
			f, status := found(t, c, &HandshakePerJob)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
				t.Errorf("%s, %s, settled by %q", f.Confidence, f.Severity, f.Settles)
			}
		})
	}
}

func TestHandshakePerJob(t *testing.T) {
	c := newCapture(t, 0.6, 0.8, shaking...)
	counter(c, "jobs_completed_total", 200)
	connecting(c, 200, map[string]int{"10.0.0.7:443": 24, "10.0.0.9:4222": 1})
	f, status := found(t, c, &HandshakePerJob)
	if f == nil {
		t.Fatal(status)
	}
	if f.Confidence != Inferred || f.Severity != SeverityHigh || math.Abs(f.Waste.Cores-0.4) > 0.01 || f.Location.Function != "main.ask" {
		t.Errorf("%s, %s, %.2f cores at %s", f.Confidence, f.Severity, f.Waste.Cores, f.Location.Function)
	}
	if !strings.Contains(f.Message, "1.0 connections are made for each of 200 jobs a second, 96 % of those seen to 10.0.0.7:443") {
		t.Error(f.Message)
	}
}
