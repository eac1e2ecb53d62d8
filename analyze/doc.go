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
//   - facts.go: [Facts], and what goes into them, one file each. The profile in
//     one pass: cpu.go and walk.go; what a function does: operation.go, marks.go;
//     whose it is: owner.go, owners.go, paths.go; what it costs: cost.go,
//     charge.go. The machine: host.go, stalls.go, process.go, crew.go, held_up.go, ledger.go.
//     The service: series.go, meaning.go, throughput.go, taken.go, requests.go,
//     goroutines.go, goruntime.go, io.go. What it talks to: queues.go,
//     postgres.go, sql.go, sql_statement.go, nats.go. Arithmetic: growth.go,
//     interval.go. What one completed job costs: per_job.go, per_job_rates.go.
//   - rule.go, catalogue.go: the Rule as a value, and the list of them. Each rule
//     is a file that bears its name: refused_work.go.
//   - kin.go: findings of one cause, put together.
//   - report.go, levers.go, backlog.go, sanitise.go: the Report. Package report
//     renders it.
//   - compare.go: two Reports on one service, before and after.
//   - examine.go: [Examine], what a screen needs beyond a Report: process_rows.go,
//     and the profile as a tree, calls.go, made by call_stacks.go, call_tree.go and
//     call_names.go, and matched with another by call_match.go.
//
// # Rules of the house
//
// The same Capture always gives the same Report: nothing here looks at a clock,
// a file or a socket, and no order comes from a map. A figure from samples is an
// [Interval]; below a floor of samples there is none. What cannot be known is
// said, never guessed.
package analyze
