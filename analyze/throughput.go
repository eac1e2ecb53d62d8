package analyze

import (
	"cmp"
	"slices"
	"strings"
)

// Throughput is how much work was brought to its end in the window. Cost means
// something only by what was done for it, so nearly every judgement is per job.
type Throughput struct {
	PerSecond Interval // jobs a second, with the counting error
	Total     float64  // jobs in the window
	What      string   // "jobs completed", "messages acknowledged", "requests answered"
	Source    string   // for Evidence
}

// fewest jobs that make a rate: 20 events are known to ± 45 %.
const fewestJobs = 20

// newThroughput takes the best count there is: the service's own of work that
// was finished, then the broker's of messages acknowledged, then the service's
// of how long its work took, which counts as well, and last what was taken out of
// Redis, which over a window many jobs long is as good. Nil means that nobody
// counts.
func newThroughput(meanings []Meaning, series []*Series, queues []*Queue, redis *RedisUse) *Throughput {
	for _, t := range []*Throughput{completedJobs(meanings), acknowledged(queues), timedWork(series), takenJobs(redis, queues)} {
		if t != nil {
			return t
		}
	}
	return nil
}

func throughput(total, span float64, what, source string) *Throughput {
	if total < fewestJobs || span <= 0 {
		return nil
	}
	return &Throughput{PerSecond: count(total).Times(1 / span), Total: total, What: what, Source: source}
}

// completedJobs reads the counters that mean finished work. The values of one
// metric's labels are parts of one count; of several metrics the surest reading
// counts, and of equals the one with least, which is nearest to the end of the
// work: items are part of jobs, and not the other way round.
func completedJobs(all []Meaning) *Throughput {
	var best *Throughput
	score := 0
	for _, family := range families(all) {
		var total, span float64
		sure := 0
		for _, m := range family {
			if m.Role == RoleCompleted && m.Series.Growth > 0 {
				total += m.Series.Growth
				span, sure = m.Series.Seconds, max(sure, m.Score)
			}
		}
		t := throughput(total, span, "jobs completed", family[0].Series.Name)
		if t != nil && (best == nil || sure > score || sure == score && t.Total < best.Total) {
			best, score = t, sure
		}
	}
	return best
}

// acknowledged is the consumer through which most messages came to their end.
func acknowledged(queues []*Queue) *Throughput {
	var most *Throughput
	for _, q := range queues {
		t := throughput(q.Acked*q.Seconds, q.Seconds, "messages acknowledged", q.Name)
		if t != nil && (most == nil || t.Total > most.Total) {
			most = t
		}
	}
	return most
}

// timedWork counts observations of how long a job or a request took. Jobs go
// before requests: a worker's few requests are its metrics.
func timedWork(series []*Series) *Throughput {
	kinds := []struct {
		what  string
		words []string
	}{
		{"jobs completed", []string{"job", "jobs", "task", "tasks", "message", "messages", "work", "event", "events"}},
		{"requests answered", []string{"request", "requests", "http", "handler", "rpc", "grpc"}},
	}
	for _, k := range kinds {
		if t := countTimed(series, k.what, k.words); t != nil {
			return t
		}
	}
	return nil
}

func countTimed(series []*Series, what string, nouns []string) *Throughput {
	totals, spans := map[string]float64{}, map[string]float64{}
	for _, s := range series {
		list := words(s.Name)
		if len(list) == 0 || notWork[list[0]] || s.Growth <= 0 || !has(list, nouns) {
			continue
		}
		if isDistribution(s) && has(list, []string{"duration", "latency", "seconds", "milliseconds", "time"}) ||
			what == "requests answered" && s.monotone() && strings.HasSuffix(s.Name, "requests_total") {
			totals[s.Name] += s.Growth
			spans[s.Name] = s.Seconds
		}
	}
	var names []string
	for name := range totals {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), strings.Compare(a, b))
	})
	for _, name := range names {
		return throughput(totals[name], spans[name], what, name)
	}
	return nil
}

func isDistribution(s *Series) bool { return s.Type == "histogram" || s.Type == "summary" }

func has(list, any []string) bool {
	return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(any, w) })
}
