package profile

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// probeTimeout for each endpoint: discovery happens before the window, while
	// a person waits.
	probeTimeout = 2 * time.Second
	// probeBytes are enough to know an endpoint by: expvar lists its variables by
	// name, and "cmdline" must be among the first.
	probeBytes = 64 << 10
)

// endpoints is which of the three endpoints a server has.
type endpoints struct {
	pprof, metrics, expvar bool
	silence                error // it did not answer when it was asked for profiles; nil if it did
}

// probeEndpoints believes what is sent only if it looks like it. Profiles are looked
// for on the index page, or where that is switched off on the page that resolves
// symbols; neither starts a profile.
func probeEndpoints(ctx context.Context, cl *client, c *Capture) (e endpoints) {
	var wg sync.WaitGroup
	wg.Go(func() { e.metrics, e.expvar = probeMetrics(ctx, cl, c) })
	bounded, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var err error
	if e.pprof, err = cl.looksLike(bounded, c, cl.pprof, isIndex); isSilence(err) {
		e.silence = err
	} else if !e.pprof {
		e.pprof, _ = cl.looksLike(bounded, c, cl.pprof+"symbol", isSymbols)
	}
	wg.Wait()
	return e
}

// probeMetrics is the part of probeEndpoints that is not about profiles.
func probeMetrics(ctx context.Context, cl *client, c *Capture) (metrics, expvar bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { metrics, _ = cl.looksLike(ctx, c, cl.metricsPath(), isMetrics) })
	expvar, _ = cl.looksLike(ctx, c, cl.expvarPath(), isExpvar)
	wg.Wait()
	return metrics, expvar
}

// metricsPath and expvarPath are where a Go service has them by custom.
func (cl *client) metricsPath() string { return cl.prefix + "/metrics" }
func (cl *client) expvarPath() string  { return cl.prefix + "/debug/vars" }

// looksLike asks for a page, and says whether it is what it should be. What it holds
// is read here by a goroutine of its own: a panic is an error, as elsewhere.
func (cl *client) looksLike(ctx context.Context, c *Capture, ref string, is func(*answer) bool) (yes bool, err error) {
	err = Guard(func() error {
		a, err := cl.peek(ctx, c, ref, "", probeBytes)
		yes = err == nil && is(a)
		return err
	})
	return yes, err
}

func isIndex(a *answer) bool {
	return bytes.Contains(a.body, []byte("pprof")) &&
		bytes.Contains(a.body, []byte("goroutine?")) && bytes.Contains(a.body, []byte("profile?"))
}

func isSymbols(a *answer) bool { return bytes.HasPrefix(a.body, []byte("num_symbols:")) }

// isMetrics parses the head of the text: one whole sample is proof.
func isMetrics(a *answer) bool {
	if identify(a.body) != "text" {
		return false
	}
	if end := bytes.LastIndexByte(a.body, '\n'); len(a.body) == probeBytes && end >= 0 {
		a.body = a.body[:end+1] // the last line is cut
	}
	list, problem, err := parseProm(a, new(promFilter))
	return err == nil && problem == "" && len(list) > 0 && strings.Contains(a.header.Get("Content-Type"), "text")
}

func isExpvar(a *answer) bool {
	return identify(a.body) == "JSON" &&
		(bytes.Contains(a.body, []byte(`"cmdline":`)) || bytes.Contains(a.body, []byte(`"memstats":`)))
}
