package analyze

import (
	"math"
	"strings"
	"testing"

	"busywork/profile"
)

const (
	timerContext = "runtime.(*timer).maybeAdd < runtime.(*timer).modify < time.newTimer < time.AfterFunc < context.WithDeadlineCause < context.WithTimeout < main.(*Checker).check < main.handle < main.work"
	timerAlloc   = "runtime.mallocgc < runtime.newobject < context.WithDeadlineCause < context.WithTimeout < main.(*Checker).check < main.handle < main.work"
	timerCancel  = "runtime.(*timer).stop < time.stopTimer < time.(*Timer).Stop < context.(*timerCtx).cancel < context.WithDeadlineCause.func3 < main.(*Checker).check < main.handle < main.work"
	timerAfter   = "runtime.(*timers).siftUp < runtime.(*timer).maybeAdd < time.newTimer < time.NewTimer < time.After < main.wait < main.handle < main.work"
	timerOld     = "runtime.siftupTimer < runtime.doaddtimer < runtime.addtimer < time.startTimer < time.NewTimer < main.wait < main.handle < main.work"
	timerRuns    = "runtime.(*timers).siftDown < runtime.(*timers).deleteMin < runtime.(*timers).run < runtime.(*timers).check < runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall"

	clockRead   = "time.now < time.Now < main.handle < main.work"
	tickerRuns  = "runtime.(*timer).unlockAndRun < runtime.(*timers).run < runtime.(*timers).check < runtime.findRunnable < runtime.schedule < runtime.park_m < runtime.mcall"
	deadlineSet = "runtime.(*timer).modify < internal/poll.runtime_pollSetDeadline < internal/poll.(*FD).SetReadDeadline < net.(*conn).SetReadDeadline < main.read < main.work"
	sleeps      = "runtime.(*timer).maybeAdd < runtime.resetForSleep < time.Sleep < main.pace < main.work"
	clientTimer = "runtime.(*timer).modify < time.newTimer < time.AfterFunc < context.WithDeadlineCause < context.WithTimeout < net/http.(*Client).do < main.call < main.work"
)

func TestTimerChurnNearMisses(t *testing.T) {
	for name, c := range map[string]*profile.Capture{
		"the clock is read":                newCapture(t, 0.6, 1, stack{clockRead, 5}, stack{ownWork, 5}),
		"one ticker":                       newCapture(t, 0.6, 1, stack{tickerRuns, 3}, stack{ownWork, 7}),
		"deadlines of a connection":        newCapture(t, 0.6, 1, stack{deadlineSet, 4}, stack{ownWork, 6}),
		"sleeping":                         newCapture(t, 0.6, 1, stack{sleeps, 3}, stack{timerRuns, 2}, stack{ownWork, 5}),
		"a client's own timeouts":          newCapture(t, 0.6, 1, stack{clientTimer, 3}, stack{ownWork, 7}),
		"an ordinary timeout for each job": newCapture(t, 0.6, 1, stack{timerContext, 0.3}, stack{timerCancel, 0.2}, stack{ownWork, 9.5}),
		"next to no CPU":                   newCapture(t, 0.02, 0.02, stack{timerAfter, 1}, stack{ownWork, 1}),
	} {
		t.Run(name, func(t *testing.T) {
			if f, _ := found(t, c, &TimerChurn); f != nil {
				t.Errorf("accused: %s %s", f.Severity, f.Message)
			}
		})
	}
}

func TestTimerChurn(t *testing.T) {
	for name, tt := range map[string]struct {
		stacks     []stack
		jobs       float64
		confidence Confidence
		at         string
	}{
		"a context for each item": {[]stack{{timerContext, 1.5}, {timerAlloc, 1}, {timerCancel, 0.5}, {timerRuns, 0.5}}, 100, Inferred, "main.(*Checker).check"},
		"time.After in a loop":    {[]stack{{timerAfter, 3}, {timerRuns, 0.5}}, 100, Inferred, "main.wait"},
		"an older runtime":        {[]stack{{timerOld, 3}, {timerRuns, 0.5}}, 100, Inferred, "main.wait"},
		"nobody counts jobs":      {[]stack{{timerAfter, 3}, {timerRuns, 0.5}}, 0, Suspected, "main.wait"},
		"tiny jobs, one each":     {[]stack{{timerAfter, 3}, {timerRuns, 0.5}}, 80_000, Suspected, "main.wait"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCapture(t, 0.6, 1, append(tt.stacks, stack{ownWork, 6.5})...)
			if tt.jobs > 0 {
				counter(c, "jobs_completed_total", tt.jobs)
			}
			f, status := found(t, c, &TimerChurn)
			if f == nil {
				t.Fatal(status)
			}
			if f.Confidence != tt.confidence || math.Abs(f.Waste.Cores-0.35) > 0.02 {
				t.Errorf("%s, %.2f cores: %s", f.Confidence, f.Waste.Cores, f.Message)
			}
			if f.Location.Function != tt.at || !strings.Contains(f.Fix, short(tt.at)) {
				t.Errorf("at %s: %s", f.Location.Function, f.Fix)
			}
		})
	}
}
