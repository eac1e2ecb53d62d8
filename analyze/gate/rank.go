package gate

import (
	"math"
	"slices"

	"busywork/analyze"
)

// A null is the distribution of a rank statistic between two sides that do not
// differ: null[k] is the probability that it is at least k. It depends on
// nothing but the numbers of runs, so that no shape of noise is assumed.
type null []float64

// nulls keeps the distributions that one judgement needs again and again.
type nulls map[int]null

// signedRank is the null of Wilcoxon's signed-rank statistic of n pairs, exact.
func (c nulls) signedRank(n int) null {
	if c[n] == nil {
		c[n] = signedRank(n)
	}
	return c[n]
}

// signedRank takes the ranks one by one: each is, by the toss of a coin, added or
// not. Probabilities instead of counts of the 2^n outcomes, which overflow.
func signedRank(n int) null {
	p := make([]float64, n*(n+1)/2+1)
	p[0] = 1
	for rank, last := 1, 0; rank <= n; rank++ {
		last += rank
		for k := last; k >= 0; k-- {
			p[k] /= 2
			if k >= rank {
				p[k] += p[k-rank] / 2
			}
		}
	}
	return cumulated(p)
}

// mostExact is the product of two sides' runs up to which the null of the rank
// sum is counted out: 50 runs a side, 6 million additions. Beyond it the normal
// approximation will do, whose tail is the heavier one: it makes p at most 1 %
// too small anywhere, and in the tail too large, by 2 % at 0.01, 11 % at 0.001.
const mostExact = 50 * 50

// rankSum is the null of the Mann–Whitney statistic of n runs and m: of the n·m
// couples, how many have the greater value on the first side. Of i and j runs
// left, the greatest is of the first side with i chances of i+j, and is then
// greater than all j.
func rankSum(n, m int) null {
	if n*m > mostExact {
		return rankSumNormal(n, m)
	}
	row := make([][]float64, m+1) // for i runs and 0 … m
	for j := range row {
		row[j] = []float64{1}
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			p := make([]float64, i*j+1)
			first := float64(i) / float64(i+j)
			for k, q := range row[j] { // still that of i−1
				p[k+j] += first * q
			}
			for k, q := range row[j-1] {
				p[k] += (1 - first) * q
			}
			row[j] = p
		}
	}
	return cumulated(row[m])
}

func rankSumNormal(n, m int) null {
	nm := float64(n) * float64(m)
	sd := math.Sqrt(nm * float64(n+m+1) / 12)
	u := make(null, n*m+1)
	for k := range u {
		u[k] = math.Erfc((float64(k)-0.5-nm/2)/sd/math.Sqrt2) / 2
	}
	u[0] = 1
	return u
}

// cumulated sums from the far tail on, where the small terms are.
func cumulated(p []float64) null {
	for k := len(p) - 2; k >= 0; k-- {
		p[k] += p[k+1]
	}
	p[0] = 1
	return p
}

// tail95 is what a two-sided 95 % interval leaves out on each side.
const tail95 = 0.025

// cut is how many values at each end of the sorted contrasts lie outside of the
// 95 % interval. It is -1 if there are too few for such an interval.
func (u null) cut() int {
	k := -1
	for k+1 < len(u)/2 && u[len(u)-2-k] <= tail95 {
		k++
	}
	return k
}

// A shift is how far head lies from base, and how surely it is on which side.
type shift struct {
	interval analyze.Interval // Hodges and Lehmann's estimate, with the 95 % interval
	known    bool             // whether there are enough values for that interval
	slower   float64          // one-sided p of head > base
	faster   float64          // one-sided p of head < base
}

// shiftOf reads everything off one sorted list of contrasts, as many as the null
// has outcomes less one: the Walsh averages of pairs, or the differences of all
// couples. The statistic is the number of contrasts above zero, which for values
// without ties is Wilcoxon's, or Mann and Whitney's. Counted in this way, zeros
// and ties can only raise p (they count for neither side, while the null assumes
// none), and no contrast that grows can ever raise the p of slower: the usual
// corrections for ties have neither property.
func shiftOf(contrasts []float64, u null) shift {
	slices.Sort(contrasts)
	n := len(contrasts)
	below, _ := slices.BinarySearch(contrasts, 0)
	above := n - below
	for above > 0 && contrasts[n-above] == 0 {
		above--
	}
	s := shift{slower: u[above], faster: u[below]}
	cut := u.cut()
	s.known = cut >= 0
	cut = max(cut, 0)
	s.interval = analyze.Interval{Value: middle(contrasts), Low: contrasts[cut], High: contrasts[n-1-cut]}
	return s
}

// middle is the median of sorted values.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// walsh is the averages of each value with itself and with every other.
func walsh(values []float64) []float64 {
	list := make([]float64, 0, len(values)*(len(values)+1)/2)
	for i, a := range values {
		for _, b := range values[i:] {
			list = append(list, (a+b)/2)
		}
	}
	return list
}

// couples is the differences head − base of every value with every other.
func couples(base, head []float64) []float64 {
	list := make([]float64, 0, len(base)*len(head))
	for _, h := range head {
		for _, b := range base {
			list = append(list, h-b)
		}
	}
	return list
}
