package profile

import (
	"expvar"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func TestMetricsOfRealRegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	jobs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "jobs_total", Help: "Jobs."}, []string{"result"})
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latency_seconds", Buckets: []float64{.1, 1}})
	sizes := prometheus.NewSummary(prometheus.SummaryOpts{Name: "size_bytes", Objectives: map[float64]float64{.5: .1}})
	depth := prometheus.NewGauge(prometheus.GaugeOpts{Name: "depth"})
	broken := prometheus.NewGauge(prometheus.GaugeOpts{Name: "broken"})
	broken.Set(math.NaN())
	registry.MustRegister(jobs, latency, sizes, depth, broken)
	depth.Set(7)
	latency.Observe(0.5)
	latency.Observe(2)
	sizes.Observe(100)
	jobs.WithLabelValues("refused").Add(2)
	var scrapes atomic.Int32
	real := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if scrapes.Add(1) == 2 {
			jobs.WithLabelValues("refused").Inc()
		}
		real.ServeHTTP(w, r)
	})
	c := observe(t, 200*time.Millisecond, metricsSource(newTestClient(t, s.URL, HTTPOptions{}), "/metrics", time.Hour))
	if len(c.Gaps) != 0 || len(c.Counters) < 2 {
		t.Fatalf("%d scrapes, gaps %+v", len(c.Counters), c.Gaps)
	}
	want := []Series{
		{Name: "depth", Type: "gauge", Value: 7},
		{Name: "jobs_total", Type: "counter", Value: 2, Labels: map[string]string{"result": "refused"}},
		{Name: "latency_seconds", Type: "histogram", Value: 2, Sum: 2.5},
		{Name: "size_bytes", Type: "summary", Value: 1, Sum: 100},
	}
	if diff := cmp.Diff(want, c.Counters[0].Changed); diff != "" {
		t.Errorf("first scrape, -want +got:\n%s", diff)
	}
	changed := map[int][]Series{}
	for i, sample := range c.Counters[1:] {
		if len(sample.Changed) > 0 {
			changed[i+1] = sample.Changed
		}
		if sample.Source != s.URL+"/metrics" {
			t.Errorf("source %q", sample.Source)
		}
	}
	increased := want[1]
	increased.Value = 3
	if diff := cmp.Diff(map[int][]Series{1: {increased}}, changed); diff != "" {
		t.Errorf("changes by scrape, -want +got:\n%s", diff)
	}
}

// TestOpenMetrics: a server that has only that form, written out by hand since
// Go's library would give the other.
func TestOpenMetrics(t *testing.T) {
	const text = `# TYPE jobs counter
# UNIT jobs jobs
# HELP jobs Jobs # {not an exemplar}
jobs_total{result="a } # { \" b"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67
jobs_created{result="a } # { \" b"} 1520872607.123
# TYPE latency histogram
latency_bucket{le="1.0"} 3 # {trace_id="x"} 0.5 1520879607.7
latency_bucket{le="+Inf"} 4
latency_count 4
latency_sum 6.5
latency_created 1520872607.1
# TYPE build info
build_info{version="1"} 1
# TYPE mode stateset
mode{mode="on"} 1
# TYPE odd gaugehistogram
odd_gcount 5
# TYPE what unknown
what 3
# EOF
`
	s := serve(t, reply(200, "application/openmetrics-text; version=1.0.0", text))
	c := observe(t, 20*time.Millisecond, metricsSource(newTestClient(t, s.URL, HTTPOptions{}), "/m", time.Second))
	if len(c.Gaps) != 0 {
		t.Fatal(c.Gaps)
	}
	want := []Series{
		{Name: "build_info", Type: "gauge", Value: 1, Labels: map[string]string{"version": "1"}},
		{Name: "jobs_total", Type: "counter", Value: 17, Labels: map[string]string{"result": `a } # { " b`}},
		{Name: "latency", Type: "histogram", Value: 4, Sum: 6.5},
		{Name: "mode", Type: "gauge", Value: 1, Labels: map[string]string{"mode": "on"}},
		{Name: "odd_gcount", Type: "untyped", Value: 5},
		{Name: "what", Type: "untyped", Value: 3},
	}
	if diff := cmp.Diff(want, c.Counters[0].Changed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExpvar(t *testing.T) {
	if expvar.Get("test") == nil { // a name can be published once in a process
		inner := new(expvar.Map)
		inner.Add("deep", 9)
		text := new(expvar.String)
		text.Set("99")
		all := expvar.NewMap("test")
		all.Add("refused", 3)
		all.AddFloat("seconds", 1.5)
		all.Set("inner", inner)
		all.Set("text", text)
		expvar.NewInt("test_total").Set(41)
	}
	s := serve(t, expvar.Handler().ServeHTTP)
	c := observe(t, 100*time.Millisecond, metricsSource(newTestClient(t, s.URL, HTTPOptions{}), "/debug/vars", time.Second))
	if len(c.Gaps) != 0 || len(c.Counters) < 2 {
		t.Fatalf("%d scrapes, %+v", len(c.Counters), c.Gaps)
	}
	want := []Series{
		{Name: "test.inner.deep", Type: "untyped", Value: 9},
		{Name: "test.refused", Type: "untyped", Value: 3},
		{Name: "test.seconds", Type: "untyped", Value: 1.5},
		{Name: "test_total", Type: "untyped", Value: 41},
	}
	got := slices.SortedFunc(slices.Values(c.Counters[0].Changed), func(a, b Series) int { return strings.Compare(a.Name, b.Name) })
	kinds := map[string]string{}
	got = slices.DeleteFunc(got, func(s Series) bool {
		name, runtimes := strings.CutPrefix(s.Name, "memstats.")
		if runtimes && s.Value >= 0 {
			kinds[name] = s.Type
		}
		return runtimes
	})
	if diff := cmp.Diff(memstats, kinds); diff != "" {
		t.Errorf("of the runtime: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHostileMetrics: what is scraped is bounded, clean and without secrets.
func TestHostileMetrics(t *testing.T) {
	prom := func(body string) *answer {
		return &answer{from: "f", body: []byte(body), header: http.Header{"Content-Type": {"text/plain"}}}
	}
	keep := func(t *testing.T, a *answer) (*Capture, error) {
		c, s := new(Capture), scraper{signal: "counters"}
		return c, s.keep(c, time.Now(), a)
	}
	t.Run("clean", func(t *testing.T) {
		c, err := keep(t, prom("a{b=\"x\u009b31m\u202e\",token=\"hunter2\",c=\"password=hunter2\",d=\""+strings.Repeat("é", 300)+"\"} 1\n"))
		if err != nil {
			t.Fatal(err)
		}
		labels := c.Counters[0].Changed[0].Labels
		if labels["b"] != "x31m" || len(labels["d"]) > maxLabel || !strings.HasSuffix(labels["d"], "é…") {
			t.Errorf("%q", labels)
		}
		checkKept(t, c)
	})
	t.Run("differ in the secret only", func(t *testing.T) {
		c, err := keep(t, prom("a{token=\"hunter2\"} 1\na{token=\"hunter22\"} 2\n"))
		if err != nil || len(c.Counters[0].Changed) != 1 {
			t.Errorf("%+v, %v", c.Counters, err)
		}
	})
	t.Run("not finite", func(t *testing.T) {
		c, err := keep(t, prom("a NaN\nb +Inf\nc -Inf\nd 1e308\n"))
		if err != nil || len(c.Counters[0].Changed) != 1 {
			t.Errorf("%+v, %v", c.Counters, err)
		}
	})
	t.Run("malformed after a while", func(t *testing.T) {
		c, err := keep(t, prom("a 1\nb{ 2\nc 3\n"))
		if err != nil || len(c.Counters[0].Changed) != 1 || !strings.Contains(onlyGap(t, c).Reason, "malformed") {
			t.Errorf("%+v, %+v, %v", c.Counters, c.Gaps, err)
		}
	})
	t.Run("too many series", func(t *testing.T) {
		var b strings.Builder
		for i := range 3 * maxSeries {
			fmt.Fprintf(&b, "a%07d 1\n", i)
		}
		c, err := keep(t, prom(b.String()))
		if err != nil || len(c.Counters[0].Changed) != maxSeries || !strings.Contains(onlyGap(t, c).Reason, "more than 50000 series") {
			t.Errorf("%d series, %+v, %v", len(c.Counters[0].Changed), c.Gaps, err)
		}
	})
	t.Run("too many labels", func(t *testing.T) {
		c, err := keep(t, prom("ok 1\na{"+strings.Repeat(`b="",`, maxLabels+1)+"} 1\n"))
		if err != nil || len(c.Counters[0].Changed) != 1 || len(c.Gaps) != 1 {
			t.Errorf("%d series, %+v, %v", len(c.Counters), c.Gaps, err)
		}
	})
	t.Run("deep JSON", func(t *testing.T) {
		c, err := keep(t, prom(`{"a":`+strings.Repeat(`{"b":`, 5000)+"1"+strings.Repeat("}", 5000)+`,"c":[1,{"d":2}],"e":1e999,"f":-2,"g":null}`))
		if err != nil || len(c.Counters[0].Changed) != 1 || c.Counters[0].Changed[0].Name != "f" {
			t.Errorf("%+v, %v", c.Counters, err)
		}
	})
	t.Run("many JSON numbers", func(t *testing.T) {
		var b strings.Builder
		for i := range 2 * maxSeries {
			fmt.Fprintf(&b, `,"k%d":1`, i)
		}
		c, err := keep(t, prom("{"+b.String()[1:]+"}"))
		if err != nil || len(c.Counters[0].Changed) != maxSeries || len(c.Gaps) != 1 {
			t.Errorf("%+v, %v", c.Gaps, err)
		}
	})
	for name, test := range map[string]struct{ body, want string }{
		"HTML":     {"<html>Sign in", "is not a metrics endpoint: it sent an HTML page"},
		"empty":    {"", "sent an empty answer instead of a metrics endpoint"},
		"assign":   {"a=1\nb=2\n", "is not a metrics endpoint"},
		"prose":    {"all is well, thank you\n", "is not a metrics endpoint"},
		"cut JSON": {`{"a`, "malformed"},
		"array":    {"[1,2]", "is not a metrics endpoint: it sent JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := keep(t, prom(test.body)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v, want %q", c.Counters, err, test.want)
			}
		})
	}
}

// TestMetricsSurviveARestart: the target is away for some scrapes.
func TestMetricsSurviveARestart(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			w.WriteHeader(503)
		default:
			io.WriteString(w, "a 1\n")
		}
	})
	c := observe(t, 500*time.Millisecond, metricsSource(newTestClient(t, s.URL, HTTPOptions{}), "/metrics", time.Second))
	if gap := onlyGap(t, c); len(c.Counters) < 3 || !strings.Contains(gap.Reason, "samples failed, the last: "+s.URL) {
		t.Errorf("%d scrapes, %+v", len(c.Counters), gap)
	}
}

func FuzzParseMetrics(f *testing.F) {
	for _, seed := range []string{"a 1\n", "# TYPE a counter\na_total{b=\"c\\\"}\"} 1 2 # {x=\"y\"} 1\n# EOF", `{"a":{"b":[1,2],"c":3}}`, "a{", "{\"a\"} 1\n", "\"a b\" 1\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, s := new(Capture), scraper{signal: "counters"}
		if s.keep(c, time.Now(), &answer{from: "f", body: body}) != nil {
			return
		}
		for _, series := range c.Counters[0].Changed {
			texts := append([]string{series.Name}, slices.Collect(maps.Values(series.Labels))...)
			for _, text := range append(texts, slices.Collect(maps.Keys(series.Labels))...) {
				if !isClean(text) || len(text) > maxLabel+len(cut) {
					t.Errorf("kept %q", text)
				}
			}
			if !isFinite(series.Value) || !isFinite(series.Sum) {
				t.Errorf("kept %+v", series)
			}
		}
		// The same again changes nothing.
		if err := s.keep(c, time.Now(), &answer{from: "f", body: body}); err != nil || len(c.Counters[1].Changed) != 0 {
			t.Errorf("second scrape: %v, %+v", err, c.Counters[1])
		}
	})
}

// BenchmarkScrape is what reading 500 series costs busywork; few change.
func BenchmarkScrape(b *testing.B) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "# TYPE jobs%d_total counter\n", i)
		for j := range 5 {
			fmt.Fprintf(&text, "jobs%d_total{queue=\"q%d\",method=\"POST\",path=\"/v1/jobs\",status=\"200\"} %d\n", i, j, i*j)
		}
	}
	a := &answer{body: []byte(text.String())}
	s := scraper{signal: "counters"}
	for b.Loop() {
		if err := s.keep(new(Capture), time.Time{}, a); err != nil {
			b.Fatal(err)
		}
	}
}
