package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"busywork/profile"
)

type recordOptions struct {
	target string
	dir    string
	length string
	keep   string
	targetFlags
}

func newRecordCmd(s streams) *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record TARGET -o DIR",
		Short: "Observe and keep the evidence: one window, or with --for one after the other",
		Long: `Observes the target and writes all evidence to DIR while it comes in: one window, which
` + "`busywork diagnose DIR`" + ` then reports on exactly as a live run would have.

With --for, DIR becomes a recording: window after window, each a capture in a folder of
its own (DIR/000001 …), the oldest removed so that all stay below --keep. However it
ends (Ctrl-C, kill -9, a full disk), what was recorded until then is there, and the same
command goes on with it. ` + "`busywork diagnose DIR`" + ` reports on the newest whole window,
` + "`busywork diagnose DIR/000012`" + ` on any.

` + targetHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.target = args[0]
			return runRecord(cmd.Context(), o, s)
		},
	}
	o.targetFlags.add(cmd.Flags())
	cmd.Flags().StringVarP(&o.dir, "out", "o", "", "folder for the capture, which must not hold one yet, or for the recording")
	cmd.Flags().StringVar(&o.length, "for", "", `record window after window for this long: 30m, 24h; or "ever", until Ctrl-C`)
	cmd.Flags().StringVar(&o.keep, "keep", "256MB", "with --for: remove the oldest windows so that all take no more than this")
	cmd.MarkFlagRequired("out")
	return cmd
}

func runRecord(ctx context.Context, o recordOptions, s streams) error {
	options, err := o.options(o.target)
	if err != nil {
		return err
	}
	p := newProgress(s.err)
	options.Dir, options.Progress = o.dir, p.step
	if o.length != "" {
		return recordMany(ctx, o, options, p, s)
	}
	c, err := profile.Observe(ctx, options)
	p.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %.1f s of %s, %d gaps\n", o.dir, c.Window.Duration().Seconds(), c.Target.Name, len(c.Gaps))
	return nil
}

// recordMany makes a recording.
func recordMany(ctx context.Context, o recordOptions, options profile.Options, p *progress, s streams) error {
	length, err := parseLength(o.length)
	if err != nil {
		return err
	}
	keep, err := parseSize(o.keep)
	if err != nil {
		return err
	}
	r, err := profile.Record(ctx, profile.RecordOptions{Options: options, For: length, Keep: keep, Say: func(text string) {
		p.done()
		fmt.Fprintf(s.err, "busywork: %s\n", text)
	}})
	p.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s\n", o.dir, recordedText(r))
	return nil
}

// recordedText says what a recording has become.
func recordedText(r profile.Recorded) string {
	text := fmt.Sprintf("%d windows, %.1f MB", r.Windows, float64(r.Bytes)/1e6)
	if r.Dropped > 0 {
		text += fmt.Sprintf("; %d older ones were removed", r.Dropped)
	}
	return text
}

// parseLength reads --for; 0 means for ever.
func parseLength(text string) (time.Duration, error) {
	if text == "ever" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf(`--for %s: want at least a second, as in 90s, 30m or 24h, or "ever"`, text)
	}
	return d, nil
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,6})(KB|MB|GB|TB|KIB|MIB|GIB|TIB)$`)

// leastKeep is room for a few windows of a small service.
const leastKeep = 1 << 20

// parseSize reads --keep: 256MB, 10GB, 512MiB.
func parseSize(text string) (int64, error) {
	m := sizePattern.FindStringSubmatch(strings.ToUpper(text))
	if m == nil {
		return 0, fmt.Errorf("--keep %s: want a size, as in 256MB or 10GiB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, err
	}
	unit, power := int64(1000), strings.IndexByte("KMGT", m[2][0])+1
	if len(m[2]) == len("KIB") {
		unit = 1024
	}
	for range power {
		n *= unit
	}
	if n < leastKeep {
		return 0, fmt.Errorf("--keep %s: want 1MiB or more", text)
	}
	return n, nil
}
