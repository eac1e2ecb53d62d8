package profile

import (
	"path"
	"strings"
)

// SupervisorKind says which process manager, if any, a process is, by its
// kernel name and its command line: "supervisord", "systemd", "runit", "s6",
// "daemontools", "PM2", "containerd-shim", "dockerd", "tini", "dumb-init",
// "circusd", "honcho", "foreman", "goreman", "cron", "shell loop" for a shell
// that runs a script or a -c command, and "" for everything else.
func SupervisorKind(name string, command []string) string {
	if kind := kindByName(name); kind != "" {
		return kind
	}
	if len(command) == 0 {
		return ""
	}
	// PM2 writes its title over its arguments.
	if strings.HasPrefix(command[0], "PM2 v") && strings.Contains(strings.Join(command, " "), "God Daemon") {
		return "PM2"
	}
	program := path.Base(command[0])
	if kind := kindByName(program); kind != "" {
		return kind
	}
	if isInterpreter(program) {
		return kindByScript(command[1:])
	}
	if isShell(program) && runsScript(command[1:]) {
		return "shell loop"
	}
	return ""
}

// kindByName also knows the names that the kernel has cut to 15 bytes.
func kindByName(name string) string {
	switch name {
	case "supervisord", "systemd", "dockerd", "tini", "dumb-init", "circusd", "honcho", "foreman", "goreman", "cron":
		return name
	case "crond", "anacron":
		return "cron"
	case "tini-static", "docker-init":
		return "tini"
	case "runsv", "runsvdir":
		return "runit"
	case "s6-supervise", "s6-svscan":
		return "s6"
	case "supervise", "svscan":
		return "daemontools"
	}
	switch {
	case strings.HasPrefix(name, "containerd-shim"):
		return "containerd-shim"
	case strings.HasPrefix(name, "PM2 v"):
		return "PM2"
	}
	return ""
}

// kindByScript looks at what an interpreter runs: the first argument that is
// not an option, or the module behind -m.
func kindByScript(args []string) string {
	for i, arg := range args {
		switch {
		case arg == "-m" && i+1 < len(args):
			module, _, _ := strings.Cut(args[i+1], ".") // supervisor.supervisord, circus.circusd
			switch module {
			case "supervisor":
				return "supervisord"
			case "circus":
				return "circusd"
			}
			return kindByName(module)
		case arg == "-c" || arg == "-e":
			return ""
		case !strings.HasPrefix(arg, "-"):
			return kindByName(path.Base(arg))
		}
	}
	return ""
}

// isInterpreter is true for python3.12, ruby3.1 and so on.
func isInterpreter(program string) bool {
	program = strings.TrimRight(program, "0123456789.")
	return program == "python" || program == "pypy" || program == "ruby"
}

func isShell(program string) bool {
	switch strings.TrimPrefix(program, "-") { // a login shell's name begins with a dash
	case "sh", "bash", "dash", "zsh", "ash", "ksh", "busybox":
		return true
	}
	return false
}

// runsScript is false for a shell that talks to somebody.
func runsScript(args []string) bool {
	for _, arg := range args {
		switch {
		case arg == "-s": // commands from standard input
			return false
		case isShell(arg): // busybox sh
		case strings.HasPrefix(arg, "--"):
		case strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "+"):
			if strings.Contains(arg, "c") { // also -lc, -ec
				return true
			}
		default:
			return true
		}
	}
	return false
}
