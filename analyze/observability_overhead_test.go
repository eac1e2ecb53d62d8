package analyze

import (
	"strings"
	"testing"

	"busywork/profile"
)

const (
	lookUp   = "github.com/prometheus/client_golang/prometheus.(*MetricVec).hashLabels < github.com/prometheus/client_golang/prometheus.(*CounterVec).With < main.countLine < main.handle < main.work"
	scrape   = "github.com/prometheus/client_golang/prometheus.(*Registry).Gather < github.com/prometheus/client_golang/prometheus/promhttp.HandlerFor.func1 < net/http.HandlerFunc.ServeHTTP < net/http.(*conn).serve"
	recorded = "runtime.(*unwinder).next < runtime.callers < runtime.mProf_Malloc < runtime.profilealloc < runtime.mallocgc < main.parse < main.handle < main.work"
)

func TestObservabilityOverheadNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"usual counters": newService(t, 0.6, 0.8, stack{"github.com/prometheus/client_golang/prometheus.(*counter).Inc < main.handle < main.work", 0.2}, stack{scrape, 0.1}, stack{pricing, 7}),
		"busywork's own profile and samples": newService(t, 0.6, 0.8,
			stack{"runtime/pprof.(*profileBuilder).appendLocsForStack < runtime/pprof.profileWriter", 2},
			stack{"runtime/pprof.writeGoroutine < net/http/pprof.handler.ServeHTTP < net/http.(*conn).serve", 1},
			stack{"runtime/pprof.writeRuntimeProfile < net/http/pprof.handler.ServeHTTP < main.withAccessLog.func1 < net/http.(*conn).serve", 1},
			stack{pricing, 4}),
		"busywork's own scrapes": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{scrape, 3}, stack{pricing, 5})
			counter(c, "promhttp_metric_handler_requests_total", 1)
			return c
		}(),
		"scrapes by nobody knows whom": newService(t, 0.6, 0.8, stack{scrape, 3}, stack{pricing, 5}),
		"memory profiled at the default rate": newService(t, 0.6, 0.8,
			stack{recorded, 0.1}, stack{"runtime.mallocgc < main.parse < main.handle < main.work", 4}, stack{pricing, 4}),
		"a stack printed now and then": newService(t, 0.6, 0.8, stack{"runtime.Stack < runtime/debug.Stack < main.recovered < main.work", 0.3}, stack{pricing, 7}),
	} {
		if f, _ := alone(t, c, &ObservabilityOverhead); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestObservabilityOverhead(t *testing.T) {
	items := func(t *testing.T) *profile.Capture {
		c := newService(t, 0.6, 0.8, stack{lookUp, 4}, stack{pricing, 4})
		counter(c, "jobs_completed_total", 500)
		return c
	}
	t.Run("a metric for each item", func(t *testing.T) {
		c := items(t)
		counter(c, `lines_priced_total{article="A-1"}`, 400e3)
		counter(c, `lines_priced_total{article="A-2"}`, 100e3)
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Inferred, "main.countLine", 0.4)
		if !strings.Contains(f.Message, "1001 updates a job") || !strings.Contains(f.Message, "lines_priced_total") {
			t.Error(f.Message)
		}
	})
	t.Run("histograms beside counters that grow by amounts", func(t *testing.T) {
		c := items(t)
		counter(c, "packed_grams_total", 400e6)
		counter(c, "piece_weight_grams", 50e3)
		for i := range c.Counters {
			list := c.Counters[i].Changed
			list[len(list)-1].Type = "histogram"
		}
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Inferred, "main.countLine", 0.4*96/101)
		if !strings.Contains(f.Message, "101 updates a job") || !strings.Contains(f.Message, "piece_weight_grams") {
			t.Error(f.Message)
		}
	})
	t.Run("a counter that grows by amounts says nothing", func(t *testing.T) {
		c := items(t)
		counter(c, "rows_copied_total", 400e6)
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Suspected, "main.countLine", 0.4)
	})
	t.Run("spans, which nobody counts", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{"go.opentelemetry.io/otel/sdk/trace.(*tracer).Start < main.priceLine < main.handle < main.work", 4}, stack{pricing, 4})
		counter(c, "jobs_completed_total", 500)
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Suspected, "main.priceLine", 0.4)
	})
	t.Run("every allocation is recorded", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{recorded, 5}, stack{"runtime.mallocgc < main.parse < main.handle < main.work", 1}, stack{pricing, 2})
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Inferred, "main.parse", 0.5)
		c.Builds[0].Environment = map[string]string{"GODEBUG": "gctrace=1,memprofilerate=1"}
		f, status = alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Measured, "main.parse", 0.5)
	})
	t.Run("locks are recorded", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{"runtime.saveblockevent < runtime.mutexevent < runtime.semrelease1 < sync.(*Mutex).Unlock < main.put < main.work", 3}, stack{pricing, 5})
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Suspected, "main.put", 0.3)
	})
	t.Run("memory statistics in each job", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{"runtime.stopTheWorldGC < runtime.ReadMemStats < main.gauge < main.handle < main.work", 3}, stack{pricing, 5})
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Suspected, "main.gauge", 0.3)
	})
	t.Run("too many scrapes", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{scrape, 4}, stack{pricing, 4})
		counter(c, "promhttp_metric_handler_requests_total", 11) // of 110, busywork made 11
		f, status := alone(t, c, &ObservabilityOverhead)
		wants(t, f, status, Measured, "", 0.36)
	})
}
