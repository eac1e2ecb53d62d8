package profile

import (
	"context"
	"errors"
	"time"
)

// minSamples a window: fewer give no idea of a rate's spread.
const minSamples = 5

// lastTimeout bounds the sample that is taken after an interrupt: a person is
// waiting.
const lastTimeout = time.Second

// A pace is the rest between samples: base, or share times as long as the last
// sample took, so that a slow peer is asked less, but never more than most.
type pace struct{ base, share, most, wait time.Duration }

// newPace aims at one sample each interval, and at minSamples a window.
func newPace(w Window, interval, share time.Duration) *pace {
	most := max(time.Millisecond, w.Duration()/minSamples)
	base := min(interval, most)
	return &pace{base: base, share: share, most: most, wait: base}
}

func (p *pace) saw(took time.Duration) { p.wait = min(max(p.base, p.share*took), p.most) }

func (p *pace) next() time.Duration { return p.wait }

// poll samples a network peer at once, then after each wait that next asks for,
// and once more when the window ends or ctx is done, so that differences span
// the window. Each sample is bounded in time.
//
// The first attempt decides whether the signal can be had at all: unless what
// it met may pass, poll returns its error. Later failures are survived, for
// targets restart, and noted as a Gap.
func poll(ctx context.Context, w Window, c *Capture, signal string, next func() time.Duration, sample func(context.Context) error) error {
	tries, failed := 0, 0
	var last error
	for done := false; ; {
		err := boundedSample(ctx, w, sample)
		switch {
		case errors.Is(err, context.Canceled): // the last sample follows
		case err == nil:
			tries++
		default:
			tries, failed, last = tries+1, failed+1, err
			if tries == 1 && !isTemporary(err) {
				return err
			}
		}
		if done {
			break
		}
		done = !pause(ctx, w, next())
	}
	switch {
	case failed == 0:
		return nil
	case failed == tries:
		return last
	}
	c.gap(signal, unavailablef("figures cover what was seen", "%d of %d samples failed, the last: %s", failed, tries, last))
	return nil
}

// pause waits for d. It is false when the window has ended or ctx is done.
func pause(ctx context.Context, w Window, d time.Duration) bool {
	rest := time.Until(w.End)
	return sleep(ctx, min(d, rest)) && d < rest
}

// boundedSample gives a sample answerTimeout, but lets none outlast the window
// by more than lastTimeout. After an interrupt the sample gets a context of its
// own.
func boundedSample(ctx context.Context, w Window, sample func(context.Context) error) error {
	limit := max(min(answerTimeout, time.Until(w.End)+lastTimeout), lastTimeout)
	if ctx.Err() != nil {
		ctx, limit = context.WithoutCancel(ctx), lastTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return sample(ctx)
}

// isSilence says that nobody answered in time, as opposed to answering with a
// refusal.
func isSilence(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.silent
}

func isTemporary(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.temporary
}
