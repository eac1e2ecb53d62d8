package profile

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	// scrapeShare: a scrape that takes long is costly, so one that takes t is
	// followed by 50 t of rest, which is 2 % of one core at the very worst, as
	// long as that leaves minSamples in the window.
	scrapeShare = 50
	// maxScrape bytes: 50,000 series at 300 bytes a line.
	maxScrape = 16 << 20
	// maxSeries a scrape: Prometheus itself advises to stay under 10,000.
	maxSeries = 50_000
	// maxName and maxLabel bytes are kept of a name and of a label's value.
	maxName  = 256
	maxLabel = 256

	// acceptMetrics asks for the plain form first, since that has no exemplars.
	acceptMetrics = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.5,application/json;q=0.3,*/*;q=0.1"
)

// metricsSource scrapes a metrics endpoint, Prometheus text or expvar JSON,
// whichever it turns out to be. ref is a path or URL, see locate. interval is
// made shorter where the window would have fewer than five scrapes, and longer
// where scraping takes long.
func metricsSource(cl *client, ref string, interval time.Duration) Source {
	const signal = "counters"
	return Source{Signal: signal, Gather: func(ctx context.Context, w Window, c *Capture) error {
		p := newPace(w, interval, scrapeShare)
		s := scraper{signal: signal}
		return poll(ctx, w, c, signal, p.next, func(ctx context.Context) error {
			at := time.Now()
			a, err := cl.get(ctx, c, ref, acceptMetrics, maxScrape)
			if err != nil {
				return err
			}
			p.saw(a.took)
			return s.keep(c, at, a)
		})
	}}
}

// A scraper knows the values of the scrape before, so as to keep changes only.
type scraper struct {
	signal string
	lines  map[string]string  // of the scrape before: value by series, both as written
	known  map[string]*Series // last value by series as scraped, before cleaning
	kept   map[string]string  // the reverse: series as scraped, by cleaned form
	said   map[string]bool    // gaps already noted
}

// A reading is one series as scraped: nothing cleaned, nothing cut.
type reading struct {
	key string // tells this series from all others of the scrape
	Series
}

// keep adds to c what changed since the scrape before.
func (s *scraper) keep(c *Capture, at time.Time, a *answer) error {
	readings, problem, err := s.parse(a)
	if err != nil {
		return err
	}
	s.noteOnce(c, a.from, problem)
	sample := CounterSample{At: at, Source: a.from, Took: a.took}
	if len(s.known) > 2*maxSeries || s.known == nil {
		// Series that come and go must not fill the memory: all are listed anew.
		s.known, s.kept = make(map[string]*Series), make(map[string]string)
	}
	met := make(map[string]bool, len(readings))
	for _, r := range readings {
		if met[r.key] {
			continue // the same series twice: the first counts
		}
		met[r.key] = true
		if now := s.refresh(r); now != nil {
			sample.Changed = append(sample.Changed, *now)
		}
	}
	c.AddCounters(sample)
	return nil
}

// refresh is the reading as it is kept, nil if it has not changed. Cleaning is
// costly and done once for each series.
func (s *scraper) refresh(r reading) *Series {
	old := s.known[r.key]
	if old == nil {
		old = cleanSeries(r.Series)
		id := seriesID(old)
		if _, taken := s.kept[id]; taken {
			return nil // differs in what was cut only: together they would mean nothing
		}
		s.known[r.key], s.kept[id] = old, r.key
		return old
	}
	if old.Value == r.Value && old.Sum == r.Sum {
		return nil
	}
	old.Value, old.Sum = r.Value, r.Sum
	return old
}

func (s *scraper) noteOnce(c *Capture, from, problem string) {
	if problem == "" || s.said[problem] {
		return
	}
	if s.said == nil {
		s.said = make(map[string]bool)
	}
	s.said[problem] = true
	c.AddGap(s.signal, from+": "+problem, "")
}

// cleanSeries makes names and labels fit to be kept: they are whatever the
// target, or whoever sends it requests, made of them.
func cleanSeries(r Series) *Series {
	s := r
	s.Name = printable(redactText(r.Name), maxName)
	s.Labels = nil
	for name, value := range r.Labels {
		if s.Labels == nil {
			s.Labels = make(map[string]string, len(r.Labels))
		}
		name = printable(name, maxName)
		// A label named "token" gives its value away without looking like one.
		value = redactText(name + "=" + printable(value, maxLabel))
		if rest, ok := strings.CutPrefix(value, name+"="); ok {
			value = rest
		}
		s.Labels[name] = value
	}
	return &s
}

// parse reads an endpoint's answer: all that changed, at least. A problem is one
// that leaves the rest of use.
func (s *scraper) parse(a *answer) (_ []reading, problem string, _ error) {
	switch is := identify(a.body); {
	case is == "JSON":
		return parseExpvar(a)
	case is == "text" && !strings.Contains(a.header.Get("Content-Type"), "html"):
		f := promFilter{before: s.lines, lines: make(map[string]string, len(s.lines))}
		list, problem, err := parseProm(a, &f)
		s.lines = f.lines
		return list, problem, err
	}
	return nil, "", notThat(a, "a metrics endpoint")
}

func tooManySeries() string {
	return fmt.Sprintf("it has more than %d series; only the first are kept", maxSeries)
}
