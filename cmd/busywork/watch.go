package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"busywork/analyze"
	"busywork/profile"
	"busywork/tui"
	"busywork/tui/feed"
	"busywork/tui/terminal"
)

type watchOptions struct {
	targets []string
	dir     string
	screenFlags
	targetFlags
	analysisFlags
}

// watchSeconds is the length of a watch's windows: what has happened is on the
// screen while one still remembers doing it, and a CPU profile of it has some 500
// samples a core.
const watchSeconds = 5

func newWatchCmd(s streams) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch TARGET…",
		Short: "The terminal UI: live, or over a recording",
		Long: `Observes the targets in one window after another and shows what is found, or shows what was
recorded. Targets are all live or all on disk.

Live, every window can be kept: from the start with -o, or with the key r. However the watch
ends, what was recorded until then is there, and ` + "`busywork watch DIR`" + ` shows it again.

` + targetHelp,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.targets = args
			return runWatch(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	cmd.Flags().Lookup("seconds").DefValue = fmt.Sprint(watchSeconds)
	o.seconds = watchSeconds
	o.analysisFlags.add(cmd)
	o.screenFlags.add(cmd)
	cmd.Flags().StringVarP(&o.dir, "out", "o", "", "folder to keep all windows in, from the start: a recording")
	return cmd
}

func runWatch(ctx context.Context, o watchOptions, s streams) error {
	analysis, err := o.analysis()
	if err != nil {
		return err
	}
	f, err := o.feed(analysis)
	if err != nil {
		return err
	}
	t, err := o.open(s)
	if err != nil {
		return err
	}
	return show(ctx, t, f, o.dir, s)
}

// feed is where the windows of the targets come from.
func (o *watchOptions) feed(analysis analyze.Options) (feed.Feed, error) {
	var live []profile.Options
	var kept []string
	for _, target := range o.targets {
		_, onDisk, err := onDisk(target)
		if err != nil {
			return nil, err
		}
		if onDisk {
			kept = append(kept, target)
			continue
		}
		options, err := o.options(target)
		if err != nil {
			return nil, err
		}
		live = append(live, options)
	}
	switch {
	case len(live) == 0 && o.dir != "":
		return nil, fmt.Errorf("-o %s: %s is on disk already; only what is live is recorded", o.dir, kept[0])
	case len(live) == 0:
		return feed.OpenRecorded(kept, analysis)
	case len(kept) > 0:
		return nil, &profile.Unavailable{
			Reason: fmt.Sprintf("%s is on disk and %s is live: they have no time in common", kept[0], live[0].Name()),
			Hint:   "watch the ones or the others; `busywork compare` holds two against each other",
		}
	}
	return feed.NewLive(live, live[0].Window, analysis), nil
}

// screenFlags say how the terminal is.
type screenFlags struct {
	background string
}

func (f *screenFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.background, "background", "auto", "background of the terminal: auto, dark, light")
}

// open takes the terminal that the program was started on.
func (f *screenFlags) open(s streams) (*terminal.Terminal, error) {
	switch f.background {
	case "auto", "dark", "light":
	default:
		return nil, fmt.Errorf("--background %s: want auto, dark or light", f.background)
	}
	in, _ := s.in.(*os.File)
	out, _ := s.out.(*os.File)
	t, err := terminal.Open(in, out)
	if err == nil && f.background != "auto" {
		t.SetDark(f.background == "dark")
	}
	return t, err
}

// show runs the terminal UI and says, when the terminal is back, what was recorded
// and what went wrong.
func show(ctx context.Context, t *terminal.Terminal, f feed.Feed, dir string, s streams) error {
	guardScreen(ctx, t.Restore)
	var web webUIs
	defer web.stop()
	kept := &keptFeed{Feed: f}
	o := tui.Options{Web: web.open}
	if dir != "" {
		var err error
		if o.Recording, err = kept.Record(dir); err != nil {
			return err
		}
	}
	err := tui.Run(ctx, t, kept, o)
	s.err = &lastWords{to: s.err}
	if bug, ok := errors.AsType[*terminal.Panic](err); ok {
		bug.WriteStack(s.err)
	}
	return errors.Join(err, kept.say(s))
}

// lastWords are written to what is usually the terminal that the program was on. It
// may take nothing any more, as one whose connection is frozen, and must not keep the
// program from ending.
type lastWords struct {
	to    io.Writer
	stuck bool
}

// leaveWithin is how long a terminal may take for what is written last.
const leaveWithin = 2 * time.Second

func (w *lastWords) Write(text []byte) (int, error) {
	if w.stuck {
		return len(text), nil
	}
	written := make(chan struct{})
	text = slices.Clone(text)
	go func() {
		defer close(written)
		_, _ = w.to.Write(text) // nobody is there to be told
	}()
	select {
	case <-written:
	case <-time.After(leaveWithin):
		w.stuck = true
	}
	return len(text), nil
}

// A keptFeed remembers where its windows are kept.
type keptFeed struct {
	feed.Feed
	mu    sync.Mutex
	where string // "" if nowhere
}

func (k *keptFeed) Record(dir string) (where string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if where, err = k.Feed.Record(dir); err == nil {
		k.where = where
	}
	return where, err
}

func (k *keptFeed) StopRecording() (profile.Recorded, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.where = ""
	return k.Feed.StopRecording()
}

// say ends the recording, if one is being made, and says what became of it.
func (k *keptFeed) say(s streams) error {
	k.mu.Lock() // what was asked for last may still be at work
	where := k.where
	k.mu.Unlock()
	if where == "" {
		return nil
	}
	r, err := k.StopRecording()
	fmt.Fprintln(s.err, profile.Clean(where)+": "+recordedText(r))
	return err
}
