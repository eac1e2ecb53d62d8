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

// probeEndpoints says which of the three endpoints a target has, and believes
// what they send only if it looks like it. Profiles are looked for on the index
// page, or where that is switched off on the page that resolves symbols;
// neither starts a profile.
func probeEndpoints(ctx context.Context, cl *client, c *Capture) (pprof, metrics, expvar bool) {
	var wg sync.WaitGroup
	wg.Go(func() { metrics, expvar = probeMetrics(ctx, cl, c) })
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	pprof = cl.looksLike(ctx, c, cl.pprof, isIndex) || cl.looksLike(ctx, c, cl.pprof+"symbol", isSymbols)
	wg.Wait()
	return pprof, metrics, expvar
}

// probeMetrics is the part of probeEndpoints that is not about profiles.
func probeMetrics(ctx context.Context, cl *client, c *Capture) (metrics, expvar bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { metrics = cl.looksLike(ctx, c, cl.metricsPath(), isMetrics) })
	expvar = cl.looksLike(ctx, c, cl.expvarPath(), isExpvar)
	wg.Wait()
	return metrics, expvar
}

// metricsPath and expvarPath are where a Go service has them by custom.
func (cl *client) metricsPath() string { return cl.prefix + "/metrics" }
func (cl *client) expvarPath() string  { return cl.prefix + "/debug/vars" }

func (cl *client) looksLike(ctx context.Context, c *Capture, ref string, is func(*answer) bool) bool {
	a, err := cl.peek(ctx, c, ref, "", probeBytes)
	return err == nil && is(a)
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
