package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"busywork/analyze"
	"busywork/analyze/report"
)

// verdict is the host in one sentence. Above it stands that there is no newer
// window, or no profile, where that is so, and whether a fix has helped since the mark, which is
// then what the screen is looked at for; below it, what work is done.
func (v drawing) verdict(at rect) string {
	p := newPage(at.W, at.H)
	if v.s.err != nil {
		p.put(v.t.problem, "! ").line(v.t.bold, "no newer window: "+v.s.err.Error())
	}
	if c := v.s.change; c != nil && p.rows() > 0 {
		p.put(v.t.key, v.s.sinceMark()+" ").wrap(v.t.bold, 0, p.rows(), c.Verdict)
	}
	if gap := gapOf(v.r, "cpu-profile"); gap != nil && v.s.exam.Profile() == nil && p.rows() > 1 {
		p.put(v.t.problem, "! ").line(v.t.plain, "no CPU profile: "+gap.Reason)
	}
	if v.then != nil && v.r.Done != nil && p.rows() > 0 { // what a job costs says most of a fix
		v.done(p, v.r.Done)
	}
	if n := p.rows(); n > 0 {
		if v.then == nil && v.r.Done != nil {
			n = max(1, n-1)
		}
		p.wrap(v.t.bold, 0, n, report.Capital(v.r.Host.Brief))
	}
	if v.then == nil && v.r.Done != nil && p.rows() > 0 {
		v.done(p, v.r.Done)
	}
	return p.String()
}

// done is how much work was brought to its end, and what each took.
func (v drawing) done(p *page, d *analyze.ReportDone) {
	jobs := piece{look: v.t.plain, text: report.Figure(d.PerSecond, "1") + " " + d.What + " a second"}
	each := piece{look: v.t.plain, text: ", " + report.Figure(d.TargetCPU, "ms") + " of the target's CPU for each"}
	if v.then != nil && v.then.Done != nil && v.then.Done.What == d.What {
		jobs = jobs.since(v.t, d.PerSecond-v.then.Done.PerSecond, 0, moreIsBetter)
		each = each.since(v.t, d.TargetCPU-v.then.Done.TargetCPU, 2, lessIsBetter)
	}
	p.pieces(jobs, each, piece{look: v.t.faint, text: "  (" + d.Source + ")"}).end()
}

// host is the CPU time of the host as one bar, and in figures.
func (v drawing) host(at rect) string {
	p := newPage(at.W, at.H)
	h := &v.r.Host
	if !h.Known {
		v.unseen(p, "The host was not seen", analyze.SignalHost, 0)
		return p.String()
	}
	shares := hostShares(h)
	for mode, n := range hostCells(shares, p.w) {
		p.fill(v.t.host[mode], hostLetters[mode], n)
	}
	p.end()
	v.hostFigures(p, shares)
	return p.String()
}

// hostFigures names the parts of the bar. On a narrow screen those that come to
// next to nothing are left out.
func (v drawing) hostFigures(p *page, shares [hostModes]float64) {
	var list []piece
	gap := ""
	for mode, share := range shares {
		if mode != modeUser && mode != modeIdle && share < 0.01 && p.w < 70 {
			continue
		}
		q := piece{look: v.t.plain, text: gap + hostWords[mode] + " " + analyze.Percent(share)}
		if v.then != nil && v.then.Host.Known {
			better := neutral
			if mode == modeIOWait || mode == modeSteal { // nobody asks for more of these
				better = lessIsBetter
			}
			q = q.since(v.t, 100*(share-hostShares(&v.then.Host)[mode]), 0, better)
		}
		list = append(list, q)
		gap = "  "
		if p.w < 90 {
			gap = " "
		}
	}
	h := &v.r.Host
	all := piece{look: v.t.plain, text: fmt.Sprintf(" of %d CPUs", h.Cores)}
	if h.TreeCores > 0 { // as its share above, and what a job costs
		all.text = fmt.Sprintf("; target %.2f of %d cores", h.TreeCores, h.Cores)
		if v.then != nil && v.then.Host.Known {
			all = all.since(v.t, h.TreeCores-v.then.Host.TreeCores, 2, neutral)
		}
	}
	p.pieces(append(list, all)...).end()
}

// unseen says what is not seen, why, and how to get it. Of others that would do, it
// says what went wrong with them.
func (v drawing) unseen(p *page, what string, need, others analyze.Signal) {
	var reasons, hints []string
	add := func(list *[]string, text string) {
		if text != "" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for _, gap := range v.r.Unseen(analyze.Signals{Any: need}) {
		add(&hints, gap.Hint)
		if gap.Reason != analyze.NotObserved { // which has been said
			add(&reasons, gap.Reason)
		}
	}
	for _, gap := range v.r.Unseen(analyze.Signals{Any: others}) {
		if gap.Reason != analyze.NotObserved {
			add(&hints, gap.Hint)
			add(&reasons, gap.Signal+": "+gap.Reason)
		}
	}
	if len(reasons) > 0 {
		what += " (" + strings.Join(reasons, "; ") + ")"
	}
	if len(hints) > 0 {
		what += " → " + strings.Join(hints, " or ")
	}
	p.wrap(v.t.faint, 0, p.rows(), what)
}

// hostCells shares n cells out to the parts of the host's CPU time. Shares need not
// add up to 1; those that are no numbers get none.
func hostCells(shares [hostModes]float64, n int) (cells [hostModes]int) {
	total := 0.0
	for mode, share := range shares {
		if !(share > 0) || math.IsInf(share, 0) {
			shares[mode] = 0
		}
		total += shares[mode]
	}
	if total == 0 || n <= 0 {
		return cells
	}
	var parts [hostModes]part
	for mode, share := range shares {
		parts[mode].quota = share / total * float64(n)
	}
	apportion(parts[:], n)
	for mode := range parts {
		cells[mode] = parts[mode].cells
	}
	return cells
}
