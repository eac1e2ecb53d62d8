package profile

import (
	"expvar"
	"net/http"
	httppprof "net/http/pprof"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestProbeEndpoints(t *testing.T) {
	all := http.NewServeMux()
	all.HandleFunc("/debug/pprof/", httppprof.Index)
	all.Handle("/metrics", promhttp.Handler())
	all.Handle("/debug/vars", expvar.Handler())
	noIndex := http.NewServeMux()
	noIndex.HandleFunc("/debug/pprof/symbol", httppprof.Symbol)
	noIndex.HandleFunc("/debug/pprof/profile", func(http.ResponseWriter, *http.Request) { t.Error("a profile was started") })
	for _, test := range []struct {
		name                   string
		handler                http.Handler
		pprof, metrics, expvar bool
	}{
		{"all", all, true, true, true},
		{"no index", noIndex, true, false, false},
		{"a page for everything", reply(200, "text/html", "<html><body>pprof goroutine profile"), false, false, false},
		{"JSON for everything", reply(200, "application/json", `{"error":"not found"}`), false, false, false},
		{"text for everything", reply(200, "text/plain", "all is well\n"), false, false, false},
		{"nothing", reply(404, "text/plain", "no"), false, false, false},
	} {
		s := serve(t, test.handler.ServeHTTP)
		c := new(Capture)
		e := probeEndpoints(t.Context(), newTestClient(t, s.URL, HTTPOptions{}), c)
		pprof, metrics, expvar := e.pprof, e.metrics, e.expvar
		if pprof != test.pprof || metrics != test.metrics || expvar != test.expvar {
			t.Errorf("%s: pprof %v, metrics %v, expvar %v", test.name, pprof, metrics, expvar)
		}
		if c.Self.TargetRequests < 3 || c.Self.TargetRequests > 4 {
			t.Errorf("%s: %d requests", test.name, c.Self.TargetRequests)
		}
	}
}
