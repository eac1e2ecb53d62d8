package gate

import (
	"cmp"
	"slices"
)

// holm corrects p-values for a family of that many questions, of which these are
// the ones still open: with it, the chance of even one false alarm among all is
// at most the level, whichever of the questions have a change behind them. The
// members of the family that are not in the list count as the least sure ones.
//
// Bonferroni would take every p times the family; Holm takes the smallest times
// the family, the next times one less, and is therefore stronger for nothing.
func holm(ps []float64, family int) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	corrected := make([]float64, len(ps))
	most := 0.0 // no p comes out below one that was smaller
	for rank, i := range order {
		most = max(most, min(1, ps[i]*float64(family-rank)))
		corrected[i] = most
	}
	return corrected
}
