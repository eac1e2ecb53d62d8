package profile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	mounts2 = "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mounts1 = "30 20 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"31 20 0:2 / /sys/fs/cgroup/memory rw shared:1 master:2 - cgroup cgroup rw,memory\n" +
		"32 20 0:3 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
)

// tree makes a file system out of paths and contents.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

func TestCgroup(t *testing.T) {
	for name, test := range map[string]struct {
		groups, mounts string
		files          map[string]string
		want           *CgroupSample // nil: none
	}{
		"version 2, half a core": {
			groups: "0::/system.slice/a.service\n", mounts: mounts2,
			files: map[string]string{
				"sys/fs/cgroup/cpu.stat":                              "usage_usec 99000000\n",
				"sys/fs/cgroup/system.slice/cpu.max":                  "max 100000\n",
				"sys/fs/cgroup/system.slice/memory.max":               "max\n",
				"sys/fs/cgroup/system.slice/a.service/cpu.max":        "50000 100000\n",
				"sys/fs/cgroup/system.slice/a.service/cpu.stat":       "usage_usec 1500000\nuser_usec 1\nnr_periods 10\nnr_throttled 4\nthrottled_usec 250000\n",
				"sys/fs/cgroup/system.slice/a.service/memory.max":     "1048576\n",
				"sys/fs/cgroup/system.slice/a.service/memory.current": "4096\n",
				"sys/fs/cgroup/system.slice/a.service/memory.events":  "low 0\noom 3\noom_kill 2\n",
			},
			want: &CgroupSample{Path: "/system.slice/a.service", Version: 2, QuotaCores: 0.5, Usage: 1.5, Periods: 10,
				Throttled: 4, ThrottledFor: 0.25, MemoryMax: 1 << 20, MemoryCurrent: 4096, MemoryOOMKills: 2},
		},
		"version 2, no limit": {
			groups: "0::/a\n", mounts: mounts2,
			files: map[string]string{
				"sys/fs/cgroup/a/cpu.max": "max 100000\n", "sys/fs/cgroup/a/cpu.stat": "usage_usec 1\n",
				"sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.current": "1\n",
			},
			want: &CgroupSample{Path: "/a", Version: 2, Usage: 1e-6, MemoryCurrent: 1},
		},
		"version 2, an ancestor limits": {
			groups: "0::/pod/box/init\n", mounts: mounts2,
			files: map[string]string{
				"sys/fs/cgroup/pod/cpu.max":            "150000 100000\n",
				"sys/fs/cgroup/pod/cpu.stat":           "usage_usec 9000000\nnr_periods 8\nnr_throttled 7\nthrottled_usec 1000000\n",
				"sys/fs/cgroup/pod/memory.max":         "1000\n",
				"sys/fs/cgroup/pod/box/cpu.max":        "200000 100000\n",
				"sys/fs/cgroup/pod/box/cpu.stat":       "usage_usec 3000000\nnr_periods 8\nnr_throttled 0\nthrottled_usec 0\n",
				"sys/fs/cgroup/pod/box/memory.max":     "2000\n",
				"sys/fs/cgroup/pod/box/memory.current": "10\n",
				"sys/fs/cgroup/pod/box/memory.stat":    "anon 6\ninactive_file 4\nactive_file 0\n",
				// The controllers are not passed on to the innermost group.
				"sys/fs/cgroup/pod/box/init/cpu.stat": "usage_usec 2000000\n",
			},
			want: &CgroupSample{Path: "/pod/box/init", Version: 2, QuotaCores: 1.5, Usage: 2, Periods: 8,
				Throttled: 7, ThrottledFor: 1, MemoryMax: 1000, MemoryCurrent: 10, MemoryIdle: 4},
		},
		"version 2, root of a container": {
			groups: "0::/\n", mounts: mounts2,
			files: map[string]string{
				"sys/fs/cgroup/cpu.max": "200000 100000\n", "sys/fs/cgroup/cpu.stat": "usage_usec 1000000\nnr_periods 1\n",
			},
			want: &CgroupSample{Path: "/", Version: 2, QuotaCores: 2, Usage: 1, Periods: 1},
		},
		"version 2, root of the machine": {
			groups: "0::/\n", mounts: mounts2,
			files: map[string]string{"sys/fs/cgroup/cpu.stat": "usage_usec 1000000\n"},
		},
		"version 1": {
			groups: "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n1:name=systemd:/x\n", mounts: mounts1,
			files: map[string]string{
				"sys/fs/cgroup/cpu,cpuacct/release_agent":               "\n",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":            "-1\n",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":           "100000\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us":     "-1\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us":    "100000\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us":  "25000\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us": "50000\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.stat":          "nr_periods 5\nnr_throttled 3\nthrottled_time 2000000000\n",
				"sys/fs/cgroup/cpu,cpuacct/docker/ab/cpuacct.usage":     "7000000000\n",
				"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":     "9223372036854771712\n",
				"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes":  "9223372036854771712\n",
				"sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes":  "77\n",
				"sys/fs/cgroup/memory/docker/ab/memory.oom_control":     "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
			},
			want: &CgroupSample{Path: "/docker/ab", Version: 1, QuotaCores: 0.5, Usage: 7, Periods: 5,
				Throttled: 3, ThrottledFor: 2, MemoryCurrent: 77, MemoryOOMKills: 1},
		},
		"version 1, inside a container": {
			groups: "4:memory:/docker/ab/sub\n3:cpu,cpuacct:/docker/ab\n",
			mounts: "30 20 0:1 /docker/ab /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n" +
				"31 20 0:2 /docker/ab /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory\n",
			files: map[string]string{
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
				"sys/fs/cgroup/cpu/cpu.stat": "nr_periods 5\n", "sys/fs/cgroup/cpu/cpuacct.usage": "1000000000\n",
				"sys/fs/cgroup/my memory/memory.limit_in_bytes":     "500\n",
				"sys/fs/cgroup/my memory/sub/memory.limit_in_bytes": "900\n",
				"sys/fs/cgroup/my memory/sub/memory.usage_in_bytes": "5\n",
			},
			want: &CgroupSample{Path: "/docker/ab", Version: 1, QuotaCores: 3, Usage: 1, Periods: 5, MemoryMax: 500, MemoryCurrent: 5},
		},
		"hybrid, memory only": {
			groups: "4:memory:/job\n2:cpuacct:/\n1:cpu:/\n0::/\n",
			mounts: "30 20 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
				"31 20 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
				"32 20 0:4 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n" +
				"33 20 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			files: map[string]string{
				"sys/fs/cgroup/cpu/release_agent": "\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
				"sys/fs/cgroup/cpuacct/release_agent": "\n", "sys/fs/cgroup/cpuacct/cpuacct.usage": "5\n",
				"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "600\n",
				"sys/fs/cgroup/memory/job/memory.usage_in_bytes": "6\n",
				"sys/fs/cgroup/memory/job/memory.stat":           "inactive_file 1\ntotal_inactive_file 2\n",
			},
			want: &CgroupSample{Path: "/job", Version: 1, MemoryMax: 600, MemoryCurrent: 6, MemoryIdle: 2},
		},
		"hybrid, CPU in version 1 and the rest in version 2": {
			groups: "1:cpu,cpuacct:/job\n0::/job\n",
			mounts: mounts1 + "33 20 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			files: map[string]string{
				"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "100000\n", "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
				"sys/fs/cgroup/cpu,cpuacct/job/cpu.stat": "nr_periods 2\n", "sys/fs/cgroup/cpu,cpuacct/job/cpuacct.usage": "0\n",
				"sys/fs/cgroup/unified/job/memory.max": "700\n", "sys/fs/cgroup/unified/job/memory.current": "7\n",
			},
			want: &CgroupSample{Path: "/job", Version: 1, QuotaCores: 1, Periods: 2, MemoryMax: 700, MemoryCurrent: 7},
		},
		"no control groups mounted": {groups: "0::/a\n"},
		"no control groups at all":  {},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := tree(test.files)
			fsys["proc/1/cgroup"] = &fstest.MapFile{Data: []byte(test.groups)}
			fsys["proc/self/mountinfo"] = &fstest.MapFile{Data: []byte("20 1 8:1 / / rw - ext4 /dev/sda rw\nbroken\n" + test.mounts)}
			g, err := findCgroup(fsys, "proc/1/cgroup", "proc/self/mountinfo")
			if err != nil {
				t.Fatal(err)
			}
			if g == nil {
				if test.want != nil {
					t.Fatal("not found")
				}
				return
			}
			got, err := g.sample(time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, &got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCgroupOutOfSight: a process outside of what is mounted here must not be
// taken for one in our own group.
func TestCgroupOutOfSight(t *testing.T) {
	for _, test := range []struct{ groups, mounts string }{
		{"0::/../other\n", mounts2},
		{"3:cpu,cpuacct:/docker/abc\n", "30 20 0:1 /docker/ab /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"},
	} {
		fsys := tree(map[string]string{"group": test.groups, "mounts": test.mounts, "sys/fs/cgroup/cpu.max": "max 1"})
		g, err := findCgroup(fsys, "group", "mounts")
		if err == nil || !strings.Contains(err.Error(), "outside") {
			t.Errorf("%q: %v, %v", test.groups, g, err)
		}
	}
}

func TestCgroupRefuses(t *testing.T) {
	for name, max := range map[string]string{"period 0": "1 0", "no period": "1", "words": "a b", "negative": "-5 100"} {
		fsys := tree(map[string]string{"group": "0::/a\n", "mounts": mounts2,
			"sys/fs/cgroup/a/cpu.max": max, "sys/fs/cgroup/a/cpu.stat": "usage_usec 1"})
		g, err := findCgroup(fsys, "group", "mounts")
		if err != nil {
			t.Fatal(err)
		}
		if s, err := g.sample(time.Time{}); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func FuzzFindCgroup(f *testing.F) {
	f.Add("0::/a\n", mounts2, "50000 100000")
	f.Add("1:cpu:/a/../..\n", mounts1, "max")
	f.Add("1:cpu:/\\040\n", mounts1, "1 1")
	f.Fuzz(func(t *testing.T, groups, mounts, limit string) {
		fsys := tree(map[string]string{"group": groups, "mounts": mounts,
			"sys/fs/cgroup/a/cpu.max": limit, "sys/fs/cgroup/a/cpu.stat": limit, "sys/fs/cgroup/a/memory.max": limit})
		g, err := findCgroup(fsys, "group", "mounts")
		if err != nil || g == nil {
			return
		}
		if s, err := g.sample(time.Time{}); err == nil && !(s.QuotaCores >= 0) {
			t.Errorf("quota %v", s.QuotaCores)
		}
	})
}

// TestCgroupSource: whatever this machine is like, our own group is found, or
// is a root group.
func TestCgroupSource(t *testing.T) {
	c := gatherFor(t, cgroupSource(1, 10*time.Millisecond), 25*time.Millisecond)
	if len(c.Cgroups) == 1 {
		t.Errorf("one sample for a window")
	}
	for _, s := range c.Cgroups {
		if s.Path == "" || s.Version == 0 || s.At.IsZero() {
			t.Errorf("got %+v", s)
		}
	}
	c = new(Capture)
	if err := cgroupSource(1<<30, time.Second).run(t.Context(), c); err == nil {
		t.Error("a process that does not exist has a control group")
	}
}
