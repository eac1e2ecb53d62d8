package analyze

import "strings"

// popping are the Redis commands that take a job out of a queue, one a call, and
// pushing those that put one or more in. Blocking ones are called once more
// whenever they time out, and others as often as somebody looks.
var (
	popping = map[string]bool{
		"lpop": true, "rpop": true, "blpop": true, "brpop": true, "lmove": true, "blmove": true,
		"rpoplpush": true, "brpoplpush": true, "lmpop": true, "blmpop": true,
		"zpopmin": true, "bzpopmin": true, "zmpop": true, "bzmpop": true,
	}
	pushing = map[string]bool{"lpush": true, "rpush": true}
)

// takenAgree is how far the two ends of a queue may differ to be one count.
const takenAgree = 0.2

// takenJobs counts what was taken out of lists in Redis: by what was put in and
// did not stay, and by the calls that take. Either may count what is no job, so
// both must agree; nil if they do not.
func takenJobs(u *RedisUse, queues []*Queue) *Throughput {
	if u == nil {
		return nil
	}
	var in, out float64
	var by []string
	for _, c := range u.Commands {
		switch {
		case pushing[c.Command]:
			in += c.Calls
		case popping[c.Command]:
			out += c.Calls
			by = append(by, c.Command)
		}
	}
	for _, q := range queues {
		if q.System == "redis" && q.Type == "list" {
			in -= q.Growth * q.Seconds
		}
	}
	if in < (1-takenAgree)*out || in > (1+takenAgree)*out {
		return nil
	}
	return throughput(out, u.Seconds, "jobs taken", "Redis commandstats: "+strings.Join(by, ", "))
}
