package analyze

import (
	"fmt"
	"strings"
	"testing"

	"busywork/profile"
)

const (
	fetching = "github.com/redis/go-redis/v9/internal/proto.(*Reader).ReadReply < github.com/redis/go-redis/v9.(*Client).Process < main.openOrders < main.handle < main.work"
	querying = "github.com/jackc/pgx/v5/pgconn.(*PgConn).receiveMessage < database/sql.(*Rows).Next < main.openOrders < main.handle < main.work"
)

// answers adds a Redis server that answers one command so many times a second
// with so many bytes, in so many microseconds, beside a few small ones.
func answers(c *profile.Capture, command string, perSecond, bytes, micros float64) {
	for i := range window + 1 {
		n := perSecond * float64(i)
		c.Redis = append(c.Redis, profile.RedisSample{At: after(float64(i)), Server: "redis:6379",
			Info: map[string]string{"uptime_in_seconds": "1000", "total_net_output_bytes": fmt.Sprint(int64(n * bytes))},
			Commands: map[string]profile.RedisCommand{
				command: {Calls: 1000 + uint64(n), Micros: uint64(n * micros)},
				"rpush": {Calls: 1000 + uint64(n), Micros: uint64(n)},
			}})
	}
}

func TestRecomputeNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"each element is worked on": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fetching, 3}, stack{"encoding/json.Unmarshal < main.remind < main.handle < main.work", 5})
			counter(c, "jobs_completed_total", 200)
			answers(c, "lrange", 200, 100e3, 50) // 25 ns a byte are left for the work
			return c
		}(),
		"a listing now and then": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fetching, 6}, stack{pricing, 1})
			counter(c, "jobs_completed_total", 2000)
			answers(c, "lrange", 200, 2e6, 900)
			return c
		}(),
		"short answers": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fetching, 6}, stack{pricing, 1})
			counter(c, "jobs_completed_total", 2000)
			answers(c, "hgetall", 4000, 400, 5)
			return c
		}(),
		"one large value": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{fetching, 6}, stack{pricing, 1})
			counter(c, "jobs_completed_total", 500)
			answers(c, "get", 500, 1e6, 20)
			return c
		}(),
		"another client's listings": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{pricing, 7})
			counter(c, "jobs_completed_total", 500)
			answers(c, "lrange", 500, 1e6, 400)
			return c
		}(),
		"a page of rows": func() *profile.Capture {
			c := newService(t, 0.6, 0.8, stack{querying, 6}, stack{pricing, 1})
			counter(c, "jobs_completed_total", 500)
			postgres(c, 0, 500, StatementUse{Text: "SELECT * FROM orders WHERE customer = $1", Rate: 500, RowsPerCall: 50, MillisPerCall: 1})
			return c
		}(),
	} {
		if f, _ := alone(t, c, &Recompute); f != nil {
			t.Errorf("%s: accused: %s", name, f.Message)
		}
	}
}

func TestRecompute(t *testing.T) {
	t.Run("a list fetched to be counted", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{fetching, 7}, stack{pricing, 1})
		counter(c, "jobs_completed_total", 500)
		answers(c, "lrange", 500, 200e3, 100)
		f, status := alone(t, c, &Recompute)
		wants(t, f, status, Inferred, "main.openOrders", 0.7+0.05)
		if !strings.Contains(f.Fix, "LLEN") || !strings.Contains(f.Message, "1.0 times a job") {
			t.Error(f.Fix, f.Message)
		}
	})
	t.Run("rows fetched to find one", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{querying, 7}, stack{pricing, 1})
		counter(c, "jobs_completed_total", 500)
		postgres(c, 0, 500, StatementUse{Text: "SELECT id, customer FROM orders", Rate: 500, RowsPerCall: 2000, MillisPerCall: 0.4})
		f, status := alone(t, c, &Recompute)
		wants(t, f, status, Inferred, "main.openOrders", 0.7+0.2)
		if !strings.Contains(f.Message, "SELECT from orders") {
			t.Error(f.Message)
		}
	})
	t.Run("explains the scan that it is", func(t *testing.T) {
		c := newService(t, 0.6, 0.8, stack{fetching, 7}, stack{pricing, 1})
		counter(c, "jobs_completed_total", 500)
		answers(c, "lrange", 500, 200e3, 100)
		r := Run(NewFacts(c), []*Rule{&LinearQueueScan, &Recompute}, Options{})
		if len(r.Findings) != 1 || r.Findings[0].Rule != Recompute.Name || len(r.Findings[0].Kin) != 1 {
			t.Errorf("%v", rulesOf(r.Findings))
		}
	})
}
