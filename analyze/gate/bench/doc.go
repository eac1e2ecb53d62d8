// Package bench has both sides of a change built, and runs their benchmarks: base,
// a commit that is checked out next to the repository, and head, the work tree as
// it is.
//
// [Prepare] gives a [Bench]. [Bench.RunPairs] runs benchmarks on both sides, their
// executions in turns, and gives the CPU time of the process for one operation, and
// what it allocates. [Bench.Profile] and [Bench.Allocated] say where it goes, in
// executions of their own; [Bench.Instructions] counts under valgrind. Nothing here
// judges: what the figures mean is package gate's.
//
// # Tour
//
//   - prepare.go: Prepare, the whole way. problem.go: why something cannot be run.
//   - Base, checked out: repository.go, worktree.go, outside.go; lock_linux.go.
//   - Benchmarks, found and built: source.go, pattern.go, build.go, discover.go,
//     describe.go; tool.go runs git and go.
//   - One execution: run.go, calibrate.go, exec.go, capture.go, benchline.go,
//     failure.go.
//   - Executions that are not timed: profiles.go, instructions.go, valgrind.go.
package bench
