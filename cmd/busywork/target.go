package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"busywork/profile"
)

const targetHelp = `TARGET is a base URL that serves /debug/pprof/ (http://, https:// or unix:/path),
pid:N, the name of a process, "host" for this machine alone, a capture folder, a
recording, or a pprof file. For a target on this machine the process, its ports, its metrics and its
brokers are found from it; what was found, and how, is in the report.`

// targetFlags say how to observe a target.
type targetFlags struct {
	seconds int
	profile.Options
}

func (f *targetFlags) add(set *pflag.FlagSet) {
	set.IntVar(&f.seconds, "seconds", 10, "length of the window")
	set.StringArrayVar(&f.Metrics, "metrics", nil, "URL of the service's metrics (Prometheus text or expvar)")
	set.StringVar(&f.NATS.URL, "nats", "", "NATS server, to read JetStream's state")
	set.StringArrayVar(&f.NATS.Streams, "stream", nil, "JetStream stream (default: all)")
	set.StringArrayVar(&f.NATS.Consumers, "consumer", nil, "JetStream consumer (default: all)")
	set.StringVar(&f.NATS.CredsFile, "nats-creds", "", "NATS credentials file")
	set.StringVar(&f.Redis.URL, "redis", "", "Redis server: redis://host:port/db")
	set.StringArrayVar(&f.Redis.Keys, "queue", nil, "key whose length is a queue's depth")
	set.StringVar(&f.Postgres.DSN, "postgres", "", "PostgreSQL database: postgres://user@host/database (password: PGPASSFILE or ~/.pgpass)")
	set.StringArrayVar(&f.HTTP.Headers, "header", nil, `header for the target: "Name: value"`)
	set.StringVar(&f.HTTP.BearerFile, "bearer-file", "", "file with a bearer token for the target")
	set.StringVar(&f.HTTP.BearerEnv, "bearer-env", "", "environment variable with a bearer token for the target")
	set.StringVar(&f.HTTP.CAFile, "ca", "", "CA certificates (PEM) to trust for the target")
	set.StringVar(&f.HTTP.CertFile, "cert", "", "client certificate (PEM)")
	set.StringVar(&f.HTTP.KeyFile, "key", "", "key of the client certificate (PEM)")
	set.BoolVar(&f.HTTP.Insecure, "insecure", false, "do not verify the target's certificate")
}

// maxSeconds bounds a window: longer observation is what record is for.
const maxSeconds = 3600

func (f *targetFlags) options(target string) (profile.Options, error) {
	if f.seconds < 1 || f.seconds > maxSeconds {
		return profile.Options{}, fmt.Errorf("--seconds %d: the window is 1 to %d seconds", f.seconds, maxSeconds)
	}
	o := f.Options
	o.Target, o.Window = target, time.Duration(f.seconds)*time.Second
	return o, nil
}

// captures observes the live targets, all inside one window, and loads what was
// kept of the others. Captures and errors are in the order of the targets.
func (f *targetFlags) captures(ctx context.Context, targets []string, p *progress) ([]*profile.Capture, []error) {
	captures, errs := make([]*profile.Capture, len(targets)), make([]error, len(targets))
	var live []profile.Options
	var at []int
	for i, target := range targets {
		var kept bool
		if captures[i], kept, errs[i] = load(target); kept {
			continue
		}
		var o profile.Options
		if o, errs[i] = f.options(target); errs[i] == nil {
			o.Progress = p.step
			live, at = append(live, o), append(at, i)
		}
	}
	defer p.done()
	switch len(live) {
	case 0:
	case 1:
		captures[at[0]], errs[at[0]] = profile.Observe(ctx, live[0])
	default:
		list, failed := profile.ObserveAll(ctx, live)
		for k, i := range at {
			captures[i], errs[i] = list[k], failed[k]
		}
	}
	return captures, errs
}

// load reads a target that is on disk; kept is false if it is not.
func load(target string) (c *profile.Capture, kept bool, err error) {
	info, kept, err := onDisk(target)
	switch {
	case err != nil || !kept:
	case info.IsDir():
		c, err = profile.Load(target)
	default:
		c, err = profile.FromFile(target)
	}
	return c, kept, err
}

// onDisk says whether a target is a file or a folder, or should be.
func onDisk(target string) (info os.FileInfo, kept bool, err error) {
	info, err = os.Stat(target)
	switch {
	case err == nil:
		return info, true, nil
	case looksLikePath(target):
		return nil, true, &profile.Unavailable{
			Reason: fmt.Sprintf("%s: no such file or folder", target),
			Hint:   "a capture folder or a pprof file is given by its path; a live target by URL, pid:N or process name",
		}
	}
	return nil, false, nil
}

func looksLikePath(target string) bool {
	return !strings.Contains(target, "://") && !strings.HasPrefix(target, "unix:") && strings.ContainsRune(target, '/')
}
