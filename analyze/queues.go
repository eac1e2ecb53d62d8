package analyze

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"busywork/profile"
)

// A Queue is one place where work waits, whatever keeps it.
type Queue struct {
	Name    string // "stream JOBS, consumer dispatcher" or "key reminders"
	System  string // "jetstream" or "redis"
	Type    string // of a Redis key: "list", "stream", "zset" …
	First   float64
	Last    float64 // depth: messages or members
	Mean    float64
	Growth  float64 // a second
	Seconds float64
	Depths  []Point

	// Rates a second; for JetStream consumers only.
	In          float64 // published to the stream
	Delivered   float64 // deliveries, redeliveries included
	Distinct    float64 // distinct messages delivered for the first time
	Acked       float64
	AckPending  int
	MaxPending  int
	Redelivered float64 // deliveries that were not the first

	// As of the last sample. Consumers is how many the stream has; for Redis, which
	// does not say whose they are, the clients that wait in a blocking command on
	// the whole server. Waiting is a JetStream consumer's pull requests that wait.
	Consumers, Waiting int
}

// newQueues is every queue of the capture, in a stable order.
func newQueues(c *profile.Capture) []*Queue {
	list := append(jetStreamQueues(c.JetStream), redisQueues(c.Redis)...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

func jetStreamQueues(samples []profile.JetStreamSample) []*Queue {
	if len(samples) < 2 {
		return nil
	}
	byName := map[string]*Queue{}
	var list []*Queue
	start := samples[0].At
	for _, s := range samples {
		for _, k := range s.Consumers {
			name := fmt.Sprintf("stream %s, consumer %s", k.Stream, k.Name)
			q := byName[name]
			if q == nil {
				q = &Queue{Name: name, System: "jetstream"}
				byName[name] = q
				list = append(list, q)
			}
			q.AckPending, q.MaxPending, q.Waiting = k.AckPending, k.MaxAckPending, k.Waiting
			for i := range s.Streams {
				if s.Streams[i].Name == k.Stream {
					q.Consumers = s.Streams[i].Consumers
				}
			}
			q.Depths = append(q.Depths, Point{seconds(start, s.At), float64(k.Pending) + float64(k.AckPending)})
		}
	}
	for _, q := range list {
		q.depth()
	}
	jetStreamRates(samples, byName)
	return list
}

// jetStreamRates takes differences of sequence numbers between the first and
// the last sample.
func jetStreamRates(samples []profile.JetStreamSample, byName map[string]*Queue) {
	first, last := samples[0], samples[len(samples)-1]
	dt := seconds(first.At, last.At)
	if dt <= 0 {
		return
	}
	published := map[string]float64{}
	for _, a := range first.Streams {
		for _, b := range last.Streams {
			if a.Name == b.Name && b.LastSeq >= a.LastSeq {
				published[a.Name] = float64(b.LastSeq-a.LastSeq) / dt
			}
		}
	}
	for _, a := range first.Consumers {
		for _, b := range last.Consumers {
			if a.Stream != b.Stream || a.Name != b.Name || b.Delivered < a.Delivered || b.DeliveredStream < a.DeliveredStream {
				continue
			}
			q := byName[fmt.Sprintf("stream %s, consumer %s", b.Stream, b.Name)]
			q.In = published[b.Stream]
			q.Delivered = float64(b.Delivered-a.Delivered) / dt
			// Deliveries that grew beyond the growth of what is outstanding were
			// acknowledged; the floor lags behind when acks come out of order.
			q.Acked = max(0, q.Delivered-float64(b.AckPending-a.AckPending)/dt)
			q.Distinct = min(q.Delivered, distinct(a, b)/dt)
			q.Redelivered = q.Delivered - q.Distinct
			q.Acked = min(q.Acked, q.Distinct+float64(max(0, a.AckPending-b.AckPending))/dt)
		}
	}
}

// distinct is how many messages were delivered for the first time. A consumer
// of part of a stream skips sequence numbers; then what left Pending counts.
func distinct(a, b profile.JetStreamConsumer) float64 {
	return float64(b.DeliveredStream - a.DeliveredStream)
}

func redisQueues(samples []profile.RedisSample) []*Queue {
	byName := map[string]*Queue{}
	var list []*Queue
	for _, s := range samples {
		for _, k := range s.Keys {
			if k.Type == "none" {
				continue
			}
			q := byName[k.Key]
			if q == nil {
				q = &Queue{Name: "key " + k.Key, System: "redis", Type: k.Type}
				byName[k.Key] = q
				list = append(list, q)
			}
			q.Consumers = int(min(number(s.Info["blocked_clients"]), math.MaxInt32))
			q.Depths = append(q.Depths, Point{seconds(samples[0].At, s.At), float64(k.Depth)})
		}
	}
	for _, q := range list {
		q.depth()
	}
	return list
}

func (q *Queue) depth() {
	n := len(q.Depths)
	q.First, q.Last = q.Depths[0].Value, q.Depths[n-1].Value
	for _, p := range q.Depths {
		q.Mean += p.Value / float64(n)
	}
	if q.Seconds = q.Depths[n-1].At - q.Depths[0].At; q.Seconds > 0 {
		q.Growth = (q.Last - q.First) / q.Seconds
	}
}

// backlogged says that work waits and does not get less: more than a second's
// worth of deliveries, or than a handful, and growing or standing.
func (q *Queue) backlogged() bool {
	waiting := max(q.Delivered, 10)
	return q.Last >= waiting && q.Growth >= -0.01*q.Last
}

// backlog puts the deepest backlogged queue into words, "" if there is none.
func backlog(list []*Queue) string {
	deepest := deepestBacklog(list)
	if deepest == nil {
		return ""
	}
	return fmt.Sprintf("%.0f waiting in %s, %+.1f a second", deepest.Last, deepest.Name, deepest.Growth)
}

// deepestBacklog is the deepest queue that does not get shorter, nil if there
// is none. Jobs that are scheduled for later do not wait.
func deepestBacklog(list []*Queue) *Queue {
	var deepest *Queue
	for _, q := range list {
		if q.backlogged() && !q.scheduled() && (deepest == nil || q.Last > deepest.Last) {
			deepest = q
		}
	}
	return deepest
}

// RedisUse is what a Redis server did in the window.
type RedisUse struct {
	Server   string
	Seconds  float64
	Cores    float64 // CPU of the server process, by its own account
	PID      int
	Commands []RedisCommandUse // most CPU first
}

// RedisCommandUse is one command's share.
type RedisCommandUse struct {
	Command string  // lower case
	Rate    float64 // calls a second
	Calls   float64
	Micros  float64 // time a call, mean
	Cores   float64
}

func newRedisUse(samples []profile.RedisSample) *RedisUse {
	if len(samples) < 2 {
		return nil
	}
	first, last := samples[0], samples[len(samples)-1]
	u := &RedisUse{Server: last.Server, Seconds: seconds(first.At, last.At)}
	if u.Seconds <= 0 || number(last.Info["uptime_in_seconds"]) < number(first.Info["uptime_in_seconds"]) {
		return nil
	}
	u.PID = int(number(last.Info["process_id"]))
	for _, k := range []string{"used_cpu_user", "used_cpu_sys"} {
		u.Cores += forward(number(first.Info[k]), number(last.Info[k])) / u.Seconds
	}
	for name, b := range last.Commands {
		a := first.Commands[name]
		if b.Calls <= a.Calls || b.Micros < a.Micros {
			continue
		}
		calls, micros := float64(b.Calls-a.Calls), float64(b.Micros-a.Micros)
		u.Commands = append(u.Commands, RedisCommandUse{
			Command: strings.ToLower(name), Calls: calls, Rate: calls / u.Seconds,
			Micros: micros / calls, Cores: micros / 1e6 / u.Seconds,
		})
	}
	sort.Slice(u.Commands, func(i, j int) bool {
		a, b := u.Commands[i], u.Commands[j]
		return a.Cores > b.Cores || a.Cores == b.Cores && a.Command < b.Command
	})
	return u
}

func deepest(s profile.RedisSample) float64 {
	var d int64
	for _, k := range s.Keys {
		d = max(d, k.Depth)
	}
	return float64(d)
}
