package stacks

import "strings"

// anyNamed reports whether some function has a real name.
func anyNamed(fns []Function) bool {
	for i := range fns {
		if !placeholder(fns[i].Name) {
			return true
		}
	}
	return false
}

// placeholder reports whether a name is only what a writer puts where it has
// none: an address, or a word for "unknown" in some sort of brackets.
func placeholder(name string) bool {
	if strings.HasPrefix(name, "0x") {
		return true
	}
	switch strings.ToLower(strings.Trim(name, "<>[](){}?* ")) {
	case "", "unknown", "no-symbol", "no symbol", "nosymbol", "unresolved", "null", "nil", "n/a":
		return true
	}
	return false
}

// rootLike reports whether a function is one that stacks begin with. Only such
// as never call themselves at the leaf end for long: a C program's main can be
// hot, so it is not here.
func rootLike(name string) bool {
	name, _, _ = strings.Cut(name, "@") // glibc's symbol versions
	switch strings.TrimSuffix(name, ".abi0") {
	case "runtime.goexit", "runtime.main", "runtime.mstart", "runtime.mstart0", "runtime.mstart1",
		"runtime.rt0_go", "runtime.mcall", "_rt0_amd64_linux", "_rt0_arm64_linux",
		"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
		"start_thread", "thread_start", "_pthread_start", "clone", "clone3", "__clone", "__clone3",
		"java.lang.Thread.run", "<module>", "(root)":
		return true
	}
	return false
}

// storedRootFirst looks at the first samples for how the writer ordered them:
// root first if the root is at the wrong end in most of those that have two
// ends. The samples are checked on the way, like any.
func (p *Profile) storedRootFirst(src source) (bool, error) {
	const enough = 400 // also of an agent that mixes the stacks of many programs
	long, turned := 0, 0
	err := p.newWalk().over(src, func(w *walk) bool {
		if n := len(w.locs); n >= 2 {
			long++
			if p.atRoot(w.locs[0]) && !p.atRoot(w.locs[n-1]) {
				turned++
			}
		}
		return w.n < enough
	})
	return 2*turned > long, err
}

// atRoot reports whether a location's outermost frame is one that stacks begin with.
func (p *Profile) atRoot(loc uint32) bool {
	l := p.Locations[loc]
	if l.N == 0 {
		return false
	}
	return rootLike(p.Functions[p.Frames[l.First+l.N-1].Function].Name)
}
