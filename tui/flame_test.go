package tui

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/muesli/termenv"

	"busywork/analyze"
	"busywork/profile"
)

// examOf is a recorded capture, examined.
func examOf(t testing.TB, name string) *analyze.Examination {
	t.Helper()
	c, err := profile.Load("../fixtures/captures/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return analyze.Examine(c, analyze.Options{})
}

// flameOf is the screen, 80×21, with a tree.
func flameOf(t testing.TB, c *analyze.Calls) *flame {
	t.Helper()
	f := newFlame().(*flame)
	f.SetSize(80, 21)
	f.nextWindow(c)
	return f
}

// nextWindow shows the tree of another window.
func (f *flame) nextWindow(c *analyze.Calls) {
	f.Show(flameScene(termenv.Ascii, &analyze.Examination{Report: new(analyze.Report)}, c))
}

// filter searches.
func (f *flame) filter(text string) {
	s := *f.scene
	s.filter = text
	f.Show(&s)
}

func (f *flame) press(t testing.TB, keys ...string) *flame {
	t.Helper()
	for _, k := range keys {
		f.Key(keyMsg(k))
		checkFrame(t, f.View(), f.w, f.h)
	}
	return f
}

// at is the names from the root to the cursor, with a | before that which the
// graph is zoomed to.
func (f *flame) at() string {
	var names []string
	for _, node := range f.way.nodes {
		name := callName(f.calls, node)
		if node == f.graph.top {
			name = "|" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func (f *flame) check(t *testing.T, want string) {
	t.Helper()
	if got := f.at(); got != want {
		t.Fatalf("at %q, want %q\n%s", got, want, f.View())
	}
}

func TestArrangeFlame(t *testing.T) {
	for h := range 80 {
		r := arrangeFlame(h)
		if r.title+r.graph+r.info+r.legend != h || r.title < 0 || r.info < 0 || r.legend < 0 || h > 0 && r.graph < 1 || r.graph < h/2 {
			t.Errorf("%d rows: %+v", h, r)
		}
	}
}

const busy = `
main;serve;work;sign 50
main;serve;work;json 10
main;serve;poll 20
main;flush;sign 12
gc;mark 8
`

func TestFlameMoves(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	f.check(t, "|all")
	f.press(t, "down", "j").check(t, "|all main serve")
	f.press(t, "right").check(t, "|all main flush")
	f.press(t, "l").check(t, "|all gc mark") // the next in its row, of another caller
	f.press(t, "l").check(t, "|all gc mark")
	f.press(t, "left", "h", "h").check(t, "|all main serve")
	f.press(t, "G").check(t, "|all main serve work sign")
	f.press(t, "down").check(t, "|all main serve work sign")
	f.press(t, "k", "up").check(t, "|all main serve")
	f.press(t, "pgdown").check(t, "|all main serve work sign")
	f.press(t, "g").check(t, "|all")
	f.press(t, "up").check(t, "|all")
}

func TestFlameZooms(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	if _, done := f.Key(keyMsg("esc")); done {
		t.Error("esc was taken with nothing to undo")
	}
	f.press(t, "down", "down", "enter").check(t, "all main |serve")
	f.press(t, "down", "enter", "enter").check(t, "all main serve |work")
	f.press(t, "down", "g").check(t, "all main serve |work")
	f.press(t, "u").check(t, "all main |serve work")
	if _, done := f.Key(keyMsg("esc")); !done {
		t.Error("esc was not taken while the graph is zoomed")
	}
	f.check(t, "|all main serve work")
	f.press(t, "enter", "up").check(t, "|all main serve") // above the top it is zoomed out
	f.press(t, "enter", "right").check(t, "all main |serve")
	f.press(t, "f")
	if f.undo(); !f.undo() {
		t.Error("esc does not end the highlighting")
	}
	if _, done := f.Key(keyMsg("esc")); done {
		t.Error("esc was taken with all undone")
	}
}

// The cursor and the zoom are at the same calls in the next window, wherever
// these stand in it; and wait for them where they are missing.
func TestFlameKeepsItsPlace(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	f.press(t, "down", "down", "enter", "down", "right").check(t, "all main |serve poll")
	f.nextWindow(callsOf(t, "gc;mark 90\nmain;serve;poll 40\nmain;serve;work;sign 30\n"))
	f.check(t, "all main |serve poll")
	f.nextWindow(callsOf(t, "gc;mark 90\nmain;serve;work;sign 30\n"))
	f.check(t, "all main |serve")
	if !strings.Contains(f.View(), "not in this window: poll") {
		t.Errorf("not said that the call is missing:\n%s", f.View())
	}
	f.nextWindow(callsOf(t, "gc;mark 90\n"))
	f.check(t, "|all")
	f.nextWindow(nil)
	f.nextWindow(callsOf(t, busy))
	f.check(t, "all main |serve poll")
	if strings.Contains(f.View(), "not in this window") {
		t.Errorf("still said that the call is missing:\n%s", f.View())
	}
	f.press(t, "left")
	f.nextWindow(callsOf(t, "gc;mark 90\n"))
	f.press(t, "down") // moved: it waits no longer
	f.nextWindow(callsOf(t, busy))
	f.check(t, "|all gc")
	s := *f.scene
	s.of, s.calls.calls = new(target), callsOf(t, busy)
	f.Show(&s)
	f.check(t, "|all") // nothing was looked at there yet
}

func TestFlameSearches(t *testing.T) {
	f := flameOf(t, callsOf(t, busy+"main;sign;sign 5\nmain;designer 3\n"))
	f.filter("SIGN")
	want := fmt.Sprintf("matches %s of the CPU, 5 frames", analyze.Percent(70.0/108)) // sign below sign counts once
	if v := f.View(); !strings.Contains(v, want) || strings.Count(v, "/") != 1+5 {
		t.Errorf("want %q in\n%s", want, v)
	}
	f.press(t, "n").check(t, "|all main serve work sign")
	f.press(t, "n").check(t, "|all main flush sign")
	f.press(t, "n", "n").check(t, "|all main sign sign")
	f.press(t, "n").check(t, "|all main designer")
	f.press(t, "n").check(t, "|all main serve work sign")
	f.press(t, "N").check(t, "|all main designer")
	f.filter("nowhere")
	if v := f.View(); !strings.Contains(v, "no frame matches") {
		t.Errorf("not said that nothing matches:\n%s", v)
	}
	if f.press(t, "n"); f.at() != "|all main designer" {
		t.Errorf("moved to %s for a match that is not there", f.at())
	}
	f.filter("")
	if strings.Contains(f.View(), "matches") {
		t.Errorf("still searching:\n%s", f.View())
	}
}

// A match that is too narrow to be seen is zoomed to, and no farther than that
// takes.
func TestFlameRevealsMatches(t *testing.T) {
	f := flameOf(t, callsOf(t, "main;a;b 100000\nmain;a;needle;x 1\nmain;a;c;d 40\nmain;a;c;needle 2\nmain;a;outer;inner;needle 3\nmain;a;outer;inner;x 3\n"))
	f.filter("needle")
	f.press(t, "n").check(t, "all main a |c needle")
	f.press(t, "n").check(t, "all main a |outer inner needle")
	f.press(t, "n").check(t, "all main a |needle")
	f.press(t, "u", "u").check(t, "|all main a needle") // the cursor is there, though too narrow to see
	f.press(t, "N").check(t, "all main a |outer inner needle")
}

func TestFlameHighlightsAFunction(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	f.press(t, "G", "f")
	if v := f.View(); !strings.Contains(v, "=sign  62 % in 2 frames") || !strings.Contains(v, "▏flush") || strings.Count(v, "=sign") != 2 {
		t.Errorf("sign is not highlighted:\n%s", v)
	}
	f.nextWindow(callsOf(t, "other 50\nmain;sign 50\n"))
	if v := f.View(); !strings.Contains(v, "=sign  50 % in 1 frame ") {
		t.Errorf("sign is not highlighted in the next window:\n%s", v)
	}
	f.nextWindow(callsOf(t, "other 50\n"))
	if v := f.View(); !strings.Contains(v, "=sign  0 % in 0 frames") {
		t.Errorf("not said that there is no sign:\n%s", v)
	}
	f.nextWindow(callsOf(t, busy))
	f.press(t, "n").check(t, "|all main flush sign")
	if f.press(t, "f"); strings.Contains(f.View(), "=sign") {
		t.Errorf("sign is still highlighted:\n%s", f.View())
	}
}

// Where there is nothing to draw, it says why.
func TestFlameWithoutCalls(t *testing.T) {
	noProfile := examOf(t, "beats-waste")
	some := &analyze.Examination{Report: new(analyze.Report)}
	withProfile := examOf(t, "dispatch-waste")
	for _, c := range []struct {
		scene *scene
		want  string
	}{
		{&scene{}, "reading"},
		{&scene{live: true, target: "dispatchd"}, "observing dispatchd"},
		{&scene{err: errors.New("it is gone")}, "it is gone"},
		{&scene{exam: noProfile}, "no cpu profile"},
		{&scene{exam: noProfile, calls: callsMsg{exam: some, calls: callsOf(t, busy)}}, "no cpu profile"}, // of an older window
		{&scene{exam: withProfile}, "reading the CPU profile"},
		{&scene{exam: some, calls: callsMsg{exam: some, err: &profile.Unavailable{Reason: "truncated", Hint: "look again"}}}, "To get one: look again"},
		{&scene{exam: some, calls: callsMsg{exam: some, calls: callsOf(t, "")}}, "no samples"},
		{&scene{exam: some, calls: callsMsg{exam: some, calls: new(analyze.Calls)}}, "There is no icicle graph"},
	} {
		c.scene.theme, c.scene.keys, c.scene.history = newTheme(termenv.Ascii, true), newKeyMap(), new(history)
		f := newFlame().(*flame)
		f.SetSize(80, 21)
		f.View()
		f.Show(c.scene)
		f.press(t, "down", "up", "left", "right", "enter", "u", "esc", "f", "x", "d", "n", "N", "G", "g")
		f.Click(3, 3)
		f.Wheel(3)
		if v := f.View(); !strings.Contains(v, c.want) {
			t.Errorf("want %q in\n%s", c.want, v)
		}
	}
}

// While trees are made more slowly than windows come, it says of when this one is.
func TestFlameSaysThatItIsBehind(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	withProfile := examOf(t, "dispatch-waste")
	for i, want := range []bool{false, true, true} {
		next := *withProfile
		s := *f.scene
		s.exam = &next
		f.Show(&s)
		f.Show(&s) // a key, or a tick, is no window
		if got := strings.Contains(f.View(), "newer ones are being read"); got != want {
			t.Errorf("%d windows behind: said %v\n%s", i+1, got, f.View())
		}
	}
}

func TestFlameMouse(t *testing.T) {
	f := flameOf(t, callsOf(t, busy))
	f.Click(10, 3)
	f.check(t, "|all main serve")
	f.Click(10, 3)
	f.check(t, "all main |serve")
	f.Click(10, 2) // below serve, which is on top now
	f.check(t, "all main |serve work")
	for _, y := range []int{-1, 0, 12, 20, 21, 1000} {
		f.Click(70, y)
	}
	f.check(t, "all main |serve work")
}

// deep is a stack of that many calls.
func deep(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("f%d", i)
	}
	return strings.Join(names, ";") + " 100\n"
}

func TestFlameScrolls(t *testing.T) {
	f := flameOf(t, callsOf(t, deep(500)))
	f.press(t, "G")
	if v := f.View(); !strings.Contains(v, "▸f499") {
		t.Errorf("the cursor is out of sight:\n%s", v)
	}
	f.press(t, "pgup")
	if v := f.View(); !strings.Contains(v, fmt.Sprintf("▸f%d ", 499-f.rooms.graph+1)) {
		t.Errorf("a page up:\n%s", v)
	}
	f.Wheel(-10_000)
	if f.first != 0 {
		t.Errorf("the wheel stops at row %d", f.first)
	}
	f.Show(f.scene)
	if f.first != 0 {
		t.Error("a window that came has undone the scrolling")
	}
	f.Wheel(10_000)
	if v := f.View(); !strings.Contains(v, "f499") || strings.Contains(v, "f498 ") && f.first+f.rooms.graph != f.graph.height() {
		t.Errorf("the wheel down:\n%s", v)
	}
}

// Every size has its frame, of a tree as hostile as it is large.
func TestFlameFrames(t *testing.T) {
	var folded strings.Builder
	folded.WriteString(deep(300))
	for i := range 10_000 {
		fmt.Fprintf(&folded, "wide;w%d 1\n", i)
	}
	for i, name := range hostile {
		name = strings.NewReplacer(";", "", "\n", "").Replace(name)
		fmt.Fprintf(&folded, "%s;%d;%s 2000\n", name, i, name)
	}
	c := callsOf(t, folded.String())
	c.Nodes[5].Seconds, c.Nodes[7].Self, c.Nodes[9].Line = math.NaN(), math.Inf(1), -5
	f := flameOf(t, c)
	f.filter("w1")
	for w := 0; w <= 200; w += 1 + w/8 {
		for _, h := range []int{0, 1, 2, 3, 5, 7, 10, 14, 21, 37, 57} {
			f.SetSize(w, h)
			f.press(t, "down", "right", "down", "f", "n", "enter", "N", "x", "up", "pgdown", "left", "u", "esc", "g")
		}
	}
}
