package analyze

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"busywork/profile"
)

// redisCommand adds statistics of a command whose cost a call follows the depth
// by a power, with 5 % noise.
func redisCommand(c *profile.Capture, command string, perSecond, microsAt1000, exponent, from, to float64) {
	noise := rand.New(rand.NewPCG(1, 2))
	calls, micros := 1000.0, 1000.0
	for i := range window + 1 {
		depth := from + (to-from)*float64(i)/window
		if i == len(c.Redis) {
			c.Redis = append(c.Redis, profile.RedisSample{At: after(float64(i)), Server: "127.0.0.1:6379",
				Info:     map[string]string{"uptime_in_seconds": "100"},
				Commands: map[string]profile.RedisCommand{},
				Keys:     []profile.RedisKey{{Key: "scheduled", Type: "zset", Depth: int64(depth)}}})
		}
		calls += perSecond
		micros += perSecond * microsAt1000 * math.Pow(depth/1000, exponent) * (1 + 0.05*noise.NormFloat64())
		c.Redis[i].Commands[command] = profile.RedisCommand{Calls: uint64(calls), Micros: uint64(micros)}
	}
}

func TestLinearQueueScan(t *testing.T) {
	reading := stack{"github.com/redis/go-redis/v9/internal/proto.(*Reader).ReadReply < main.find < main.reschedule", 3}
	decoding := stack{"encoding/json.Unmarshal < main.find < main.reschedule", 4}
	rest := stack{"main.send < main.sender", 0.5}

	t.Run("growth measured", func(t *testing.T) {
		c := newCapture(t, 0.6, 0.8, reading, decoding, rest)
		redisCommand(c, "zadd", 120, 5, 0, 5000, 7500)
		redisCommand(c, "zrange", 40, 300, 1, 5000, 7500)
		f, status := found(t, c, &LinearQueueScan)
		if f == nil {
			t.Fatal(status)
		}
		if f.Confidence != Measured || f.Location.Function != "main.find" || !strings.Contains(f.Message, "depth^") {
			t.Errorf("%s at %s: %s", f.Confidence, f.Location.Function, f.Message)
		}
		if f.Waste.Cores < 0.7 || f.Waste.Cores > 0.9 {
			t.Errorf("%.2f cores", f.Waste.Cores)
		}
	})
	t.Run("depth does not vary", func(t *testing.T) {
		c := newCapture(t, 0.6, 0.8, reading, decoding, rest)
		redisCommand(c, "zadd", 120, 5, 0, 6000, 6010)
		redisCommand(c, "zrange", 40, 300, 1, 6000, 6010)
		f, status := found(t, c, &LinearQueueScan)
		if f == nil || f.Confidence != Inferred || !strings.Contains(f.Settles, "depth varied only") {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("no queue is named", func(t *testing.T) {
		c := newCapture(t, 0.6, 0.8, reading, decoding, rest)
		redisCommand(c, "sadd", 120, 5, 0, 6000, 6010)
		redisCommand(c, "smembers", 40, 300, 1, 6000, 6010)
		for i := range c.Redis {
			c.Redis[i].Keys = nil
		}
		f, status := found(t, c, &LinearQueueScan)
		if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || !strings.Contains(f.Settles, "--queue") {
			t.Fatalf("%+v %v", f, status)
		}
	})
	t.Run("the server walks by cursor", func(t *testing.T) {
		c := newCapture(t, 0.4, 0.1, rest, rest, rest)
		redisCommand(c, "zadd", 40, 5, 0, 5000, 7500)
		redisCommand(c, "zscan", 20000, 4, 0, 5000, 7500)
		calls := 0.0
		for i := range c.Redis { // a tenth of the members a call, forty times a second
			calls += 40 * float64(c.Redis[i].Keys[0].Depth) / 10
			scan := c.Redis[i].Commands["zscan"]
			scan.Calls = uint64(calls)
			c.Redis[i].Commands["zscan"] = scan
		}
		f, status := found(t, c, &LinearQueueScan)
		if f == nil || f.Confidence != Measured {
			t.Fatalf("%+v %v", f, status)
		}
	})
	for name, c := range map[string]*profile.Capture{
		"a listing now and then": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.1, rest, rest, rest)
			redisCommand(c, "zadd", 120, 5, 0, 5000, 7500)
			redisCommand(c, "zrange", 0.3, 1500, 1, 5000, 7500)
			return c
		}(),
		"due jobs by score": func() *profile.Capture {
			c := newCapture(t, 0.1, 0.1, rest, rest, rest)
			redisCommand(c, "zadd", 120, 5, 0, 5000, 7500)
			redisCommand(c, "zrangebyscore", 500, 6, 0, 5000, 7500)
			return c
		}(),
		"a script that costs the same at any depth": func() *profile.Capture {
			c := newCapture(t, 0.3, 0.1, rest, rest, rest)
			redisCommand(c, "zadd", 120, 5, 0, 5000, 7500)
			redisCommand(c, "evalsha", 400, 900, 0, 5000, 7500)
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &LinearQueueScan); f != nil {
				t.Errorf("accused: %s", f.Message)
			}
		})
	}
}

// A queue in the process's own memory: the profile names the search, counters
// and the process's CPU give the growth.
func TestLinearScanInMemory(t *testing.T) {
	search := stack{"slices.IndexFunc[...] < example.com/svc/queue.(*Delayed).Cancel < main.handle", 6}
	rest := stack{"main.handle < main.main", 2}
	t.Run("growth measured", func(t *testing.T) {
		c := newCapture(t, 0.5, 0, search, rest)
		gauge(c, "delayed_jobs", 1000, 3000)
		counter(c, "jobs_processed_total", 100)
		used := 0.0
		for i := range c.Processes {
			if i > 0 {
				used += 100 * 1e-6 * (1000 + 2000*(float64(i)-0.5)/window)
			}
			c.Processes[i].Changed[0].User = used
		}
		f, status := found(t, c, &LinearQueueScan)
		if f == nil || f.Confidence != Measured {
			t.Fatalf("%+v %v", f, status)
		}
		if f.Location.Function != "example.com/svc/queue.(*Delayed).Cancel" {
			t.Error(f.Location.Function)
		}
	})
	t.Run("profile alone", func(t *testing.T) {
		c := newCapture(t, 0.5, 0.8, search, rest)
		f, status := found(t, c, &LinearQueueScan)
		if f == nil || f.Confidence != Suspected || f.Severity != SeverityLow || f.Settles == "" {
			t.Fatalf("%+v %v", f, status)
		}
	})
}

func TestFitGrowth(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	make := func(exponent, from, to float64, n int) []CostPoint {
		var list []CostPoint
		for i := range n {
			d := from + (to-from)*float64(i)/float64(n-1)
			list = append(list, CostPoint{d, 1e-6 * math.Pow(d, exponent) * (1 + 0.1*noise.NormFloat64()), 30})
		}
		return list
	}
	for _, exponent := range []float64{0, 1, 2} {
		g, err := fitGrowth(make(exponent, 1000, 4000, 20))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(g.Exponent.Value-exponent) > 0.25 || g.Exponent.Low > exponent || g.Exponent.High < exponent {
			t.Errorf("exponent %.0f fitted as %s", exponent, g)
		}
	}
	if _, err := fitGrowth(make(1, 1000, 1100, 20)); err == nil {
		t.Error("a tenth more depth is not enough to fit")
	}
	if _, err := fitGrowth(make(1, 1000, 4000, 4)); err == nil {
		t.Error("four points are not enough to fit")
	}
}
