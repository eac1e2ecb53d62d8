package profile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSupervisorKind(t *testing.T) {
	for _, test := range []struct {
		name    string
		command []string
		want    string
	}{
		{"supervisord", []string{"/usr/bin/python3", "/usr/bin/supervisord", "-n"}, "supervisord"},
		{"python3", []string{"/usr/bin/python3.12", "-u", "/opt/venv/bin/supervisord"}, "supervisord"},
		{"python3", []string{"python3", "-m", "supervisor.supervisord"}, "supervisord"},
		{"python3", []string{"python3", "-c", "supervisord"}, ""},
		{"python3", []string{"python3", "worker.py", "supervisord"}, ""},
		{"python3", []string{"python3", "/usr/local/bin/circusd", "circus.ini"}, "circusd"},
		{"systemd", []string{"/sbin/init"}, "systemd"},
		{"runsv", []string{"runsv", "web"}, "runit"},
		{"s6-supervise", []string{"s6-supervise", "web"}, "s6"},
		{"supervise", []string{"supervise", "web"}, "daemontools"},
		{"PM2 v5.3.0: God", []string{"PM2 v5.3.0: God Daemon (/home/app/.pm2)"}, "PM2"},
		{"node", []string{"PM2 v5.3.0: God Daemon (/home/app/.pm2)"}, "PM2"},
		{"containerd-shim", []string{"/usr/bin/containerd-shim-runc-v2", "-namespace", "moby"}, "containerd-shim"},
		{"dockerd", nil, "dockerd"},
		{"tini", []string{"/sbin/tini", "--", "worker"}, "tini"},
		{"dumb-init", []string{"dumb-init", "worker"}, "dumb-init"},
		{"ruby", []string{"ruby", "/usr/bin/foreman", "start"}, "foreman"},
		{"honcho", []string{"/usr/bin/python3", "/usr/bin/honcho", "start"}, "honcho"},
		{"goreman", []string{"goreman", "start"}, "goreman"},
		{"cron", []string{"/usr/sbin/cron", "-f"}, "cron"},
		{"crond", nil, "cron"},
		{"bash", []string{"bash", "/srv/run.sh"}, "shell loop"},
		{"run.sh", []string{"/bin/sh", "-e", "./run.sh"}, "shell loop"},
		{"sh", []string{"sh", "-c", "while :; do work; done"}, "shell loop"},
		{"sh", []string{"busybox", "sh", "-c", "work"}, "shell loop"},
		{"bash", []string{"-bash"}, ""},
		{"bash", []string{"bash", "--login", "-i"}, ""},
		{"zsh", []string{"zsh", "-s"}, ""},
		{"worker", []string{"/srv/worker"}, ""},
		{"", nil, ""},
		{"x", []string{""}, ""},
	} {
		if got := SupervisorKind(test.name, test.command); got != test.want {
			t.Errorf("%s %q: got %q, want %q", test.name, test.command, got, test.want)
		}
	}
}

func TestParseINI(t *testing.T) {
	got := parseINI("; comment\nlost = 1\n[a]\nKey = v ; remark\nx=a;b#c # d\ny: 1\n\n[program:b]\ncommand=one\n  two\n\tthree\nnonsense\n more\nurl = http://h/?a=b\n")
	want := []section{
		{"a", map[string]string{"key": "v", "x": "a;b#c", "y": "1"}},
		{"program:b", map[string]string{"command": "one\ntwo\nthree", "url": "http://h/?a=b"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(section{})); diff != "" {
		t.Error(diff)
	}
}

func TestExpand(t *testing.T) {
	names := map[string]string{"here": "/etc", "process_num": "7"}
	for s, want := range map[string]string{
		"%(here)s/a.log":               "/etc/a.log",
		"w_%(process_num)02d":          "w_07",
		"w_%(process_num)d":            "w_7",
		"100%% of %(ENV_HOME)s":        "100% of %(ENV_HOME)s",
		"date +%F, not a place %(here": "date +%F, not a place %(here",
	} {
		if got := expand(s, names); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestParseSupervisorLine(t *testing.T) {
	at := time.Date(2026, 11, 21, 19, 0, 0, 123e6, time.UTC)
	code := func(n int) *int { return &n }
	const when = "2026-11-21 19:00:00,123 "
	for _, test := range []struct {
		line string
		want SupervisorEvent // no What: none
	}{
		{when + "INFO spawned: 'x' with pid 12", SupervisorEvent{Program: "x", What: "spawned", PID: 12}},
		{when + "WARN exited: x (exit status 73; not expected)", SupervisorEvent{Program: "x", What: "exited", ExitCode: code(73)}},
		{when + "INFO exited: x (exit status 0; expected)", SupervisorEvent{Program: "x", What: "exited", ExitCode: code(0)}},
		{when + "INFO exited: a (b) (exit status 1; not expected)", SupervisorEvent{Program: "a (b)", What: "exited", ExitCode: code(1)}},
		{when + "WARN exited: x (terminated by SIGKILL; not expected)", SupervisorEvent{Program: "x", What: "exited", Signal: "SIGKILL"}},
		{when + "WARN exited: x (terminated by SIGSEGV (core dumped); not expected)", SupervisorEvent{Program: "x", What: "exited", Signal: "SIGSEGV"}},
		{when + "WARN exited: x (unknown termination cause 0x00ff; not expected)", SupervisorEvent{Program: "x", What: "exited"}},
		{when + "INFO gave up: x entered FATAL state, too many start retries too quickly", SupervisorEvent{Program: "x", What: "fatal"}},
		{when + "INFO spawnerr: too many open files to spawn 'x'", SupervisorEvent{Program: "x", What: "backoff"}},
		{when + "INFO success: x entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)", SupervisorEvent{}},
		{when + "INFO spawnerr: can't find command '/no/such'", SupervisorEvent{}},
		{when + "INFO stopped: x (terminated by SIGTERM)", SupervisorEvent{}},
		{"2026-13-41 19:00:00,123 INFO spawned: 'x' with pid 12", SupervisorEvent{}},
		{"INFO spawned: 'x' with pid 12", SupervisorEvent{}},
		{"", SupervisorEvent{}},
	} {
		got, ok := parseSupervisorLine(test.line+"\n", time.UTC)
		if ok != (test.want.What != "") {
			t.Errorf("%q: %v", test.line, ok)
		}
		if !ok {
			continue
		}
		if !got.At.Equal(at) {
			t.Errorf("%q: at %v", test.line, got.At)
		}
		got.At = time.Time{}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.line, diff)
		}
	}
}

func TestLogZone(t *testing.T) {
	written := time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		last string
		want time.Duration
	}{
		{"2026-11-21 19:00:00,000", 0},
		{"2026-11-21 20:59:59,900", 2 * time.Hour},
		{"2026-11-21 13:59:59,000", -5 * time.Hour},
		{"2026-11-22 00:30:00,001", 5*time.Hour + 30*time.Minute},
	} {
		text := "2020-01-01 00:00:00,000 INFO old\n" + test.last + " INFO new\nTraceback:\n"
		_, offset := written.In(logZone(text, written)).Zone()
		if got := time.Duration(offset) * time.Second; got != test.want {
			t.Errorf("%s: %v, want %v", test.last, got, test.want)
		}
	}
	for _, last := range []string{"", "2026-11-21 19:07:00,000 INFO x\n", "2025-11-21 19:00:00,000 INFO x\n"} {
		if logZone(last, written) != time.Local {
			t.Errorf("%q tells a zone", last)
		}
	}
}

func FuzzSupervisorText(f *testing.F) {
	f.Add("2026-11-21 19:00:00,123 INFO spawned: 'x' with pid 12\n[program:x]\ncommand=%(here)s %(numprocs)02d\nnumprocs=3\nprocess_name=%(process_num)9d\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := new(supervisorConfig)
		c.takePrograms(parseINI(text), "/etc")
		for _, p := range c.programs {
			if len(p.processes) == 0 || len(p.processes) > maxProcessNumber || len(p.Name) > maxNameBytes {
				t.Errorf("out of bounds: %+v", p)
			}
		}
		l := supervisorLog{pids: map[string]int{}, window: Window{End: time.Now()}}
		l.take([]byte(text), time.Now())
		for _, e := range l.events {
			if e.Program != Clean(e.Program) || len(e.Program) > maxNameBytes {
				t.Errorf("program %q", e.Program)
			}
		}
	})
}

func ownFiles(t *testing.T) *processFiles {
	t.Helper()
	files, err := openProcessFiles(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(files.close)
	return files
}

// TestLogIsFollowed appends to, rotates and truncates a log while it is
// followed: each event comes once.
func TestLogIsFollowed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	now := time.Now()
	l := &supervisorLog{files: ownFiles(t), path: name, pids: map[string]int{},
		program: map[string]string{"web_00": "web"}, window: Window{now.Add(-time.Minute), now.Add(time.Minute)}}
	defer l.close()
	stamp := now.Format("2006-01-02 15:04:05") + ",000 INFO "
	old := now.Add(-time.Hour).Format("2006-01-02 15:04:05") + ",000 INFO "
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	read := func() {
		t.Helper()
		if err := l.read(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.read(); err == nil {
		t.Error("a log that does not exist was read")
	}
	write(old + "spawned: 'web_00' with pid 1\n" + stamp + "exited: web_00 (exit status 3; not expected)\n" + stamp + "spawned: 'web_00'")
	read()
	write(" with pid 2\n")
	read()
	read()
	write(stamp + "exited: web_00 (exit status 4; not expected)\n")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	write(stamp + "spawned: 'web_00' with pid 3\n")
	read()
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	read()
	write(stamp + "gave up: web_00 entered FATAL state, so\n")
	read()
	var got []string
	for _, e := range l.events {
		code := -1
		if e.ExitCode != nil {
			code = *e.ExitCode
		}
		got = append(got, fmt.Sprint(e.Program, " ", e.What, " ", e.PID, " ", code))
	}
	want := []string{"web exited 1 3", "web spawned 2 -1", "web exited 2 4", "web spawned 3 -1", "web fatal 3 -1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	write(strings.Repeat("x\n", tailBytes))
	read()
	if !l.lost {
		t.Error("lines were skipped without a word")
	}
}

// TestProcessFilesRefuse: a configuration may name anything as a log.
func TestProcessFilesRefuse(t *testing.T) {
	dir := t.TempDir()
	files := ownFiles(t)
	regular := filepath.Join(dir, "regular")
	if err := os.WriteFile(regular, []byte("text\n\nlast\n\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(regular, link); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	for _, name := range []string{regular, link} {
		f, err := files.open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if line, err := lastLine(f); line != "last" || err != nil {
			t.Errorf("last line %q, %v", line, err)
		}
		f.Close()
	}
	if _, err := files.openOwn(link); err == nil {
		t.Error("a symbolic link is taken for its own file")
	}
	for _, name := range []string{fifo, "/dev/null", dir, "/proc/self/fd/0", "/proc/self/root/etc/passwd", filepath.Join(dir, "none")} {
		if f, err := files.open(name); err == nil {
			t.Errorf("%s was opened", name)
			f.Close()
		}
	}
	if _, err := files.read(regular, 3); err == nil {
		t.Error("more was read than allowed")
	}
	stranger := *files
	stranger.uid = 54321
	if f, err := stranger.open(regular); err == nil {
		t.Error("a file was read that the process's user could not read")
		f.Close()
	}
	if got := files.glob(quoteGlob(dir) + "/[lr]*"); !slices.Equal(got, []string{link, regular}) {
		t.Errorf("glob: %q", got)
	}
}

// needProgram skips a test whose server is not installed, or fails it where all
// servers are required.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("BUSYWORK_REQUIRE_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return program
}

const supervisordConf = `
[supervisord]
logfile=%(here)s/d.log
pidfile=%(here)s/d.pid
nodaemon=true
childlogdir=%(here)s
identifier=test

[include]
files = conf.d/*.conf
`

const crashingConf = `
[program:crash]   ; ends at once
command=/bin/sh -c "echo failed: token=s3cr3t for %(program_name)s >&2; exit 3" --api-key=abc
autorestart=true
startsecs=0
startretries=1000
stderr_logfile=%(here)s/crash.err

[program:pair]
command=/bin/sh -c "echo said on stdout; exec sleep 60"
process_name=%(program_name)s_%(process_num)02d
numprocs=2
redirect_stderr=true

[program:killed]
command=/bin/sh -c "kill -9 $$"
stderr_logfile=/dev/null
autorestart=true
startsecs=0
`

// TestSupervisorSource watches a real supervisord with programs that end at
// once.
func TestSupervisorSource(t *testing.T) {
	program := needProgram(t, "supervisord")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"s.conf": supervisordConf, "conf.d/crash.conf": crashingConf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-c", "s.conf")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // SIGTERM has it stop its children
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	waitForFile(t, filepath.Join(dir, "conf.d/crash.err"))
	c := gatherFor(t, supervisorSource(new(machine)), 3500*time.Millisecond)
	at := slices.IndexFunc(c.Supervisors, func(s Supervisor) bool { return s.PID == cmd.Process.Pid })
	if at < 0 {
		t.Fatalf("not found; gaps %+v", c.Gaps)
	}
	s := c.Supervisors[at]
	if s.Kind != "supervisord" || s.Start <= 0 || s.Config != filepath.Join(dir, "s.conf") {
		t.Errorf("got %+v", s.ProcessKey)
	}
	want := []SupervisedProgram{
		{Name: "crash", Command: `/bin/sh -c "echo failed: token=[cut] for crash >&2; exit 3" --api-key=[cut]`,
			AutoRestart: "true", StartSecs: "0", LastStderr: "failed: token=[cut] for crash"},
		{Name: "pair", Command: `/bin/sh -c "echo said on stdout; exec sleep 60"`, LastStderr: "said on stdout"},
		{Name: "killed", Command: `/bin/sh -c "kill -9 $$"`, AutoRestart: "true", StartSecs: "0"},
	}
	if diff := cmp.Diff(want, s.Programs); diff != "" {
		t.Error(diff)
	}
	count := map[string]int{}
	for _, e := range s.Events {
		if e.At.Before(c.Window.Start) || e.At.After(c.Window.End) {
			t.Errorf("outside of the window: %+v", e)
		}
		code := -1
		if e.ExitCode != nil {
			code = *e.ExitCode
		}
		if e.PID == 0 {
			t.Errorf("no pid: %+v", e)
		}
		count[fmt.Sprint(e.Program, " ", e.What, " ", code, e.Signal)]++
	}
	for _, what := range []string{"crash spawned -1", "crash exited 3", "killed spawned -1", "killed exited -1SIGKILL"} {
		if count[what] == 0 {
			t.Errorf("no event %q: %v", what, count)
		}
	}
	if len(count) != 4 {
		t.Errorf("other events: %v", count)
	}
	if !slices.ContainsFunc(c.Gaps, func(g Gap) bool { return strings.Contains(g.Reason, "error log of killed") }) {
		t.Errorf("that /dev/null tells nothing is not said: %+v", c.Gaps)
	}
}

func waitForFile(t *testing.T, name string) {
	t.Helper()
	for range 1000 {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s is not written", name)
}

func TestOption(t *testing.T) {
	for want, args := range map[string][]string{
		"a": {"supervisord", "-n", "-c", "a"},
		"b": {"supervisord", "-cb"},
		"d": {"supervisord", "--configuration=d"},
		"e": {"supervisord", "--configuration", "e", "-n"},
		"":  {"supervisord", "-n", "-c"},
	} {
		if got := option(args, "-c", "--configuration"); got != want {
			t.Errorf("%q: got %q", args, got)
		}
	}
}
