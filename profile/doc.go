// Package profile observes a queue-worker service for a window of time and
// keeps what it saw.
//
// # The idea
//
// A CPU profile says what burns, host counters say how much of the machine
// that is, and a queue, a process table or the service's own counters say what
// became of the work. None of them alone shows waste. So everything that can
// be had of a target is gathered inside one and the same window, and what
// could not be had is kept as well, as a [Gap], so that silence later on never
// means "not measured".
//
// # Tour
//
//   - capture.go: [Capture], all evidence about one target over one window,
//     as recorded, nothing derived, and the sample types that it is made of.
//   - store.go: a Capture on disk, append-only while it grows.
//   - recording.go: window after window, in bounded room; keeper.go and disk.go
//     keep to it.
//   - observe.go: one window; round.go: one window of several targets; watch.go:
//     window after window of several targets, cheaply.
//   - plan.go: what a target has turned out to be, and so what to gather of it;
//     watched.go: for how long that holds.
//   - gather.go: runs every [Source] of a target in parallel.
//   - discover.go: from a URL, a pid or a name to everything else.
//   - one file for each source: cpu.go, goroutine.go, host_linux.go,
//     process_linux.go, cgroup_linux.go, supervisor.go, counters.go,
//     jetstream.go, redis.go, postgres.go, io_linux.go, build.go, calibrate.go.
//   - redact.go: secrets are cut before anything is kept.
//   - stacks/: the streaming decoder of pprof profiles.
//
// # Manners
//
// A source reads and never writes: no consumer is created, no message taken,
// no key scanned. Each knows what it costs the target and stays below 1 % of
// it; what busywork itself used is kept in [SelfCost].
package profile
