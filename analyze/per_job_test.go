package analyze

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"busywork/profile"
)

// cost is one row of PerJob.
func cost(t *testing.T, c *profile.Capture, key string) JobCost {
	t.Helper()
	for _, k := range PerJob(NewFacts(c)) {
		if k.Key == key {
			return k
		}
	}
	t.Fatalf("no row %q", key)
	return JobCost{}
}

// TestPerJobHoldsTheTruth: what fixtures do for each job by their own source lies
// inside the interval, and is no accident of a wide one.
func TestPerJobHoldsTheTruth(t *testing.T) {
	for _, test := range []struct {
		capture, key string
		truth, width float64 // width: the interval's, by its value
	}{
		{"forks-waste", "forks", 1, 3}, // a lower and an upper bound
		{"forks-fixed", "forks", 0, math.Inf(1)},
		{"handshake-per-job-waste", "connections", 1, 0.1},
		{"handshake-per-job-fixed", "connections", 0, math.Inf(1)},
		{"forks-waste", "connections", 2, 0.3},         // RQ's child makes two
		{"chatty-db-waste", "sql_statements", 61, 0.2}, // the bookings of a room, and 60 guests
		{"chatty-db-fixed", "sql_statements", 1, 0.3},
		{"dispatch-fixed", "redeliveries", 0, math.Inf(1)},
	} {
		t.Run(test.capture+"/"+test.key, func(t *testing.T) {
			c, err := profile.Load(filepath.Join(captureDir, test.capture))
			if err != nil {
				t.Fatal(err)
			}
			k := cost(t, c, test.key)
			if k.Missing != "" {
				t.Fatalf("it is missing: %s", k.Missing)
			}
			if test.truth < k.Value.Low || test.truth > k.Value.High {
				t.Errorf("%+v does not hold %v", k.Value, test.truth)
			}
			if k.Value.High-k.Value.Low > test.width*k.Value.Value {
				t.Errorf("%+v is wider than it need be", k.Value)
			}
		})
	}
}

// TestPerJobIsWhatTheReportSays: one figure must not have two values.
func TestPerJobIsWhatTheReportSays(t *testing.T) {
	for _, name := range captureNames(t) {
		c, err := profile.Load(filepath.Join(captureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		done := Analyze(c, Options{}).Done
		for _, k := range PerJob(NewFacts(c)) {
			v := k.Value
			switch {
			case done == nil && k.Missing == "":
				t.Errorf("%s: %s for jobs that nobody counts", name, k.Key)
			case k.Missing == "" && (v.Low > v.Value || v.Value > v.High || v.Low < 0):
				t.Errorf("%s: %s is %+v", name, k.Key, v)
			case k.Missing != "" || k.Key != "cpu_ms" && k.Key != "host_cpu_ms":
			case k.Key == "cpu_ms" && !near(v.Value, done.TargetCPU, 1e-9), k.Key == "host_cpu_ms" && !near(v.Value, done.HostCPU, 1e-9):
				t.Errorf("%s: %s is %v, but the report says %+v", name, k.Key, v.Value, done)
			}
			if k.Missing == "" && k.Source == "" {
				t.Errorf("%s: nobody says where %s is from", name, k.Key)
			}
		}
	}
}

func jobs(t *testing.T, perSecond float64) *profile.Capture {
	c := newCapture(t, 0.5, 0.4)
	counter(c, "jobs_completed_total", perSecond)
	return c
}

func TestAllocationsAreTheTargets(t *testing.T) {
	c := jobs(t, 100)
	counter(c, "go_memstats_mallocs_total", 50_000)
	other := newCapture(t, 0.5, 0.4)
	counter(other, "go_memstats_mallocs_total", 9_000_000)
	for _, s := range other.Counters { // "http://broker" comes before "http://svc"
		s.Source = "http://broker/metrics"
		c.Counters = append(c.Counters, s)
	}
	if k := cost(t, c, "allocations"); !near(k.Value.Value, 500, 0.01) {
		t.Errorf("allocations are %+v, want the 500 of the endpoint that counts the jobs", k.Value)
	}
	c = jobs(t, 100)
	counter(c, "go_gc_heap_allocs_objects_total", 3_000)
	counter(c, "go_gc_heap_tiny_allocs_objects_total", 1_000)
	if k := cost(t, c, "allocations"); !near(k.Value.Value, 40, 0.01) {
		t.Errorf("allocations are %+v, want 40, the tiny ones included", k.Value)
	}
	c = jobs(t, 100)
	counter(c, "memstats.Mallocs", 7_000)
	if k := cost(t, c, "allocations"); !near(k.Value.Value, 70, 0.01) {
		t.Errorf("allocations are %+v, want expvar's 70", k.Value)
	}
	if k := cost(t, jobs(t, 100), "allocations"); !strings.Contains(k.Missing, "counts allocations") || !strings.Contains(k.Hint, "go_memstats_mallocs_total") {
		t.Errorf("missing %q, hint %q", k.Missing, k.Hint)
	}
}

// TestOwnRedisCommands: what busywork asks is no command of a job's.
func TestOwnRedisCommands(t *testing.T) {
	c := jobs(t, 100)
	for i := range uint64(11) {
		c.Redis = append(c.Redis, profile.RedisSample{
			At: after(float64(i)), Server: "redis://r", Info: map[string]string{"uptime_in_seconds": "9"},
			Commands: map[string]profile.RedisCommand{
				"get": {Calls: 300 * i}, "info": {Calls: 5 + i}, "type": {Calls: 2 * i}, "llen": {Calls: i}, "zcard": {Calls: i},
			},
			Keys: []profile.RedisKey{{Key: "a", Type: "list"}, {Key: "b", Type: "zset"}},
		})
	}
	if k := cost(t, c, "redis_commands"); k.Value.Value != 3 {
		t.Errorf("%v commands for a job, want 3", k.Value.Value)
	}
}

func TestForkBounds(t *testing.T) {
	key := profile.ProcessKey{PID: 100, Start: 1}
	for _, test := range []struct {
		name        string
		childFaults uint64  // of the dead, in the window
		hostForks   uint64  // in the window
		born        int     // seen
		low, high   float64 // for each of 1,000 jobs
	}{
		{"no child was ever reaped, whatever the host does", 0, 5000, 0, 0, 0.0022},
		{"children nobody saw", 100_000, 1000, 0, 0, 1.2},
		{"faults that allow few", 300, 5000, 0, 0, 0.13},
		{"children that were seen", 100_000, 1000, 400, 0.3, 1.1},
		{"a parent that ignores the end of its children", 0, 1000, 400, 0.3, 1.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := jobs(t, 100)
			for i := range c.Processes {
				p := &c.Processes[i].Changed[0]
				p.Faults, p.ChildFaults = 1000+uint64(i), 7000+test.childFaults*uint64(i)/window
				c.Host[i].Forks = 1 << 20
				c.Host[i].Forks += test.hostForks * uint64(i) / window
			}
			for i := range test.born {
				c.Births = append(c.Births, profile.Birth{At: after(5), Exited: true,
					ProcessIdentity: profile.ProcessIdentity{ProcessKey: profile.ProcessKey{PID: 1000 + i, Start: 50}, PPID: key.PID, Name: "job"}})
			}
			k := cost(t, c, "forks")
			if k.Missing != "" || k.Value.Low < test.low || k.Value.High > test.high || k.Value.High < 0.7*test.high {
				t.Errorf("forks are %+v (%s), want %v to about %v", k.Value, k.Missing, test.low, test.high)
			}
			if none := test.childFaults == 0 && test.born == 0; k.None != none || (k.Doubt == "") != none {
				t.Errorf("none is %v and the doubt %q, want %v", k.None, k.Doubt, none)
			}
		})
	}
}

// TestWhatIsMissing: a figure that cannot be had is never 0.
func TestWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		name, key, says string
		change          func(*profile.Capture)
	}{
		{"too few jobs", "cpu_ms", "less than 20 times", func(c *profile.Capture) { c.Counters = nil; counter(c, "jobs_completed_total", 1.5) }},
		{"the target ended", "cpu_ms", "ended inside the window", func(c *profile.Capture) {
			c.Processes[9].Gone = []profile.ProcessKey{{PID: 100, Start: 1}}
			c.Processes[9].Changed, c.Processes[10].Changed = nil, nil
		}},
		{"a remote target", "forks", "not observed", func(c *profile.Capture) { c.Processes = nil }},
		{"no host", "host_cpu_ms", "no /proc here", func(c *profile.Capture) {
			c.Host = nil
			c.Gaps = append(c.Gaps, profile.Gap{Signal: "host", Reason: "no /proc here\x1b[31m"})
		}},
		{"no database", "sql_statements", "no database", func(*profile.Capture) {}},
		{"an old database", "connections", "nobody counted connections", func(c *profile.Capture) {
			for i := range uint64(3) {
				c.Postgres = append(c.Postgres, profile.PostgresSample{At: after(5 * float64(i)), Server: "db", Version: "13.2", Figures: profile.PostgresFigures{Commits: 900 * i}})
			}
		}},
		{"statements that are not counted", "sql_statements", "pg_stat_statements is missing", func(c *profile.Capture) {
			for i := range uint64(3) {
				c.Postgres = append(c.Postgres, profile.PostgresSample{At: after(5 * float64(i)), Server: "db", Version: "15.2", Figures: profile.PostgresFigures{Commits: 900 * i}})
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := jobs(t, 100)
			test.change(c)
			k := cost(t, c, test.key)
			if !strings.Contains(k.Missing, test.says) {
				t.Errorf("missing %q, want %q; value %+v", k.Missing, test.says, k.Value)
			}
			if strings.Contains(k.Missing, "\x1b") {
				t.Errorf("control characters pass: %q", k.Missing)
			}
		})
	}
}
