package profile

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxRedisKeys whose depth is asked for in each sample.
	maxRedisKeys = 256
	// maxRedisCommands kept: Redis 7 has 240 commands, subcommands 180 more.
	maxRedisCommands = 1000
)

// RedisOptions is where a Redis server is and whose keys' depth is of interest.
type RedisOptions struct {
	URL  string   // redis://, rediss:// or unix:///PATH, with user:password@ and /DB if need be
	Keys []string // lists, sorted sets, streams, sets and hashes
}

// redisSource samples INFO and the depth of the named keys. It never lists keys,
// reads a value or asks for configuration; resp.go has all the commands.
func redisSource(o RedisOptions, interval time.Duration) Source {
	const signal = "redis"
	return Source{Signal: signal, Gather: func(ctx context.Context, w Window, c *Capture) error {
		r := &redisReader{keys: o.Keys[:min(len(o.Keys), maxRedisKeys)]}
		if err := r.setURL(o.URL); err != nil {
			return err
		}
		defer r.close()
		if len(o.Keys) > maxRedisKeys {
			c.AddGap(signal, fmt.Sprintf("only the first %d of %d keys are looked at", maxRedisKeys, len(o.Keys)), "")
		}
		p := newPace(w, interval, brokerShare)
		return poll(ctx, w, c, signal, p.next, func(ctx context.Context) error {
			r.begun = time.Now()
			err := r.sample(ctx, c, signal)
			p.saw(time.Since(r.begun))
			return err
		})
	}}
}

// A redisReader holds one connection, and makes a new one for the next sample
// when that breaks.
type redisReader struct {
	url    *url.URL
	server string // for people: without user-info
	keys   []string
	conn   *respConn
	begun  time.Time // of the sample
	noted  bool      // that some keys cannot be read has been noted
}

func (r *redisReader) setURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return unavailablef("", "the Redis URL is malformed")
	}
	switch {
	case u.Scheme == "unix" && u.Path != "":
		r.server = printable("unix:"+u.Path, 200)
	case (u.Scheme == "redis" || u.Scheme == "rediss"):
		r.server = printable(u.Scheme+"://"+redisAddress(u), 200)
	default:
		return unavailablef("a Redis server is redis://HOST:PORT/DB, rediss://… or unix:///PATH", "%s is not the URL of a Redis server", printable(redactURL(raw), 200))
	}
	r.url = u
	return nil
}

func (r *redisReader) close() {
	if r.conn != nil {
		r.conn.conn.Close()
		r.conn = nil
	}
}

func (r *redisReader) sample(ctx context.Context, c *Capture, signal string) error {
	if err := r.connect(ctx, c); err != nil {
		return err
	}
	s := RedisSample{At: time.Now(), Server: r.server}
	replies, err := r.ask(ctx, c, redisCall{redisInfo, []string{"all"}})
	if err != nil {
		return err
	}
	if replies[0].err != nil {
		return r.explain(ctx, replies[0].err)
	}
	s.Info, s.Commands = parseRedisInfo(replies[0].text)
	if len(s.Info) == 0 {
		return requestErrorf("", "%s sent no statistics", r.server)
	}
	var refused error
	if s.Keys, refused, err = r.depths(ctx, c); err != nil {
		return err
	}
	if refused != nil && !r.noted {
		r.noted = true
		c.gap(signal, r.explain(ctx, refused))
	}
	c.AddRedis(s)
	return nil
}

// connect makes the connection ready, if it is not.
func (r *redisReader) connect(ctx context.Context, c *Capture) error {
	if r.conn != nil {
		return nil
	}
	conn, err := dialResp(ctx, r.url)
	if err != nil {
		return r.explain(ctx, err)
	}
	r.conn = conn
	replies, err := r.ask(ctx, c, r.greeting()...)
	for _, reply := range replies {
		if err == nil && reply.err != nil {
			err = r.explain(ctx, reply.err)
		}
	}
	if err != nil {
		r.close()
	}
	return err
}

// greeting is AUTH and SELECT, as far as the URL has what they need.
func (r *redisReader) greeting() (calls []redisCall) {
	if password, ok := r.url.User.Password(); ok {
		args := []string{password}
		if name := r.url.User.Username(); name != "" {
			args = []string{name, password}
		}
		calls = append(calls, redisCall{redisAuth, args})
	}
	db := strings.Trim(r.url.Path, "/")
	if r.url.Scheme == "unix" {
		db = r.url.Query().Get("db")
	}
	if db != "" && db != "0" {
		calls = append(calls, redisCall{redisSelect, []string{db}})
	}
	return calls
}

// ask sends calls. After an error of the connection the next sample makes a
// new one.
func (r *redisReader) ask(ctx context.Context, c *Capture, calls ...redisCall) ([]redisReply, error) {
	c.CountBrokerRequests(len(calls))
	replies, err := r.conn.do(ctx, calls...)
	if err != nil {
		r.close()
		return nil, r.explain(ctx, err)
	}
	return replies, nil
}

// depthCommands by what TYPE says.
var depthCommands = map[string]redisCommand{
	"list": redisLLen, "zset": redisZCard, "stream": redisXLen, "set": redisSCard, "hash": redisHLen,
}

// depths asks for the type of each key and then for its depth: two round trips
// for all. refused is the first refusal of a key; the others are kept.
func (r *redisReader) depths(ctx context.Context, c *Capture) (keys []RedisKey, refused, _ error) {
	if len(r.keys) == 0 {
		return nil, nil, nil
	}
	var calls []redisCall
	for _, k := range r.keys {
		calls = append(calls, redisCall{redisType, []string{k}})
	}
	types, err := r.ask(ctx, c, calls...)
	if err != nil {
		return nil, nil, err
	}
	calls = nil
	var asked []int // index into keys of each call
	for i, t := range types {
		if t.err != nil {
			refused = firstError(refused, t.err)
			continue
		}
		// Only the display is cut: the key itself is the person's own word.
		keys = append(keys, RedisKey{Key: printable(redactText(r.keys[i]), maxName), Type: printable(t.text, 20)})
		if command, ok := depthCommands[t.text]; ok {
			calls = append(calls, redisCall{command, []string{r.keys[i]}})
			asked = append(asked, len(keys)-1)
		}
	}
	depths, err := r.ask(ctx, c, calls...)
	if err != nil {
		return nil, nil, err
	}
	for n, d := range depths {
		// A key may have changed its type in between; its depth stays 0.
		refused = firstError(refused, d.err)
		keys[asked[n]].Depth = d.number
	}
	return keys, refused, nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// redisFields of INFO are kept: what tells how busy, how large and how old the
// server is. Others hold paths, addresses and names that are nobody's business.
var redisFields = map[string]bool{
	"redis_version": true, "server_name": true, "valkey_version": true, "redis_mode": true, "role": true,
	"process_id": true, "tcp_port": true, "uptime_in_seconds": true, "hz": true, "io_threads_active": true,
	"connected_clients": true, "blocked_clients": true, "maxclients": true, "clients_in_timeout_table": true,
	"used_memory": true, "used_memory_rss": true, "used_memory_peak": true, "maxmemory": true, "maxmemory_policy": true,
	"mem_fragmentation_ratio": true, "connected_slaves": true,
	"loading": true, "rdb_bgsave_in_progress": true, "aof_enabled": true, "aof_rewrite_in_progress": true, "latest_fork_usec": true,
	"total_connections_received": true, "total_commands_processed": true, "instantaneous_ops_per_sec": true,
	"rejected_connections": true, "expired_keys": true, "evicted_keys": true, "keyspace_hits": true, "keyspace_misses": true,
	"total_net_input_bytes": true, "total_net_output_bytes": true, "total_error_replies": true,
	"total_reads_processed": true, "total_writes_processed": true, "total_forks": true, "eventloop_duration_sum": true, "eventloop_cycles": true,
	"used_cpu_sys": true, "used_cpu_user": true, "used_cpu_sys_children": true, "used_cpu_user_children": true,
	"used_cpu_sys_main_thread": true, "used_cpu_user_main_thread": true,
}

// parseRedisInfo reads what INFO answers: lines of name:value, in sections whose
// headings do not matter since all names differ.
func parseRedisInfo(text string) (info map[string]string, commands map[string]RedisCommand) {
	info, commands = make(map[string]string), make(map[string]RedisCommand)
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok {
			continue
		}
		// A command's name may itself have no ":", but a module's may.
		if rest, is := strings.CutPrefix(name, "cmdstat_"); is {
			noteCommand(commands, rest, value)
		} else if rest, is := strings.CutPrefix(name, "latency_percentiles_usec_"); is {
			noteCommand(commands, rest, value)
		} else if redisFields[name] || isKeyspace(name) {
			info[name] = printable(value, 200)
		}
	}
	return info, commands
}

// isKeyspace recognises "db0", which tells how many keys there are.
func isKeyspace(name string) bool {
	n, ok := strings.CutPrefix(name, "db")
	_, err := strconv.ParseUint(n, 10, 10)
	return ok && err == nil
}

// noteCommand adds figures such as "calls=1,usec=2,usec_per_call=2.00" or
// "p50=1.003,p99=2.007" to a command's.
func noteCommand(commands map[string]RedisCommand, name, value string) {
	name = strings.ToLower(printable(name, 100))
	k, known := commands[name]
	if !known && len(commands) == maxRedisCommands {
		return
	}
	for pair := range strings.SplitSeq(value, ",") {
		key, number, _ := strings.Cut(pair, "=")
		n, err := strconv.ParseUint(number, 10, 64)
		f, ferr := strconv.ParseFloat(number, 64)
		switch {
		case key == "p50" && ferr == nil && isFinite(f):
			k.P50 = f
		case key == "p99" && ferr == nil && isFinite(f):
			k.P99 = f
		case err != nil:
		case key == "calls":
			k.Calls = n
		case key == "usec":
			k.Micros = n
		case key == "rejected_calls":
			k.Rejected = n
		case key == "failed_calls":
			k.Failed = n
		}
	}
	commands[name] = k
}

// explain turns a refusal, or a fault of the connection, into one line with a
// hint.
func (r *redisReader) explain(ctx context.Context, err error) error {
	if e, ok := errors.AsType[redisError](err); ok {
		return r.refusal(e)
	}
	if errors.Is(err, errNotRedis) {
		return requestErrorf("is this its port?", "%s is not a Redis server", r.server)
	}
	return explain(ctx, r.server, err, time.Since(r.begun), 0)
}

func (r *redisReader) refusal(err redisError) error {
	switch {
	case err.is("NOAUTH"):
		return requestErrorf("give it in the URL: redis://user:password@host", "%s wants a password", r.server)
	case err.is("WRONGPASS"), strings.Contains(string(err), "AUTH"), strings.Contains(string(err), "invalid password"):
		return requestErrorf("check user and password in the URL", "%s does not accept the credentials", r.server)
	case err.is("NOPERM"):
		return requestErrorf("allow it +info +type +llen +zcard +xlen +scard +hlen and the keys", "the user may not read statistics at %s", r.server)
	case err.is("MOVED"), err.is("ASK"):
		return requestErrorf("give the node that holds the key", "%s is one node of a cluster, and a named key is on another", r.server)
	case err.is("LOADING"), err.is("BUSY"), err.is("MASTERDOWN"):
		e := requestErrorf("", "%s cannot answer now: %s", r.server, err)
		e.temporary = true
		return e
	}
	return requestErrorf("", "%s refuses: %s", r.server, err)
}
