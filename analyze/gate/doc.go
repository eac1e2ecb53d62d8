// Package gate says whether a change has made a program slower, and which function
// did it, and keeps silent otherwise.
//
// People stop listening to a gate that cries wolf, and benchmarks on shared machines
// do: timed one side after the other, two builds of the same program differ
// "significantly" in every fifth comparison. What is done about it here: both sides
// are built and run in one session ([Prepare], [Bench]), next to each other in pairs;
// what is compared is the CPU time of the process for one operation, and not the time
// on the wall; the noise is measured in the same runs, by a control in which nothing
// can differ; a verdict takes significance, corrected for all benchmarks and all
// looks, and a least effect ([Sequence], [Judge]). What cannot be told is said to be
// inconclusive, with what it would take. Allocations are counted, and compared
// exactly.
//
// Every gate ends in a [Result], whatever was compared: benchmarks of two commits
// ([Run]), output files ([Compare]), growth with size ([Growth]), a capture with a
// budget ([Check]). Where something got slower, [Attribute] says through which
// function, from profiles divided by operations.
//
// It is the one package of analyze's that starts processes: go, git, test binaries.
package gate
