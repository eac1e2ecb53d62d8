package profile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"busywork/profile/stacks"
)

// maxDownload bounds a CPU profile that comes over the network. The largest
// honest one, 256 CPUs for 30 s, is 61 MB; reading holds twice the size for a
// moment, and a target that sends without end must not take half a gigabyte.
const maxDownload = 128 << 20

// cpuSource has the target profile its own CPU for the window. ref is a path or
// URL, see locate; "" means the usual one.
//
// Go sends the profile at the end, in one piece: what is interrupted is lost,
// but the target's profiler is free within milliseconds.
func cpuSource(cl *client, ref string) Source {
	const signal = "cpu-profile"
	if ref == "" {
		ref = cl.pprof + "profile"
	}
	return Source{Signal: signal, Gather: func(ctx context.Context, w Window, c *Capture) error {
		err := cl.cpuProfile(ctx, w, c, ref, wholeSeconds(w))
		if !isInUse(err) {
			return err
		}
		// Another profiler, often one that runs every minute for 10 s. Half of
		// what is left is for it to finish, the other half for us.
		rest := time.Until(w.End) / 2
		seconds := int(rest / time.Second)
		if seconds < 1 || !sleep(ctx, rest) {
			return err
		}
		if err := cl.cpuProfile(ctx, w, c, ref, seconds); err != nil {
			return err
		}
		c.AddGap(signal, fmt.Sprintf("the profile covers only the last %d s: another CPU profile was being taken before", seconds), hintInUse)
		return nil
	}}
}

const hintInUse = "one process can take one CPU profile at a time: is a continuous profiler, or another busywork, at work?"

// wholeSeconds is how long the target is to profile: it takes whole seconds
// only, and by the time it is asked a part of the window may be gone.
func wholeSeconds(w Window) int {
	rest := time.Until(w.End) + time.Second/2
	return max(1, int(min(w.Duration(), rest)/time.Second))
}

// isInUse recognises that someone else is profiling: Go says it with status
// 500, others with 409.
func isInUse(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.status >= 400 && strings.Contains(strings.ToLower(e.text), "already in use")
}

func (cl *client) cpuProfile(ctx context.Context, w Window, c *Capture, ref string, seconds int) error {
	start := time.Now()
	// A window shorter than a second still takes a second.
	end := start.Add(time.Duration(seconds) * time.Second)
	if end.Before(w.End) {
		end = w.End
	}
	ctx, cancel := context.WithDeadline(ctx, end.Add(cl.patience()))
	defer cancel()
	a, err := cl.get(ctx, c, withSeconds(ref, seconds), "", maxDownload)
	cl.late.Store(isSilence(err))
	switch {
	case errors.Is(err, context.Canceled):
		return unavailablef("a target sends its profile at the end of the window", reasonInterrupted)
	case err != nil && a != nil && len(a.body) > 0:
		return keepPartial(c, a, start, err)
	case err != nil:
		return profileRefused(err)
	}
	p, err := checkCPU(a.body, a.from, notThat(a, "a CPU profile"))
	if err != nil {
		return err
	}
	c.AddProfile(CPUProfile{Start: start, End: profileEnd(start, p), Source: a.from, Data: a.body})
	return nil
}

// lateGrace is how long a profile is waited for after one that did not come: others
// wait, too, and one that does come takes less.
const lateGrace = time.Second

// patience is how long a profile is waited for after its time.
func (cl *client) patience() time.Duration {
	if cl.late.Load() {
		return min(cl.grace, lateGrace)
	}
	return cl.grace
}

// reasonInterrupted is why there is no profile of a window that ended before its time.
const reasonInterrupted = "interrupted before the profile came"

// Interrupted says that the window ended before its time, and so without the CPU
// profile that would have come at its end. Of a recording it is the last one, and
// tells less than the one before.
func (c *Capture) Interrupted() bool {
	return slices.ContainsFunc(c.Gaps, func(g Gap) bool { return g.Signal == "cpu-profile" && g.Reason == reasonInterrupted })
}

func withSeconds(ref string, seconds int) string {
	join := "?"
	if strings.Contains(ref, "?") {
		join = "&"
	}
	return fmt.Sprintf("%s%sseconds=%d", ref, join, seconds)
}

// keepPartial keeps the part of a profile that came before the target went
// away, if it can be decoded. Gzip cannot, plain protobuf sometimes can.
func keepPartial(c *Capture, a *answer, start time.Time, why error) error {
	p, err := checkCPU(a.body, a.from, why)
	if err != nil || p.Samples == 0 {
		return why
	}
	c.AddProfile(CPUProfile{Start: start, End: profileEnd(start, p), Source: a.from, Partial: true, Data: a.body})
	c.gap("cpu-profile", why)
	return nil
}

// profileRefused adds what a status means for a CPU profile in particular.
func profileRefused(err error) error {
	e, ok := errors.AsType[*requestError](err)
	if !ok || e.text == "" {
		return err
	}
	switch {
	case isInUse(err):
		e.Unavailable = &Unavailable{Reason: "another CPU profile is being taken of the target", Hint: hintInUse}
	case strings.Contains(e.text, "HTTP request to an HTTPS server"):
		e.Unavailable = &Unavailable{Reason: e.Reason + ": it speaks https", Hint: "use https://"}
	case e.status >= http.StatusInternalServerError, e.status == http.StatusBadRequest:
		e.Unavailable = &Unavailable{Reason: e.Reason + ": " + e.text, Hint: e.Hint}
	}
	return e
}

// checkCPU decodes the tables of what should be a CPU profile. foreign is the
// error for a body that is no profile at all. A profile without samples is one:
// the target was idle.
func checkCPU(data []byte, from string, foreign error) (*stacks.Profile, error) {
	switch identify(data) {
	case "nothing", "an HTML page", "XML", "JSON":
		return nil, foreign
	}
	p, err := stacks.Decode(data, stacks.Budget{})
	if p == nil {
		return nil, unavailablef("", "%s: %s", from, err)
	}
	if !measuresCPU(p) {
		return nil, unavailablef("a CPU profile is served as …/debug/pprof/profile", "%s is not a CPU profile but %s", from, profileKind(p))
	}
	return p, nil
}

func measuresCPU(p *stacks.Profile) bool {
	return p.PeriodType.Type == "cpu" ||
		slices.ContainsFunc(p.SampleTypes, func(t stacks.ValueType) bool { return t.Type == "cpu" })
}

// profileKind names the other kinds of profile that people fetch by mistake.
func profileKind(p *stacks.Profile) string {
	var types []string
	for _, t := range p.SampleTypes {
		types = append(types, printable(t.Type+"/"+t.Unit, 60))
	}
	all := strings.Join(types[:min(len(types), 6)], ", ")
	kind := "another kind"
	switch has := func(s string) bool { return strings.Contains(all, s) }; {
	case has("inuse_space"), has("alloc_space"):
		kind = "a heap profile"
	case has("contentions"):
		kind = "a mutex or block profile"
	case has("goroutine"):
		kind = "a goroutine profile"
	case has("threadcreate"):
		kind = "a profile of thread creation"
	case has("wall"):
		kind = "a wall-clock profile"
	}
	return fmt.Sprintf("%s (%s)", kind, all)
}

// profileEnd is when a profile begun at start ended, by its own account where
// that is plausible: by our clock the transfer would count as well.
func profileEnd(start time.Time, p *stacks.Profile) time.Time {
	now := time.Now()
	if d := profileDuration(p); d > 0 && start.Add(d).Before(now) {
		return start.Add(d)
	}
	return now
}

// profileDuration is what the profile says of its length, 0 if that is nothing
// or nonsense.
func profileDuration(p *stacks.Profile) time.Duration {
	const year = 365 * 24 * time.Hour // nobody profiles for longer
	if d := time.Duration(p.DurationNanos); d > 0 && d < year {
		return d
	}
	return 0
}

// fileProfile reads a CPU profile from disk. Start is the zero time if the
// profile does not say when it was taken; End is always Start plus its length.
func fileProfile(file string) (CPUProfile, error) {
	data, err := readFile(file, maxProfile)
	if err != nil {
		return CPUProfile{}, err
	}
	name := printable(file, 300)
	foreign := unavailablef("", "%s is not a CPU profile: it holds %s", name, identify(data))
	p, err := checkCPU(data, name, foreign)
	if err != nil {
		return CPUProfile{}, err
	}
	var start time.Time
	if p.TimeNanos > 0 {
		start = time.Unix(0, p.TimeNanos).UTC()
	}
	return CPUProfile{Start: start, End: start.Add(profileDuration(p)), Source: name, Data: data}, nil
}
