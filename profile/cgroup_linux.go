package profile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cgroupSource samples the control group of a process. In the root group,
// where nothing is limited, it records nothing.
//
// The group's path comes from /proc/PID/cgroup, which the kernel writes as seen
// from the reader's cgroup namespace, so it belongs with the reader's own
// mounts, not with those of the process: that may live in a container, with
// other paths.
func cgroupSource(pid int, interval time.Duration) Source {
	return Source{Signal: "cgroup", Gather: func(ctx context.Context, w Window, c *Capture) error {
		g, err := findCgroup(os.DirFS("/"), fmt.Sprintf("proc/%d/cgroup", pid), "proc/self/mountinfo")
		if err != nil || g == nil {
			return err
		}
		seen := false
		err = every(ctx, w, interval, func(now time.Time) error {
			s, err := g.sample(now)
			if err == nil {
				seen = true
				c.AddCgroup(s)
			}
			return err
		})
		if seen && errors.Is(err, fs.ErrNotExist) {
			return unavailablef("", "the control group %s was removed inside the window", g.path)
		}
		return err
	}}
}

// A cgroup is where the controllers of one process are found. In a hybrid
// system, and in version 1, each controller may be in a hierarchy of its own.
type cgroup struct {
	fsys    fs.FS
	path    string // of the CPU controller's group, else of the memory controller's
	cpu     controller
	cpuacct controller
	memory  controller
}

// A controller is one hierarchy as seen from the process.
type controller struct {
	version int
	path    string // of the process's group, as in /proc/PID/cgroup
	own     string // the folder of that group in fsys
	// dirs are the folders of that group and its ancestors, up to where the
	// hierarchy is mounted, from the first that can set a limit; none if there
	// is no such controller or the process is in the root group.
	dirs []string
}

// A membership is one line of /proc/PID/cgroup: "4:cpu,cpuacct:/a/b", or
// "0::/a/b" for version 2.
type membership struct {
	controllers []string // none in version 2
	path        string
}

// A cgroupMount is one mounted hierarchy.
type cgroupMount struct {
	version     int
	controllers []string // version 1
	root        string   // which folder of the hierarchy is mounted
	point       string   // where, without the leading slash
}

// findCgroup finds a process's group; it is nil if the process is in the root
// group or there are no control groups.
func findCgroup(fsys fs.FS, groupFile, mountFile string) (*cgroup, error) {
	data, err := fs.ReadFile(fsys, groupFile)
	if err != nil {
		return nil, unavailablef("is the process still running?", "its control group: %v", err)
	}
	members, err := parseMemberships(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", groupFile, err)
	}
	data, err = fs.ReadFile(fsys, mountFile)
	if err != nil {
		return nil, unavailablef("mount /proc", "mounted control groups: %v", err)
	}
	mounts := parseCgroupMounts(data)
	g := &cgroup{fsys: fsys}
	for _, c := range []struct {
		name  string
		to    *controller
		limit [2]string // the file that a limiting group has, by version
	}{
		{"cpu", &g.cpu, [2]string{"cpu.cfs_quota_us", "cpu.max"}},
		{"cpuacct", &g.cpuacct, [2]string{"cpuacct.usage", "cpu.max"}},
		{"memory", &g.memory, [2]string{"memory.limit_in_bytes", "memory.max"}},
	} {
		if *c.to, err = locate(members, mounts, c.name); err != nil {
			return nil, err
		}
		if g.isRoot(*c.to) {
			c.to.dirs = nil
		}
		// Version 2 has the files only where a parent passes the controller on.
		for len(c.to.dirs) > 0 && !g.has(c.to.dirs[0], c.limit[c.to.version-1]) {
			c.to.dirs = c.to.dirs[1:]
		}
	}
	switch {
	case len(g.cpu.dirs) > 0:
		g.path = g.cpu.path
	case len(g.memory.dirs) > 0:
		g.path = g.memory.path
	default:
		return nil, nil
	}
	return g, nil
}

func (g *cgroup) has(dir, file string) bool {
	_, err := fs.Stat(g.fsys, path.Join(dir, file))
	return err == nil
}

// isRoot tells version 1's root groups, which have some of the files of the
// others; only the real root has release_agent. Version 2's has no limits.
func (g *cgroup) isRoot(c controller) bool {
	return c.version == 1 && len(c.dirs) > 0 && g.has(c.dirs[0], "release_agent")
}

// parseMemberships reads /proc/PID/cgroup.
func parseMemberships(data []byte) ([]membership, error) {
	var list []membership
	in := bufio.NewScanner(bytes.NewReader(data))
	for in.Scan() {
		parts := strings.SplitN(in.Text(), ":", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
			return nil, fmt.Errorf("%q is not a membership", in.Text())
		}
		m := membership{path: parts[2]}
		if parts[1] != "" {
			m.controllers = strings.Split(parts[1], ",")
		}
		list = append(list, m)
	}
	return list, in.Err()
}

// parseCgroupMounts picks control groups out of /proc/PID/mountinfo, whose
// lines are, after proc(5),
//
//	36 35 98:0 /root /mnt/point rw,noatime shared:1 - cgroup cgroup rw,cpu,cpuacct
//
// with any number of fields before the dash.
func parseCgroupMounts(data []byte) []cgroupMount {
	var list []cgroupMount
	for line := range strings.Lines(string(data)) {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		m := cgroupMount{root: unescapeMount(fields[3]), point: strings.TrimPrefix(unescapeMount(fields[4]), "/")}
		switch kind[0] {
		case "cgroup":
			m.version, m.controllers = 1, strings.Split(kind[2], ",")
		case "cgroup2":
			m.version = 2
		default:
			continue
		}
		list = append(list, m)
	}
	return list
}

// unescapeMount undoes the octal escapes of blanks and backslashes.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// locate finds the folders of one controller. Version 1 goes first: a
// controller that is in a hierarchy of version 1 is not in version 2's.
func locate(members []membership, mounts []cgroupMount, name string) (controller, error) {
	for _, m := range members {
		if slices.Contains(m.controllers, name) {
			return locateIn(m, mounts, func(at cgroupMount) bool {
				return at.version == 1 && slices.Contains(at.controllers, name)
			}, 1)
		}
	}
	for _, m := range members {
		if m.controllers == nil {
			return locateIn(m, mounts, func(at cgroupMount) bool { return at.version == 2 }, 2)
		}
	}
	return controller{}, nil
}

func locateIn(m membership, mounts []cgroupMount, fits func(cgroupMount) bool, version int) (controller, error) {
	mounted := false
	for _, at := range mounts {
		if !fits(at) {
			continue
		}
		mounted = true
		if below, ok := cutRoot(m.path, at.root); ok {
			dirs := upwards(at.point, below)
			return controller{version: version, path: m.path, own: dirs[0], dirs: dirs}, nil
		}
	}
	if mounted {
		return controller{}, unavailablef("run busywork on the host, outside the container",
			"control group %s is outside of what is mounted here", Clean(m.path))
	}
	return controller{}, nil
}

// cutRoot returns the part of a group's path below the folder that is mounted.
func cutRoot(group, root string) (string, bool) {
	if root == "/" {
		return group, group == path.Clean(group) && !strings.HasPrefix(group, "/..")
	}
	if below, ok := strings.CutPrefix(group, root); ok && (below == "" || below[0] == '/') {
		return below, true
	}
	return "", false
}

// upwards lists the folder of a group and those of its ancestors.
func upwards(point, group string) []string {
	var dirs []string
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		dirs = append(dirs, path.Join(point, group))
		if group == "/" {
			return dirs
		}
	}
}

// sample reads the limits, which may be changed at any time, and the counters.
// Throttling is that of the group which sets the limit; usage is that of the
// process's own group.
func (g *cgroup) sample(now time.Time) (CgroupSample, error) {
	s := CgroupSample{At: now, Path: Clean(g.path), Version: g.memory.version}
	if len(g.cpu.dirs) > 0 {
		if err := g.sampleCPU(&s); err != nil {
			return s, err
		}
	}
	if len(g.memory.dirs) > 0 {
		if err := g.sampleMemory(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (g *cgroup) sampleCPU(s *CgroupSample) error {
	s.Version = g.cpu.version
	limiting := g.cpu.dirs[0]
	for _, dir := range g.cpu.dirs {
		cores, err := g.quota(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != g.cpu.dirs[0] {
			continue // the root group has no limits
		}
		if err != nil {
			return err
		}
		if cores > 0 && (s.QuotaCores == 0 || cores < s.QuotaCores) {
			s.QuotaCores, limiting = cores, dir
		}
	}
	counts, err := g.pairs(path.Join(limiting, "cpu.stat"))
	if err != nil {
		return err
	}
	s.Periods, s.Throttled = counts["nr_periods"], counts["nr_throttled"]
	if g.cpu.version == 1 {
		s.ThrottledFor = float64(counts["throttled_time"]) / 1e9
		return g.usage1(s)
	}
	s.ThrottledFor = float64(counts["throttled_usec"]) / 1e6
	own, err := g.pairs(path.Join(g.cpu.own, "cpu.stat"))
	s.Usage = float64(own["usage_usec"]) / 1e6
	return err
}

// usage1 reads the CPU usage of version 1, which has a controller of its own.
func (g *cgroup) usage1(s *CgroupSample) error {
	if len(g.cpuacct.dirs) == 0 {
		return nil
	}
	nanos, err := g.number(path.Join(g.cpuacct.dirs[0], "cpuacct.usage"))
	s.Usage = float64(nanos) / 1e9
	return err
}

// quota reads one group's own limit in cores, 0 if it has none.
func (g *cgroup) quota(dir string) (float64, error) {
	if g.cpu.version == 2 {
		fields, err := g.fields(path.Join(dir, "cpu.max"))
		if err != nil {
			return 0, err
		}
		return cores(fields)
	}
	quota, err := g.fields(path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return 0, err
	}
	period, err := g.fields(path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0, err
	}
	return cores(append(quota, period...))
}

// cores divides a quota by its period, both in microseconds. No limit is
// "max" in version 2 and -1 in version 1.
func cores(fields []string) (float64, error) {
	if len(fields) != 2 {
		return 0, fmt.Errorf("CPU limit %q is not a quota and a period", fields)
	}
	if fields[0] == "max" || fields[0] == "-1" {
		return 0, nil
	}
	quota, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return 0, err
	}
	period, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil || period == 0 {
		return 0, fmt.Errorf("CPU period %q", fields[1])
	}
	return float64(quota) / float64(period), nil
}

// unlimited1 is what version 1 says where there is no limit, or more:
// the largest signed number, rounded down to a page of at most 64 KiB.
const unlimited1 = math.MaxInt64 - 64<<10

func (g *cgroup) sampleMemory(s *CgroupSample) error {
	limit, current := "memory.max", "memory.current"
	if g.memory.version == 1 {
		limit, current = "memory.limit_in_bytes", "memory.usage_in_bytes"
	}
	for _, dir := range g.memory.dirs {
		fields, err := g.fields(path.Join(dir, limit))
		if errors.Is(err, fs.ErrNotExist) && dir != g.memory.dirs[0] {
			continue
		}
		if err != nil {
			return err
		}
		if len(fields) != 1 || fields[0] == "max" {
			continue
		}
		bytes, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return err
		}
		if bytes < unlimited1 && (s.MemoryMax == 0 || bytes < s.MemoryMax) {
			s.MemoryMax = bytes
		}
	}
	var err error
	s.MemoryCurrent, err = g.number(path.Join(g.memory.dirs[0], current))
	if err != nil {
		return err
	}
	s.MemoryIdle = g.idle()
	s.MemoryOOMKills = g.oomKills()
	return nil
}

// idle is the part of the usage that says nothing about a shortage: files that
// were read once stay until somebody needs the room. What the group's own
// children hold counts, too, as it does in the usage. It is 0 where the kernel
// does not tell.
func (g *cgroup) idle() uint64 {
	field := "inactive_file"
	if g.memory.version == 1 {
		field = "total_inactive_file"
	}
	counts, err := g.pairs(path.Join(g.memory.dirs[0], "memory.stat"))
	if err != nil {
		return 0
	}
	return counts[field]
}

// oomKills is 0 also where the kernel, before 4.13, does not count them.
func (g *cgroup) oomKills() uint64 {
	file := "memory.events"
	if g.memory.version == 1 {
		file = "memory.oom_control"
	}
	counts, err := g.pairs(path.Join(g.memory.dirs[0], file))
	if err != nil {
		return 0
	}
	return counts["oom_kill"]
}

func (g *cgroup) fields(file string) ([]string, error) {
	data, err := fs.ReadFile(g.fsys, file)
	return strings.Fields(string(data)), err
}

func (g *cgroup) number(file string) (uint64, error) {
	fields, err := g.fields(file)
	if err != nil {
		return 0, err
	}
	if len(fields) != 1 {
		return 0, fmt.Errorf("%s is not a number", file)
	}
	return strconv.ParseUint(fields[0], 10, 64)
}

// pairs reads lines of a name and a number.
func (g *cgroup) pairs(file string) (map[string]uint64, error) {
	data, err := fs.ReadFile(g.fsys, file)
	if err != nil {
		return nil, err
	}
	counts := map[string]uint64{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			counts[name] = n
		}
	}
	return counts, nil
}
