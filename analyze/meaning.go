package analyze

import (
	"math"
	"sort"
	"strings"
	"unicode"
)

// A Role is what a counter means for work on a queue. Names differ in every
// company, so roles are found by a scored vocabulary over the words of a
// metric's name and labels, and then held against each other by arithmetic: a
// reading whose sums do not add up is dropped, however well the words fit.
type Role uint8

const (
	RoleNone      Role = iota
	RoleIntake         // work that came in: received, submitted, enqueued
	RoleAttempt        // tries to hand work on, whatever came of them: offers, attempts
	RoleAccepted       // tries that were taken: accepted, assigned, dispatched, 2xx
	RoleRefused        // tries that were not: refused, rejected, busy, 503, 429
	RoleCompleted      // work that was finished: completed, processed, done
	RolePrepared       // what was prepared for the work: signed, issued, prepared
	RoleReused         // preparation kept and used later: reused, cache hit
	RoleFailed         // finished badly: failed, error
	roles
)

var roleNames = [roles]string{"", "intake", "attempt", "accepted", "refused", "completed", "prepared", "reused", "failed"}

func (r Role) String() string { return roleNames[r] }

// vocabulary gives each word its role and how sure it is: 3 a word that hardly
// means anything else, 2 a usual word for it, 1 a word that needs company.
var vocabulary = map[string]struct {
	role   Role
	weight int
}{
	"received": {RoleIntake, 2}, "intake": {RoleIntake, 3}, "ingested": {RoleIntake, 3}, "incoming": {RoleIntake, 2},
	"submitted": {RoleIntake, 2}, "consumed": {RoleIntake, 2}, "arrived": {RoleIntake, 3}, "arrivals": {RoleIntake, 3}, "inbound": {RoleIntake, 2},
	"fetched": {RoleIntake, 1}, "delivered": {RoleIntake, 1}, "created": {RoleIntake, 1}, "admitted": {RoleIntake, 1},

	"attempt": {RoleAttempt, 2}, "attempts": {RoleAttempt, 2}, "attempted": {RoleAttempt, 2}, "offer": {RoleAttempt, 2}, "offers": {RoleAttempt, 2},
	"offered": {RoleAttempt, 2}, "tries": {RoleAttempt, 2}, "requested": {RoleAttempt, 1}, "proposals": {RoleAttempt, 2}, "handoffs": {RoleAttempt, 2}, "handoff": {RoleAttempt, 2},
	"dispatch": {RoleAttempt, 1}, "dispatches": {RoleAttempt, 1}, "submissions": {RoleAttempt, 1}, "assignments": {RoleAttempt, 1}, "placements": {RoleAttempt, 1},

	"accepted": {RoleAccepted, 3}, "accept": {RoleAccepted, 3}, "assign": {RoleAccepted, 1}, "admit": {RoleAccepted, 2}, "assigned": {RoleAccepted, 2}, "placed": {RoleAccepted, 2}, "taken": {RoleAccepted, 2}, "granted": {RoleAccepted, 2},
	"scheduled": {RoleAccepted, 1}, "dispatched": {RoleAccepted, 2}, "started": {RoleAccepted, 2}, "launched": {RoleAccepted, 2}, "ok": {RoleAccepted, 1}, "success": {RoleAccepted, 1}, "succeeded": {RoleAccepted, 1},
	"200": {RoleAccepted, 2}, "201": {RoleAccepted, 2}, "202": {RoleAccepted, 3}, "204": {RoleAccepted, 2}, "2xx": {RoleAccepted, 2}, "used": {RoleAccepted, 1},

	"refused": {RoleRefused, 3}, "refusals": {RoleRefused, 3}, "refusal": {RoleRefused, 3}, "rejected": {RoleRefused, 3}, "rejections": {RoleRefused, 3}, "reject": {RoleRefused, 3}, "rejects": {RoleRefused, 3},
	"busy": {RoleRefused, 2}, "declined": {RoleRefused, 3}, "denied": {RoleRefused, 2}, "unavailable": {RoleRefused, 2}, "overloaded": {RoleRefused, 3}, "full": {RoleRefused, 2}, "saturated": {RoleRefused, 2},
	"requeued": {RoleRefused, 3}, "requeues": {RoleRefused, 3}, "nacked": {RoleRefused, 2}, "nak": {RoleRefused, 2}, "naks": {RoleRefused, 2}, "nack": {RoleRefused, 2}, "nacks": {RoleRefused, 2}, "bounced": {RoleRefused, 3}, "deferred": {RoleRefused, 2}, "postponed": {RoleRefused, 2},
	"dropped": {RoleRefused, 2}, "discarded": {RoleRefused, 3}, "throttled": {RoleRefused, 2}, "shed": {RoleRefused, 2}, "retried": {RoleRefused, 2}, "retry": {RoleRefused, 1}, "retries": {RoleRefused, 2}, "redelivered": {RoleRefused, 2},
	"refuse": {RoleRefused, 3}, "requeue": {RoleRefused, 3}, "bounce": {RoleRefused, 3}, "exhausted": {RoleRefused, 2}, "backpressure": {RoleRefused, 3}, "overflow": {RoleRefused, 2}, "unassigned": {RoleRefused, 2}, "limited": {RoleRefused, 2}, "overload": {RoleRefused, 3},
	"429": {RoleRefused, 3}, "503": {RoleRefused, 3}, "409": {RoleRefused, 1}, "conflict": {RoleRefused, 1}, "wasted": {RoleRefused, 2}, "turned": {RoleRefused, 1}, "lost": {RoleRefused, 1}, "nocapacity": {RoleRefused, 3}, "capacity": {RoleRefused, 1},

	"completed": {RoleCompleted, 3}, "complete": {RoleCompleted, 3}, "completions": {RoleCompleted, 3}, "finished": {RoleCompleted, 3}, "done": {RoleCompleted, 3}, "processed": {RoleCompleted, 2}, "handled": {RoleCompleted, 2}, "executed": {RoleCompleted, 2}, "acked": {RoleCompleted, 1}, "sent": {RoleCompleted, 1},

	"prepared": {RolePrepared, 3}, "preparations": {RolePrepared, 3}, "signed": {RolePrepared, 3}, "signatures": {RolePrepared, 3}, "signing": {RolePrepared, 2}, "issued": {RolePrepared, 2}, "minted": {RolePrepared, 3}, "rendered": {RolePrepared, 2}, "built": {RolePrepared, 2}, "generated": {RolePrepared, 1}, "encoded": {RolePrepared, 1},

	"reused": {RoleReused, 3}, "reuses": {RoleReused, 3}, "kept": {RoleReused, 2},

	"failed": {RoleFailed, 2}, "failures": {RoleFailed, 2}, "errors": {RoleFailed, 2}, "error": {RoleFailed, 2}, "timeout": {RoleFailed, 1}, "timeouts": {RoleFailed, 1},
}

// notWork are first words of metrics that a runtime or a library keeps of
// itself: they count no jobs.
var notWork = map[string]bool{
	"go": true, "process": true, "promhttp": true, "python": true, "jvm": true, "nodejs": true, "ruby": true,
	"memstats": true, "net": true, "scrape": true, "otel": true, "target": true,
}

// words parts a metric's name or a label's value at anything that is not a
// letter or a digit, and at a change from lower to upper case.
func words(s string) []string {
	var list []string
	start := -1
	var before rune
	flush := func(end int) {
		if start >= 0 && end > start {
			list = append(list, strings.ToLower(s[start:end]))
		}
		start = -1
	}
	for i, r := range s {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush(i)
		case start < 0:
			start = i
		case unicode.IsUpper(r) && unicode.IsLower(before):
			flush(i)
			start = i
		}
		before = r
	}
	flush(len(s))
	return list
}

// A Meaning is a series read as a role.
type Meaning struct {
	Series *Series
	Role   Role
	Score  int
}

// meaningOf reads one series. A label's value says more about what became of
// an event than the metric's name, which often names the event itself
// ("offers_total{result="refused"}" is refused, not offers); the last words of
// a name say more than the first.
func meaningOf(s *Series) Meaning {
	m := Meaning{Series: s}
	name := words(s.Name)
	if len(name) == 0 || notWork[name[0]] || !s.monotone() {
		return m
	}
	var score [roles]int
	for i, w := range name {
		if v, ok := vocabulary[w]; ok {
			score[v.role] += v.weight
			if i >= len(name)/2 {
				score[v.role]++
			}
		}
	}
	for k, value := range s.Labels {
		if k == "le" || k == "quantile" {
			continue
		}
		for _, w := range words(value) {
			if v, ok := vocabulary[w]; ok {
				score[v.role] += 2*v.weight + 1
			}
		}
		if role, weight := yesOrNo(k, value); role != RoleNone {
			score[role] += 2*weight + 1
		}
	}
	for r := RoleNone + 1; r < roles; r++ {
		if score[r] > m.Score {
			m.Role, m.Score = r, score[r]
		}
	}
	return m
}

// yesOrNo reads a label like accepted="false".
func yesOrNo(key, value string) (Role, int) {
	v, ok := vocabulary[strings.ToLower(key)]
	if !ok {
		return RoleNone, 0
	}
	opposite := map[Role]Role{RoleAccepted: RoleRefused, RoleRefused: RoleAccepted, RoleCompleted: RoleFailed, RoleFailed: RoleCompleted}
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		return v.role, v.weight
	case "false", "no", "0":
		return opposite[v.role], v.weight
	}
	return RoleNone, 0
}

// meanings reads all series and keeps those with a role, best score first.
func meanings(list []*Series) []Meaning {
	var kept []Meaning
	for _, s := range list {
		if m := meaningOf(s); m.Role != RoleNone {
			kept = append(kept, m)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].Score > kept[j].Score })
	return kept
}

// An Outcome is one reading of the counters: how often something was tried,
// and what became of it, a second.
type Outcome struct {
	Attempts, Accepted, Refused float64
	AcceptedBy, RefusedBy       []*Series
	AttemptedBy                 *Series
	// Consistent says that attempts were counted on their own and are the sum of
	// the two, or that all are values of one label of one metric.
	Consistent bool
	Score      int
}

// outcomes pairs what was refused with what was accepted, best reading first.
// Values of one label of one metric are the strongest pair: whoever counts
// them so means them as alternatives.
func outcomes(all []Meaning) []Outcome {
	var list []Outcome
	var loose []Meaning
	for _, family := range families(all) {
		if o, ok := familyOutcome(family); ok {
			list = append(list, o)
		} else {
			loose = append(loose, family...)
		}
	}
	list = append(list, looseOutcomes(loose)...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Score > list[j].Score })
	return list
}

// families groups meanings by source and metric name, in a stable order.
func families(all []Meaning) [][]Meaning {
	at := map[string]int{}
	var list [][]Meaning
	for _, m := range all {
		id := m.Series.Source + "\x00" + m.Series.Name
		i, ok := at[id]
		if !ok {
			i = len(list)
			at[id] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], m)
	}
	return list
}

func familyOutcome(family []Meaning) (Outcome, bool) {
	o := Outcome{Consistent: true}
	for _, m := range family {
		if len(m.Series.Labels) == 0 {
			continue
		}
		switch m.Role {
		case RoleRefused:
			o.Refused += m.Series.Rate
			o.RefusedBy = append(o.RefusedBy, m.Series)
			o.Score = max(o.Score, m.Score+4)
		case RoleAccepted, RoleCompleted:
			o.Accepted += m.Series.Rate
			o.AcceptedBy = append(o.AcceptedBy, m.Series)
		}
	}
	o.Attempts = o.Accepted + o.Refused
	return o, len(o.RefusedBy) > 0 && len(o.AcceptedBy) > 0
}

// tolerance is how far sums of counters that are scraped while they grow may
// be apart, beside the counting error.
const tolerance = 0.05

// looseOutcomes pairs counters of different names. Such a pair counts as
// consistent only when a third counter, of attempts, is their sum.
func looseOutcomes(all []Meaning) []Outcome {
	var list []Outcome
	for _, r := range all {
		if r.Role != RoleRefused || r.Series.Growth == 0 {
			continue
		}
		for _, a := range all {
			switch {
			case a.Series.Name == r.Series.Name:
			case a.Role == RoleAccepted || a.Role == RoleCompleted:
				list = append(list, looseOutcome(r, a, all))
			case a.Role == RoleAttempt && a.Series.Rate >= r.Series.Rate && shared(a.Series.Name, r.Series.Name) > 0:
				list = append(list, restOutcome(r, a))
			}
		}
	}
	return list
}

// restOutcome takes what was tried and not refused as accepted.
func restOutcome(r, tried Meaning) Outcome {
	return Outcome{
		Attempts: tried.Series.Rate, Refused: r.Series.Rate, Accepted: tried.Series.Rate - r.Series.Rate,
		RefusedBy: []*Series{r.Series}, AttemptedBy: tried.Series,
		Score: r.Score + tried.Score/2 + shared(r.Series.Name, tried.Series.Name),
	}
}

func looseOutcome(r, a Meaning, all []Meaning) Outcome {
	o := Outcome{
		Accepted: a.Series.Rate, Refused: r.Series.Rate,
		AcceptedBy: []*Series{a.Series}, RefusedBy: []*Series{r.Series},
		Score: r.Score + a.Score/2 + shared(r.Series.Name, a.Series.Name),
	}
	if a.Role == RoleCompleted {
		o.Score -= 2 // finished is later than accepted
	}
	o.Attempts = o.Accepted + o.Refused
	for _, m := range all {
		if (m.Role == RoleAttempt || m.Role == RolePrepared) && near(m.Series.Rate, o.Attempts, tolerance) {
			o.AttemptedBy, o.Consistent = m.Series, true
			o.Score += 4
			break
		}
	}
	return o
}

// shared is how many words two names have in common: counters of one thing.
func shared(a, b string) int {
	n := 0
	for _, x := range words(a) {
		for _, y := range words(b) {
			if x == y && x != "total" {
				n++
			}
		}
	}
	return n
}

// near says whether two rates agree within a fraction of the larger.
func near(a, b, fraction float64) bool {
	return math.Abs(a-b) <= fraction*math.Max(math.Abs(a), math.Abs(b))
}
