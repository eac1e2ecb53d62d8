package tui

import (
	"strings"
	"testing"

	"busywork/profile"
)

// hostile are names as an attacker, or another language, would choose them.
var hostile = []string{
	"\x1b[2J\x1b[31mred", "\x1b]52;c;cm0gLXJm\x07", "\u009b31m\u009d52;c;\u009c", "a\r\nb\tc\x00\x7f", "\u202eevil\u2066", "\xff\xfe\xc0",
	"e" + strings.Repeat("\u0301", 200), "漢字かな交じり文の長い名前", "שלום עולם", "مرحبا", "👩‍👩‍👧‍👦 🇩🇪 ❤️", strings.Repeat("x", 10_000), "", " ", "\u2028\u2029", "\U000e0041\ue000",
}

func TestPageIsExactlyAsLargeAsItShouldBe(t *testing.T) {
	look := style{"\x1b[1m", "\x1b[0m"}
	for _, w := range []int{0, 1, 2, 3, 7, 12, 29} {
		for h := range 4 {
			for _, name := range hostile {
				p := newPage(w, h)
				p.put(look, name).put(style{}, " | ").fill(look, '█', 3).right(look, name).end()
				p.line(look, name).wrap(look, 3, 2, name+" "+name+" "+name).tab(7).put(style{}, name)
				checkFrame(t, p.String(), w, h)
			}
		}
	}
}

// What a page lets through is no more than what reports let through.
func TestPageLetsNothingThroughThatReportsTakeOut(t *testing.T) {
	for r := rune(0); r <= 0x10ffff; r++ {
		if s := string(r); cells(r) >= 0 && profile.Clean(s) != s {
			t.Fatalf("%U is written to the terminal", r)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"dispatchd", 9, "dispatchd"},
		{"dispatchd", 8, "dispatc…"},
		{"dispatchd", 1, "…"},
		{"dispatchd", 0, ""},
		{"漢字かな", 8, "漢字かな"},
		{"漢字かな", 7, "漢字か…"},
		{"漢字かな", 6, "漢字…"},
	} {
		if got := cut(c.text, c.n); got != c.want || width(got) > c.n {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	p := newPage(20, 4)
	p.put(style{}, "fix  ").wrap(style{}, 5, 3, "Decide before you prepare: let it run only when there is room")
	want := "fix  Decide before  \n" + "     you prepare:   \n" + "     let it run…    \n" + strings.Repeat(" ", 20)
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBeside(t *testing.T) {
	left, right := newPage(3, 3), newPage(4, 3)
	left.line(style{}, "a").line(style{}, "b")
	right.line(style{}, "1").end().line(style{}, "3")
	if got, want := beside(left.String(), right.String()), "a  1   \nb      \n   3   "; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkPage(b *testing.B) {
	look := style{"\x1b[38;5;208m", "\x1b[0m"}
	b.ReportAllocs()
	for b.Loop() {
		p := newPage(120, 40)
		for range 40 {
			for range 5 {
				p.put(look, "dispatch.(*Dispatcher)").put(style{}, " ")
			}
			p.end()
		}
		_ = p.String()
	}
}

// What a terminal shows as one letter counts as one, however it was written.
func TestWidthOfComposed(t *testing.T) {
	for text, want := range map[string]int{
		"한": 2, "\u1112\u1161\u11ab": 2, "👍": 2, "👍\U0001f3fd": 2, "é": 1, "e\u0301": 1, "日本": 4, "e\u0301\u0302\u0303\u0304\u0305": 1,
	} {
		p := newPage(20, 1)
		if p.put(style{}, text); width(text) != want || p.x != want {
			t.Errorf("%+q: width %d, written in %d cells, want %d", text, width(text), p.x, want)
		}
	}
}
