package profile

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxConfig        = 1 << 20 // bytes of one file
	maxConfigs       = 256     // files, by [include]
	maxPrograms      = 512
	maxProcessNumber = 512 // numprocs of one program
)

// A supervisorConfig is what busywork wants of a supervisord.conf.
type supervisorConfig struct {
	path       string
	here       string // folder of the main file
	logfile    string
	loglevel   string
	identifier string
	childLogs  string // folder of logs that supervisord names itself
	programs   []programConfig
	gaps       []string // what could not be read
}

type programConfig struct {
	SupervisedProgram
	stderr    string // path, "" if there is none, or autoLog
	redirect  bool   // standard error goes to where standard output goes
	stdout    string
	processes []string // the names that its processes have in the log
}

// autoLog is what supervisord's configuration calls a file in childLogs.
const autoLog = "AUTO"

// A section is one part of an INI file.
type section struct {
	name string
	keys map[string]string
}

// parseINI reads what Python's RawConfigParser reads, set up as supervisord
// does it: keys in any case, continuation by indentation, comments on lines of
// their own and after a blank.
func parseINI(data string) []section {
	var list []section
	key := ""
	for line := range strings.Lines(data) {
		text := stripComment(line)
		if text == "" {
			continue
		}
		indented := line[0] == ' ' || line[0] == '\t'
		switch {
		case indented && key != "" && len(list) > 0:
			list[len(list)-1].keys[key] += "\n" + text
		case text[0] == '[' && strings.Contains(text, "]"):
			name := text[1:strings.IndexByte(text, ']')]
			list, key = append(list, section{name, map[string]string{}}), ""
		case len(list) > 0:
			at := strings.IndexAny(text, "=:")
			if at < 0 {
				key = ""
				continue
			}
			key = strings.ToLower(strings.TrimSpace(text[:at]))
			list[len(list)-1].keys[key] = strings.TrimSpace(text[at+1:])
		}
	}
	return list
}

// stripComment cuts a comment: all of a line that begins with one, and what
// follows a blank and a semicolon or hash.
func stripComment(line string) string {
	for i := range len(line) {
		if (line[i] == ';' || line[i] == '#') && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	return strings.TrimSpace(line)
}

// readSupervisorConfig reads the main file and those that it includes, all as
// supervisord, whose files these are, sees them.
func readSupervisorConfig(files *processFiles, file string) (*supervisorConfig, error) {
	file = files.absolute(file)
	data, err := files.read(file, maxConfig)
	if err != nil {
		return nil, err
	}
	c := &supervisorConfig{
		path: file, here: path.Dir(file),
		logfile: "supervisord.log", identifier: "supervisor", childLogs: "/tmp",
	}
	main := parseINI(string(data))
	for _, s := range main {
		if s.name == "supervisord" {
			c.takeDaemon(s, files)
		}
	}
	c.takePrograms(main, c.here)
	for _, s := range main {
		if s.name == "include" {
			c.include(s.keys["files"], files)
		}
	}
	c.logfile = files.absolute(c.logfile)
	return c, nil
}

func (c *supervisorConfig) takeDaemon(s section, files *processFiles) {
	for key, to := range map[string]*string{
		"logfile": &c.logfile, "loglevel": &c.loglevel, "identifier": &c.identifier, "childlogdir": &c.childLogs,
	} {
		if v := s.keys[key]; v != "" {
			*to = expand(v, map[string]string{"here": c.here})
		}
	}
	c.childLogs = files.absolute(c.childLogs)
}

// include reads the files that [include] names, patterns relative to the
// folder of the main file. They cannot include others.
func (c *supervisorConfig) include(patterns string, files *processFiles) {
	read := 0
	for _, pattern := range strings.Fields(expand(patterns, map[string]string{"here": c.here})) {
		if !path.IsAbs(pattern) {
			pattern = path.Join(c.here, pattern)
		}
		for _, file := range files.glob(pattern) {
			if read++; read > maxConfigs {
				c.gaps = append(c.gaps, fmt.Sprintf("%s includes more than %d files", c.path, maxConfigs))
				return
			}
			data, err := files.read(file, maxConfig)
			if err != nil {
				c.gaps = append(c.gaps, err.Error())
				continue
			}
			c.takePrograms(parseINI(string(data)), path.Dir(file))
		}
	}
}

// takePrograms adds the programs of one file. What %(here)s stands for is the
// folder of that file, not of the main one.
func (c *supervisorConfig) takePrograms(sections []section, here string) {
	for _, s := range sections {
		kind, name, ok := strings.Cut(s.name, ":")
		if !ok || kind != "program" && kind != "eventlistener" && kind != "fcgi-program" {
			continue
		}
		if len(c.programs) == maxPrograms {
			c.gaps = append(c.gaps, fmt.Sprintf("%s has more than %d programs", c.path, maxPrograms))
			return
		}
		c.programs = append(c.programs, programSection(strings.TrimSpace(name), here, s.keys))
	}
}

func programSection(name, here string, keys map[string]string) programConfig {
	number, err := strconv.Atoi(keys["numprocs"])
	if err != nil || number < 1 {
		number = 1
	}
	first, err := strconv.Atoi(keys["numprocs_start"])
	if err != nil {
		first = 0
	}
	names := map[string]string{
		"here": here, "program_name": name, "group_name": name,
		"numprocs": strconv.Itoa(number), "process_num": strconv.Itoa(first),
	}
	pattern := keys["process_name"]
	if pattern == "" {
		pattern = "%(program_name)s"
	}
	p := programConfig{
		SupervisedProgram: SupervisedProgram{
			Name:        printable(name, maxNameBytes),
			Command:     redactCommandLine(printable(expand(keys["command"], names), maxCommandBytes)),
			AutoRestart: printable(keys["autorestart"], maxNameBytes),
			StartSecs:   printable(keys["startsecs"], maxNameBytes),
		},
		redirect: isTrue(keys["redirect_stderr"]),
	}
	for i := range min(number, maxProcessNumber) {
		names["process_num"] = strconv.Itoa(first + i)
		p.processes = append(p.processes, expand(pattern, names))
	}
	// Of several processes the first one's log stands for all.
	names["process_num"] = strconv.Itoa(first)
	names["process_name"] = p.processes[0]
	p.stderr = logPath(keys["stderr_logfile"], names)
	p.stdout = logPath(keys["stdout_logfile"], names)
	return p
}

// maxNameBytes bounds a name or a setting that is kept.
const maxNameBytes = 256

func logPath(value string, names map[string]string) string {
	switch strings.ToLower(value) {
	case "", "auto":
		return autoLog
	case "none", "off", "syslog":
		return ""
	}
	return expand(value, names)
}

func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// placeholder is Python's %(name)s, %(name)d or %(name)02d.
var placeholder = regexp.MustCompile(`%%|%\((\w+)\)(0?\d?)[sd]`)

// expand replaces the placeholders that are known. What is not known, such as
// %(ENV_HOME)s, stays: a process's environment is not looked at, as it holds
// its secrets.
func expand(s string, names map[string]string) string {
	return placeholder.ReplaceAllStringFunc(s, func(found string) string {
		if found == "%%" {
			return "%"
		}
		m := placeholder.FindStringSubmatch(found)
		value, ok := names[m[1]]
		if !ok {
			return found
		}
		if width, err := strconv.Atoi(m[2]); err == nil && len(value) < width {
			value = strings.Repeat("0", width-len(value)) + value
		}
		return value
	})
}
