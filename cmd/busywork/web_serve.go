package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/google/pprof/driver"
	pprof "github.com/google/pprof/profile"
	"github.com/klauspost/compress/gzip"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/spf13/cobra"
)

// newWebCmd is the other side of the key w: see webUIs.
func newWebCmd(s streams) *cobra.Command {
	return &cobra.Command{
		Use:    "web FILE",
		Short:  "Serve pprof's web UI of a profile until standard input ends",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runWeb(cmd.Context(), args[0], s)
		},
	}
}

func runWeb(ctx context.Context, file string, s streams) error {
	go func() {
		_, _ = io.Copy(io.Discard, s.in)
		os.Exit(exitFine) // whoever wanted this is gone; pprof cannot be interrupted
	}()
	limitMemory()
	p, err := readProfile(file)
	if err != nil {
		return err
	}
	return driver.PProf(&driver.Options{
		Flagset:    newWebArgs("-http=127.0.0.1:0", "-no_browser", "-symbolize=none", file),
		Fetch:      fetched{p},
		Sym:        noSymbols{},
		Obj:        noObjects{},
		UI:         silent{},
		HTTPServer: func(args *driver.HTTPServerArgs) error { return serveWeb(ctx, args.Handlers, s.out) },
	})
}

const (
	// webMemory is what pprof may have: three times what it needs for the largest
	// profile that a service may well send. Half of what is free, if that is less: the
	// machine is in trouble already.
	webMemory = 4 << 30
	// maxInflated bounds a profile once it is inflated; that largest one has 600 MB.
	maxInflated = 1 << 30
)

// limitMemory has the kernel end this process before it takes the machine's memory.
// Where the kernel does not count it, Go's collector at least tries.
func limitMemory() {
	limit := uint64(webMemory)
	if m, err := mem.VirtualMemory(); err == nil {
		limit = min(limit, m.Available/2)
	}
	var now syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &now) == nil {
		limit = min(limit, now.Cur) // as root, one could raise what somebody has set
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: limit, Max: limit})
	}
	debug.SetMemoryLimit(int64(limit / 4 * 3))
}

// readProfile reads a profile in pprof's own format. The older text formats are not
// for this door: their parser can be led into taking any amount of memory by a few
// hundred bytes.
func readProfile(file string) (*pprof.Profile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if data, err = io.ReadAll(io.LimitReader(r, maxInflated+1)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(data) > maxInflated {
		return nil, fmt.Errorf("%s: more than %d MB", file, maxInflated>>20)
	}
	p, err := pprof.ParseUncompressed(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// Expressions from the profile that pprof would match with every frame; busywork
	// ignores them, too, and long ones take pprof minutes.
	p.DropFrames, p.KeepFrames = "", ""
	return p, p.CheckValid()
}

// serveWeb serves pprof's pages until ctx ends, and writes where. The address has a
// secret in it: what a service does is nothing for the other users of this machine,
// nor for the other pages in the user's browser.
func serveWeb(ctx context.Context, pages map[string]http.Handler, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	root := "/" + rand.Text()[:secretLetters]
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.StripPrefix(root, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page := pages[r.URL.Path]
			if page == nil {
				page = http.NotFoundHandler()
			}
			w.Header().Set("Referrer-Policy", "no-referrer") // links lead to pprof's documentation
			page.ServeHTTP(w, r)
		})),
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if _, err := fmt.Fprintf(out, "http://%s%s/\n", listener.Addr(), root); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// secretLetters of five bits each are more than anyone tries, and the address still
// fits into a status line.
const secretLetters = 16

// webArgs are pprof's own command line. It defines its flags on it.
type webArgs struct {
	*flag.FlagSet
	args []string
}

func newWebArgs(args ...string) webArgs {
	set := flag.NewFlagSet("pprof", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	return webArgs{set, args}
}

// StringList defines a flag that may be given more than once; none is.
func (a webArgs) StringList(string, string, string) *[]*string { return new([]*string) }

func (a webArgs) ExtraUsage() string      { return "" }
func (a webArgs) AddExtraUsage(eu string) {}

func (a webArgs) Parse(func()) []string {
	if a.FlagSet.Parse(a.args) != nil {
		return nil
	}
	return a.Args()
}

// fetched is the profile that has been read. It comes from no address: of what does,
// pprof keeps a copy in the user's home.
type fetched struct{ *pprof.Profile }

func (f fetched) Fetch(string, time.Duration, time.Duration) (p *pprof.Profile, from string, err error) {
	return f.Profile, "", nil
}

// errNoObjects is why there is no disassembly: the executable's path is the
// profile's word, and nothing is opened because a service says so.
var errNoObjects = errors.New("executables are not read here; try `go tool pprof`")

// noSymbols and noObjects keep pprof from looking for executables. A profile that
// Go wrote has its symbols.
type (
	noSymbols struct{}
	noObjects struct{}
)

func (noSymbols) Symbolize(string, driver.MappingSources, *pprof.Profile) error { return nil }

func (noObjects) Open(string, uint64, uint64, uint64, string) (driver.ObjFile, error) {
	return nil, errNoObjects
}

func (noObjects) Disasm(string, uint64, uint64, bool) ([]driver.Inst, error) {
	return nil, errNoObjects
}

// silent is a user interface that says nothing: what matters comes as an error.
type silent struct{}

func (silent) ReadLine(string) (string, error)     { return "", io.EOF }
func (silent) Print(...any)                        {}
func (silent) PrintErr(...any)                     {}
func (silent) IsTerminal() bool                    { return false }
func (silent) WantBrowser() bool                   { return false }
func (silent) SetAutoComplete(func(string) string) {}
