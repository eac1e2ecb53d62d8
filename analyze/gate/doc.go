// Package gate says whether a change has made a program slower, and which function
// did it, and keeps silent otherwise.
//
// People stop listening to a gate that cries wolf, and benchmarks on shared machines
// do: timed one side after the other, two builds of the same program differ
// "significantly" in every fifth comparison. What is done about it here: both sides
// are built and run in one session (package bench), next to each other in pairs;
// what is compared is the CPU time of the process for one operation, and not the time
// on the wall; the noise is measured in the same runs, by a control in which nothing
// can differ; a verdict takes significance, corrected for all benchmarks and all
// looks, and a least effect ([Sequence], [Judge]). What cannot be told is said to be
// inconclusive, with what it would take. Allocations are counted, and compared
// exactly.
//
// Every gate ends in a [Result], whatever was compared: benchmarks of two commits
// ([Run]), output files ([Compare]), growth with size ([Growth]), a capture with a
// budget ([Check]). Where something got slower, package blame says through which
// function, from profiles divided by operations; so does a count of allocations.
//
// Package bench is the one below analyze that starts processes: go, git, test binaries.
//
// # Tour
//
//   - gate.go, rows.go: [Run], the whole way from two commits to a Result, with
//     package bench, which builds and runs both sides. result.go, settle.go: the Result.
//   - Is it slower? sequential.go, judge.go, evidence.go, rank.go, holm.go, why.go;
//     samples.go for what did not run in pairs, exact.go for what is counted.
//   - Why is it slower? causes.go, and package blame.
//   - The other gates. Output files: compare.go, files.go, file_lines.go. Growth:
//     growth.go and its like, sizes.go, exponent.go. Budgets: budget.go and its like.
//     Instructions: instructions.go.
//   - Accepted regressions: accepted.go; strict.go reads such files.
//   - Forms of the result: output.go; text.go, table.go, plot.go, words.go for people,
//     markdown.go, json.go, junit.go, sarif.go, gitlab.go, github.go for programs.
package gate
