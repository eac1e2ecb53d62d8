package tui

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile/stacks"
)

// callsOf makes a tree of folded stacks, one a line: "main;work;sign 3", in samples
// of which there are 100 a second of one core. Like those of analyze it stands
// depth first, heaviest first.
func callsOf(t testing.TB, folded string) *analyze.Calls {
	t.Helper()
	type frame struct {
		name          string
		seconds, self float64
		kids          []*frame
	}
	root := &frame{}
	for line := range strings.Lines(folded) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			continue
		}
		samples, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		f := root
		f.seconds += samples / 100
		for name := range strings.SplitSeq(strings.TrimSpace(line[:at]), ";") {
			i := slices.IndexFunc(f.kids, func(k *frame) bool { return k.name == name })
			if i < 0 {
				i = len(f.kids)
				f.kids = append(f.kids, &frame{name: name})
			}
			f = f.kids[i]
			f.seconds += samples / 100
		}
		f.self += samples / 100
	}
	c := &analyze.Calls{Seconds: root.seconds, Cores: 1, Samples: 100 * root.seconds}
	known := map[string]int32{}
	var place func(f *frame, function, parent, depth int32) int32
	place = func(f *frame, function, parent, depth int32) int32 {
		at, last := int32(len(c.Nodes)), int32(0)
		c.Nodes = append(c.Nodes, analyze.Call{Function: function, Parent: parent, Depth: depth, Seconds: f.seconds, Self: f.self, Op: analyze.OpOwn})
		slices.SortStableFunc(f.kids, func(a, b *frame) int { return cmp.Compare(b.seconds, a.seconds) })
		for _, k := range f.kids {
			function, is := known[k.name]
			if !is {
				function = int32(len(c.Functions))
				known[k.name] = function
				c.Functions = append(c.Functions, stacks.Function{Name: k.name, File: "/src/" + k.name + ".go"})
			}
			node := place(k, function, at, depth+1)
			if last == 0 {
				c.Nodes[at].First = node
			} else {
				c.Nodes[last].Next = node
			}
			last = node
		}
		return at
	}
	place(root, -1, 0, 0)
	return c
}

// nodeOf is the node at the end of a way of names.
func nodeOf(t testing.TB, c *analyze.Calls, names ...string) int32 {
	t.Helper()
	at := int32(0)
	for _, name := range names {
		if at = calleeNamed(c, at, &stacks.Function{Name: name}); at == 0 {
			t.Fatalf("no %s in %v", name, names)
		}
	}
	return at
}

func TestApportion(t *testing.T) {
	for _, c := range []struct {
		quotas []float64
		cells  int
		want   []int
	}{
		{[]float64{1.5, 1.5, 1}, 4, []int{2, 1, 1}},
		{[]float64{2.4, 0.35, 0.25}, 3, []int{3, 0, 0}},
		{[]float64{1.2, 1.7, 0.1}, 3, []int{1, 2, 0}},
		{[]float64{0.9999999999, 0}, 1, []int{1, 0}},
		{[]float64{0, 0, 5}, 5, []int{0, 0, 5}},
	} {
		var parts []part
		for _, q := range c.quotas {
			parts = append(parts, part{quota: q})
		}
		apportion(parts, c.cells)
		for i, want := range c.want {
			if parts[i].cells != want {
				t.Errorf("%v in %d cells: %+v, want %v", c.quotas, c.cells, parts, c.want)
				break
			}
		}
	}
}

// Whatever the figures are, no run leaves its caller's cells or lies over another,
// each has the cells that are its due, and none that is due one is left out.
func TestIcicleGivesEachItsCells(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		var folded strings.Builder
		for range 1 + r.IntN(60) {
			fmt.Fprintf(&folded, "%c", 'a'+r.IntN(3))
			for range r.IntN(12) {
				fmt.Fprintf(&folded, ";%c", 'a'+r.IntN(6))
			}
			fmt.Fprintf(&folded, " %d\n", 1+r.IntN(1+r.IntN(500)))
		}
		c := callsOf(t, folded.String())
		var weights, hatched []float64
		if round%2 > 0 {
			weights, hatched = make([]float64, len(c.Nodes)), make([]float64, len(c.Nodes))
			for i := range weights {
				weights[i] = []float64{c.Nodes[i].Seconds, r.Float64(), 0, -1, math.NaN(), math.Inf(1), 1e300}[r.IntN(1+round%7)]
				hatched[i] = []float64{r.Float64(), -1, math.NaN(), math.Inf(1)}[r.IntN(4)]
			}
		}
		var g icicle
		g.set(c, weights, hatched, nil)
		for _, w := range []int{0, 1, 2, 3, 7, 40, 119, 200} {
			g.resize(w)
			g.zoom(int32(r.IntN(len(c.Nodes))))
			checkIcicle(t, &g)
		}
	}
}

func checkIcicle(t *testing.T, g *icicle) {
	t.Helper()
	if g.w == 0 || g.weight(g.top) == 0 {
		if g.height() != 0 {
			t.Fatalf("%d rows of nothing", g.height())
		}
		return
	}
	if top := g.row(0); len(top) != 1 || top[0].w != g.w || top[0].node != g.top {
		t.Fatalf("the top is %+v, in %d cells", top, g.w)
	}
	for i := range g.height() {
		x := 0
		for _, r := range g.row(i) {
			if r.x < x || r.w < 1 || r.waste < 0 || r.waste > r.w {
				t.Fatalf("row %d: %+v at %d", i, r, x)
			}
			x = r.x + r.w
			if !r.rest {
				checkCallees(t, g, i, r)
			}
		}
		if x > g.w {
			t.Fatalf("row %d has %d cells of %d", i, x, g.w)
		}
	}
}

func checkCallees(t *testing.T, g *icicle, row int, r run) {
	t.Helper()
	sum, cells := 0.0, 0
	for k := g.calls.Nodes[r.node].First; k != 0; k = g.calls.Nodes[k].Next {
		sum += g.weight(k)
	}
	whole := max(sum, g.weight(r.node))
	for k := g.calls.Nodes[r.node].First; k != 0; k = g.calls.Nodes[k].Next {
		due := g.weight(k) / whole * float64(r.w)
		i := g.index(k)
		if i < 0 {
			if due > 1 {
				t.Fatalf("%d is due %v cells and is not drawn", k, due)
			}
			continue
		}
		callee := g.row(row + 1)[i]
		if math.Abs(float64(callee.w)-due) >= 1 || callee.x < r.x || callee.x+callee.w > r.x+r.w {
			t.Fatalf("%+v is due %v cells below %+v", callee, due, r)
		}
		cells += callee.w
	}
	if due := sum / whole * float64(r.w); float64(cells) >= due+float64(g.w) || cells > r.w {
		t.Fatalf("the callees of %+v have %d cells", r, cells)
	}
}

const small = `
main.main;dispatch.(*Dispatcher).offer;crypto/rsa.Sign 50
main.main;dispatch.(*Dispatcher).offer;encoding/json.Marshal 10
main.main;dispatch.(*Dispatcher).offer;fmt.a 1
main.main;dispatch.(*Dispatcher).offer;fmt.b 1
main.main;dispatch.(*Dispatcher).offer;fmt.c 1
main.main;poll 20
runtime.gc 17
`

func draw(g *icicle, w, h int, a accent) string {
	p := newPage(w, h)
	g.draw(p, newTheme(termenv.Ascii, true), 0, h, a)
	return p.String()
}

// What is drawn, to the cell: the waste of Sign is 40 of its 50 samples.
func TestIcicleDrawn(t *testing.T) {
	c := callsOf(t, small)
	hatched := make([]float64, len(c.Nodes))
	for _, n := range []int32{0, nodeOf(t, c, "main.main"), nodeOf(t, c, "main.main", "dispatch.(*Dispatcher).offer"),
		nodeOf(t, c, "main.main", "dispatch.(*Dispatcher).offer", "crypto/rsa.Sign")} {
		hatched[n] = 0.4
	}
	var g icicle
	g.set(c, nil, hatched, nil)
	g.resize(50)
	want := "" +
		"▏all 100%                     ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒\n" +
		"▏main.main 83% own code ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▏gc     \n" +
		"▏(*Dispatcher).offer 63% ▒▒▒▒▒▒▒▏poll             \n" +
		"▏rsa.Sign 50% ▒▒▒▒▒▒▒▒▒▒▒▏Mar…··                  \n" +
		strings.Repeat(" ", 50)
	if got := draw(&g, 50, 5, nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// With a mark, runs say by how much they have changed; Sign by 0.20 cores, poll not
// beyond what sampling explains.
func TestIcicleDrawnAgainstTheMark(t *testing.T) {
	c := callsOf(t, small)
	before := make([]float64, len(c.Nodes))
	for i := range before {
		before[i] = c.InCores(c.Nodes[i].Seconds)
	}
	before[nodeOf(t, c, "main.main", "dispatch.(*Dispatcher).offer", "crypto/rsa.Sign")] -= 0.20
	before[nodeOf(t, c, "main.main", "poll")] += 0.05
	before[nodeOf(t, c, "runtime.gc")] += 0.30
	var g icicle
	g.set(c, nil, nil, before)
	g.resize(50)
	want := "" +
		"▏all                                              \n" +
		"▏main.main                                ▼gc     \n" +
		"▏dispatch.(*Dispatcher).offer   ▏poll             \n" +
		"▏▲0.20 rsa.Sign          ▏Mar…··                  \n" +
		strings.Repeat(" ", 50)
	if got := draw(&g, 50, 5, nil); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What 95 of 100 pairs of equal windows differ by is no change.
func TestIcicleChanged(t *testing.T) {
	c := callsOf(t, "a 100\nb 900\n")
	for _, test := range []struct {
		was  float64 // samples of a at the mark
		want int
	}{{100, 0}, {75, 0}, {70, 1}, {0, 1}, {130, 0}, {135, -1}, {math.NaN(), 0}} {
		var g icicle
		a := nodeOf(t, c, "a")
		before := make([]float64, len(c.Nodes))
		before[a] = test.was / 1000
		g.set(c, nil, nil, before)
		if got := g.changed(a); got != test.want {
			t.Errorf("100 samples after %v: %d, want %d", test.was, got, test.want)
		}
	}
	c.Samples, c.Cores = 0, 0
	var g icicle
	g.set(c, nil, nil, make([]float64, len(c.Nodes)))
	if got := g.changed(1); got != 0 {
		t.Errorf("a tree without samples has changed: %d", got)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		want string
	}{
		{"example.com/dispatch.(*Dispatcher).offer.func1", 40, "dispatch.(*Dispatcher).offer.func1"},
		{"example.com/dispatch.(*Dispatcher).offer.func1", 30, "(*Dispatcher).offer.func1"},
		{"example.com/dispatch.(*Dispatcher).offer.func1", 12, "offer.func1"},
		{"example.com/dispatch.(*Dispatcher).offer.func1", 6, "offer…"},
		{"main.main", 5, "main"},
		{"memmove", 3, "me…"},
		{"a.", 1, "…"},
		{".", 1, "."},
		{"p.(*T).", 4, "(*T…"},
		{"pkg.F[go.shape.int]", 7, "F[…]"},
		{"", 3, ""},
		{"x", 0, ""},
	} {
		if got := shorten(c.name, c.n); got != c.want || width(got) > c.n {
			t.Errorf("shorten(%q, %d) = %q, want %q", c.name, c.n, got, c.want)
		}
	}
}

// Names and figures from outside cannot break out of a frame of any size.
func TestIcicleOfHostileNames(t *testing.T) {
	var folded strings.Builder
	for i, name := range hostile {
		name = strings.Map(func(r rune) rune {
			if r == ';' || r == '\n' {
				return -1
			}
			return r
		}, name)
		fmt.Fprintf(&folded, "%s;%d;%s %d\n", name, i, name, 10+i)
	}
	c := callsOf(t, folded.String())
	before := make([]float64, len(c.Nodes))
	for _, colours := range []termenv.Profile{termenv.Ascii, termenv.TrueColor} {
		for w := 0; w <= 200; w += 1 + w/10 {
			for _, h := range []int{0, 1, 3, 12} {
				var g icicle
				g.set(c, nil, c.Accused(nil), before)
				if h == 12 {
					g.before = nil
				}
				g.resize(w)
				p := newPage(w, h)
				g.draw(p, newTheme(colours, true), 0, h+2, func(n int32) (rune, style, bool) { return signAt, style{}, n == 1 })
				checkFrame(t, p.String(), w, h)
			}
		}
	}
}
