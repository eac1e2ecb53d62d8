package analyze

import "fmt"

// levers answers, for what people reach for in an incident, whether it would
// help, with the figure that decides. Without host evidence nothing is said.
func levers(f *Facts, findings []Finding) []Lever {
	if f.Host == nil {
		return nil
	}
	worst := 0.0
	var first *Finding
	for i := range findings {
		if w := findings[i].Waste; findings[i].Confidence != Suspected && w.Cores > worst {
			worst, first = w.Cores, &findings[i]
		}
	}
	return []Lever{biggerInstance(f, first), moreWorkers(f), moreListeners(f), amd64Level(f)}
}

func biggerInstance(f *Facts, first *Finding) Lever {
	l := Lever{Lever: "bigger-instance"}
	busy := f.Host.Busy()
	switch {
	case first != nil && first.Waste.ShareOfHost >= mediumShare:
		l.Helps, l.Why = "no", fmt.Sprintf("%s takes %.2f of the %d cores here; without it this host is %s busy",
			first.Rule, first.Waste.Cores, f.Host.CPUs, Percent(first.Prediction.After))
	case busy < saturated:
		l.Helps, l.Why = "no", fmt.Sprintf("%s of the CPUs are idle or waiting", Percent(1-busy))
	default:
		l.Helps, l.Why = "yes", fmt.Sprintf("%s busy and no waste found", Percent(busy))
	}
	return l
}

func moreWorkers(f *Facts) Lever {
	l := Lever{Lever: "more-workers-on-this-host"}
	busy, waiting := f.Host.Busy(), backlog(f.Queues)
	switch {
	case busy >= saturated:
		l.Helps, l.Why = "no", fmt.Sprintf("the CPUs are %s busy already", Percent(busy))
	case waiting == "" && len(f.Queues) == 0:
		l.Helps, l.Why = "unknown", "no queue is known; name it (--nats, --redis)"
	case waiting == "":
		l.Helps, l.Why = "no", "no work waits in the queues that are known"
	case busy < idleBelow:
		l.Helps, l.Why = "yes", fmt.Sprintf("%s while %s of the CPUs are idle, if what the workers call can take more", waiting, Percent(f.Host.Idle))
	default:
		l.Helps, l.Why = "unknown", fmt.Sprintf("%s, and %s of the CPUs are idle; what the work waits for decides", waiting, Percent(f.Host.Idle))
	}
	return l
}

// moreListeners looks at the queue that most work comes in by.
func moreListeners(f *Facts) Lever {
	l := Lever{Lever: "more-listeners", Helps: "unknown", Why: "no broker's consumer was seen (--nats)"}
	var in *Queue
	for _, q := range f.Queues {
		if q.System == "jetstream" && q.Delivered > 0 && (in == nil || q.In > in.In) {
			in = q
		}
	}
	switch {
	case in == nil:
	case in.MaxPending > 0 && in.AckPending >= in.MaxPending:
		l.Helps, l.Why = "no", fmt.Sprintf("%s has %d messages unacknowledged, its MaxAckPending: raise that, or acknowledge sooner", in.Name, in.AckPending)
	case in.Last <= in.Delivered:
		l.Helps, l.Why = "no", fmt.Sprintf("%s is read as fast as it fills: %.0f wait there, less than a second's deliveries", in.Name, in.Last)
	case f.Host.Busy() >= saturated:
		l.Helps, l.Why = "no", fmt.Sprintf("the CPUs are %s busy already", Percent(f.Host.Busy()))
	default:
		l.Why = fmt.Sprintf("%.0f wait in %s; what its readers wait for decides", in.Last, in.Name)
	}
	return l
}

func amd64Level(f *Facts) Lever {
	l := Lever{Lever: "GOAMD64=v3", Helps: "unknown", Why: "no CPU profile of a Go program"}
	if f.CPU == nil || f.CPU.enough() != nil {
		return l
	}
	crypto := f.CPU.Inclusive[OpSign] + f.CPU.Inclusive[OpVerify] + f.CPU.Inclusive[OpTLSHandshake] + f.CPU.Inclusive[OpHash]
	if s := crypto / f.CPU.Seconds; s >= 0.2 {
		l.Helps, l.Why = "no", fmt.Sprintf("%s of the CPU is cryptography, whose assembly picks its instructions at run time: v3 and PGO changed it by nothing measurable (20 interleaved runs)", Percent(s))
	} else {
		l.Why = fmt.Sprintf("only %s of the CPU is code for which it was measured", Percent(s))
	}
	return l
}
