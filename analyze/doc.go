// Package analyze finds wasted work in a Capture.
//
// # The idea
//
// A profiler says where the CPU goes. Whether it is wasted depends on what
// became of the work, and that is in other evidence: counters, a broker's
// sequence numbers, the CPU of dead processes, the growth of a cost with the
// depth of a queue. So all evidence of one window is turned into [Facts] once,
// and every [Rule] of the [Catalogue] joins what it needs of them into a
// [Finding]: what is wasted, how many cores, how sure, what to do, and what the
// host will look like afterwards.
//
// # Tour
//
//   - engine.go: [Analyze], the whole way from a Capture to a Report.
//   - facts.go: [Facts], and what goes into them, one file each: cpu.go and
//     walk.go (the profile in one pass), operation.go and owner.go (what a
//     function does, and whose it is), paths.go and cost.go (which function to
//     name, and what it costs), host.go, process.go, ledger.go, series.go and
//     meaning.go (counters, and what they mean), queues.go, growth.go,
//     interval.go.
//   - rule.go, catalogue.go: the Rule as a value, and the list of them. Each
//     rule is a file of its own: refused_work.go, linear_queue_scan.go,
//     respawn_loop.go.
//   - report.go, levers.go, sanitise.go: the Report. Package report renders it.
//
// # Rules of the house
//
// The same Capture always gives the same Report: nothing here looks at a clock,
// a file or a socket, and no order comes from a map. A figure from samples is an
// [Interval]; below a floor of samples there is none. What cannot be known is
// said, never guessed.
package analyze
