package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// supervisorSource finds the supervisords of this machine and reads what their
// own configuration says of their programs, and their own log of what became
// of them inside the window. None is no Gap.
//
// What is read belongs to others, who may be hostile: only regular files are
// read, bounded, as the process itself would see them, and none that its user
// could not read.
func supervisorSource(m *machine) Source {
	return Source{Signal: "supervisor", Gather: func(ctx context.Context, w Window, c *Capture) error {
		found, err := m.findSupervisors()
		if err != nil {
			return err
		}
		var watches []*supervisorWatch
		for _, p := range found {
			v, err := watchSupervisor(p, w)
			if err != nil {
				c.gap("supervisor", err)
				continue
			}
			defer v.close()
			watches = append(watches, v)
		}
		if len(watches) == 0 {
			return nil
		}
		err = every(ctx, w, followPause, func(time.Time) error {
			for _, v := range watches {
				v.follow()
			}
			return nil
		})
		for _, v := range watches {
			v.finish(c)
		}
		return err
	}}
}

// maxSupervisors is more than a machine has; on one with many containers of
// the same image the first ones stand for the others.
const maxSupervisors = 16

// listSupervisors lists the supervisords.
func listSupervisors() ([]runningProcess, error) {
	all, err := runningProcesses()
	if err != nil {
		return nil, err
	}
	found := map[int]runningProcess{}
	for _, p := range all {
		if SupervisorKind(p.Name, p.Args) == "supervisord" && len(p.Args) > 0 {
			found[p.PID] = p
		}
	}
	var list []runningProcess
	for _, p := range found {
		// A child between fork and exec still looks like its parent.
		if parent, ok := found[p.PPID]; ok && slices.Equal(parent.Args, p.Args) {
			continue
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b runningProcess) int { return a.PID - b.PID })
	return list[:min(len(list), maxSupervisors)], nil
}

// A supervisorWatch is one supervisord inside one window.
type supervisorWatch struct {
	Supervisor
	files  *processFiles
	config *supervisorConfig
	log    *supervisorLog
	logErr error // the first one, which would repeat itself
}

func watchSupervisor(p runningProcess, w Window) (*supervisorWatch, error) {
	files, err := openProcessFiles(p.PID)
	if err != nil {
		return nil, unavailablef(supervisorHint, "supervisord (pid %d): %v", p.PID, err)
	}
	config, err := findSupervisorConfig(files, p.Args)
	if err != nil {
		files.close()
		return nil, unavailablef(supervisorHint, "configuration of supervisord (pid %d): %v", p.PID, err)
	}
	if logfile := option(p.Args, "-l", "--logfile"); logfile != "" {
		config.logfile = files.absolute(logfile)
	}
	v := &supervisorWatch{files: files, config: config}
	v.Supervisor = Supervisor{ProcessKey: p.ProcessKey, Kind: "supervisord", Config: Clean(config.path)}
	v.log = &supervisorLog{files: files, path: config.logfile, window: w, program: map[string]string{}, pids: map[string]int{}}
	for _, program := range config.programs {
		for _, process := range program.processes {
			v.log.program[process] = program.Name
		}
	}
	return v, nil
}

const supervisorHint = "run busywork as root or as supervisord's user"

// findSupervisorConfig reads the file that the command line names, or else the
// first there is of those that supervisord itself looks for.
func findSupervisorConfig(files *processFiles, args []string) (*supervisorConfig, error) {
	if file := option(args, "-c", "--configuration"); file != "" {
		return readSupervisorConfig(files, file)
	}
	script := args[0]
	if isInterpreter(path.Base(script)) && len(args) > 1 {
		script = args[1]
	}
	prefix := path.Dir(path.Dir(script)) // /usr of /usr/bin/supervisord
	for _, file := range []string{
		path.Join(prefix, "etc/supervisord.conf"),
		path.Join(prefix, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	} {
		config, err := readSupervisorConfig(files, file)
		if !errors.Is(err, fs.ErrNotExist) {
			return config, err
		}
	}
	return nil, errors.New("none in any of its usual places")
}

// option finds the value of a command line option in its forms: "-c file",
// "-cfile", "--configuration file" and "--configuration=file".
func option(args []string, short, long string) string {
	for i, arg := range args {
		switch {
		case (arg == short || arg == long) && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(arg, long+"="):
			return arg[len(long)+1:]
		case strings.HasPrefix(arg, short) && !strings.HasPrefix(arg, "--"):
			return arg[len(short):]
		}
	}
	return ""
}

func (v *supervisorWatch) close() {
	v.log.close()
	v.files.close()
}

func (v *supervisorWatch) follow() {
	if err := v.log.read(); err != nil && v.logErr == nil {
		v.logErr = err
	}
}

// finish records the supervisor, and what of it could not be read.
func (v *supervisorWatch) finish(c *Capture) {
	v.Events = v.log.events
	failed := map[string]bool{}
	for _, e := range v.Events {
		failed[e.Program] = failed[e.Program] || e.What != "spawned"
	}
	for _, p := range v.config.programs {
		line, err := v.lastStderr(p)
		p.LastStderr = line
		v.Programs = append(v.Programs, p.SupervisedProgram)
		// Only of a program that failed would its last words have mattered.
		if err != nil && failed[p.Name] {
			c.gap("supervisor", unavailablef(supervisorHint, "error log of %s: %v", p.Name, err))
		}
	}
	c.AddSupervisor(v.Supervisor)
	for _, reason := range v.config.gaps {
		c.gap("supervisor", unavailablef(supervisorHint, "configuration: %s", reason))
	}
	v.reportLog(c)
}

func (v *supervisorWatch) reportLog(c *Capture) {
	who := fmt.Sprintf("log of supervisord (pid %d)", v.PID)
	switch strings.ToLower(v.config.loglevel) {
	case "warn", "error", "critical":
		c.gap("supervisor", unavailablef("set loglevel=info in its configuration",
			"%s: it does not tell of starts at loglevel=%s", who, Clean(v.config.loglevel)))
	}
	if v.logErr != nil {
		c.gap("supervisor", unavailablef(supervisorHint+", with a log in a regular file", "%s: %v", who, v.logErr))
	}
	if v.log.lost {
		c.gap("supervisor", unavailablef("", "%s grows faster than it is read, some events are missing", who))
	}
}

// lastStderr reads the last line that a program has written to its error log,
// which may be the same as that of its standard output.
func (v *supervisorWatch) lastStderr(p programConfig) (string, error) {
	file, channel := p.stderr, "stderr"
	if p.redirect {
		file, channel = p.stdout, "stdout"
	}
	if file == "" {
		return "", nil
	}
	if file == autoLog {
		pattern := fmt.Sprintf("%s-%s---%s-*.log", quoteGlob(p.processes[0]), channel, quoteGlob(v.config.identifier))
		return v.lastOf(v.files.glob(path.Join(quoteGlob(v.config.childLogs), pattern)))
	}
	f, err := v.files.open(v.files.absolute(file))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return lastLine(f)
}

// lastOf reads the newest of the logs that supervisord has named itself. They
// are in a folder in which everybody may write, so they must be its own.
func (v *supervisorWatch) lastOf(paths []string) (string, error) {
	line, newest := "", time.Time{}
	var failed error
	for _, name := range paths {
		f, err := v.files.openOwn(name)
		if err != nil {
			failed = err
			continue
		}
		info, err := f.Stat()
		if err == nil && info.ModTime().After(newest) {
			if text, err := lastLine(f); err == nil {
				line, newest = text, info.ModTime()
			}
		}
		f.Close()
	}
	if newest.IsZero() {
		return "", failed
	}
	return line, nil
}

// quoteGlob keeps a name that is part of a pattern from being one.
func quoteGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
