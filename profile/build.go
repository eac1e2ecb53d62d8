package profile

import (
	"context"
	"debug/buildinfo"
	"errors"
	"io/fs"
	"runtime/debug"
	"strings"
)

// Bounds on what is kept of a program's build. The largest programs in public
// have about 1,500 dependencies; the go command writes some 20 settings.
const (
	maxDeps      = 2000
	maxSettings  = 200
	maxBuildText = 1 << 10 // bytes of one path, version or setting
)

// buildSource reads how the program that process pid runs was built, from the
// executable itself, and what the Go runtime was told in its environment. It costs the target nothing. A program that is not
// written in Go becomes a Gap.
func buildSource(pid int) Source {
	return Source{Signal: "build", Gather: func(_ context.Context, _ Window, c *Capture) error {
		file, path, err := executableOf(pid)
		if err != nil {
			return err
		}
		b, err := readBuild(file)
		if err != nil {
			return err
		}
		b.PID, b.Path, b.Environment = pid, printable(path, maxBuildText), environmentOf(pid)
		c.AddBuild(b)
		return nil
	}}
}

// readBuild reads the build information inside an executable.
func readBuild(file string) (Build, error) {
	info, err := buildinfo.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Build{}, unavailablef("", "the process has ended")
	case errors.Is(err, fs.ErrPermission):
		return Build{}, unavailablef(hiddenHint, "its executable may not be read")
	case err != nil:
		return Build{}, unavailablef("", "not a Go program")
	}
	b := Build{
		GoVersion: buildText(info.GoVersion),
		Main:      buildText(info.Main.Path),
		Package:   buildText(info.Path),
		Deps:      map[string]string{},
		Settings:  map[string]string{},
	}
	for _, d := range info.Deps {
		if d != nil && len(b.Deps) < maxDeps {
			b.Deps[buildText(d.Path)] = moduleVersion(d)
		}
	}
	for _, s := range info.Settings {
		if len(b.Settings) < maxSettings {
			b.Settings[buildText(s.Key)] = buildSetting(s)
		}
	}
	return b, nil
}

// moduleVersion is a module's version and, where it was replaced, what by.
func moduleVersion(m *debug.Module) string {
	if r := m.Replace; r != nil {
		return buildText(strings.TrimSpace(m.Version + " => " + r.Path + " " + r.Version))
	}
	return buildText(m.Version)
}

// buildSetting is a setting's value without secrets. The values of the
// linker's -X are strings that a release script put into the program; any of
// them may be a key, whatever the variable's name.
func buildSetting(s debug.BuildSetting) string {
	value := s.Value
	if s.Key == "-ldflags" {
		if before, _, given := strings.Cut(value, "-X"); given {
			value = before + "-X " + cut
		}
	}
	return buildText(value)
}

func buildText(s string) string { return redactText(printable(s, maxBuildText)) }
