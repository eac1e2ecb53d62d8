package tui

import (
	"math"
	"strings"
	"testing"

	"github.com/muesli/termenv"
)

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		v                  float64
		cores, rate, count string
	}{
		{0, "0", "0", "0"},
		{0.004, "0", "0", "0"},
		{0.0151, "0.02", "0.02", "0"},
		{0.987, "0.99", "0.99", "1"},
		{3.14159, "3.14", "3.1", "3"},
		{31.8159, "31.8", "31.8", "32"},
		{308.2, "308", "308", "308"},
		{8181, "8181", "8181", "8181"},
		{123_456, "123k", "123k", "123k"},
		{1e300, "?", "?", "?"},
		{math.NaN(), "?", "?", "?"},
		{math.Inf(1), "?", "?", "?"},
		{math.Inf(-1), "?", "?", "?"},
	} {
		for i, write := range []amount{appendCores, appendRate, appendCount} {
			if got, want := string(write(nil, c.v)), []string{c.cores, c.rate, c.count}[i]; got != want {
				t.Errorf("%g as %d: %q, want %q", c.v, i, got, want)
			}
		}
	}
}

func TestAppendBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0K", 512 << 10: "512K", 1023 << 10: "1023K", 1 << 20: "1M", 31 << 20: "31M", 1 << 30: "1.0G", 1500 << 20: "1.5G", 64 << 30: "64G", math.MaxUint64: "16E"} {
		if got := string(appendBytes(nil, n)); got != want {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
}

func TestSinceMark(t *testing.T) {
	look := newTheme(termenv.TrueColor, true)
	for _, c := range []struct {
		d      float64
		better sense
		want   string
		style  style
	}{
		{0.25, lessIsBetter, "▲0.25", look.bad},
		{-0.25, lessIsBetter, "▼0.25", look.good},
		{-0.25, moreIsBetter, "▼0.25", look.bad},
		{12, neutral, "▲12.0", look.bold},
		{0.004, lessIsBetter, "=", look.faint},
		{-0.004, moreIsBetter, "=", look.faint},
		{math.NaN(), lessIsBetter, "▲?", look.bad},
	} {
		if got, s := look.sinceMark(nil, c.d, c.better, appendCores); string(got) != c.want || s != c.style {
			t.Errorf("%g: %q in %q, want %q in %q", c.d, got, s.on, c.want, c.style.on)
		}
	}
}

// TestRightmost: a figure without room is not cut to another one.
func TestRightmost(t *testing.T) {
	for text, want := range map[string]string{"": "    |", "1": "   1|", "1234": "1234|", "12345": "   …|", "▲1.5": "▲1.5|", "–": "   –|"} {
		p := newPage(5, 1)
		if got := p.rightmost(style{}, style{}, 4, []byte(text)).put(style{}, "|").String(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// At no width do the fields take more than there is, and those that are there
// have what they need at the least.
func TestFit(t *testing.T) {
	for _, marked := range []bool{false, true} {
		for w := leastWidth; w <= 220; w++ {
			checkFit(t, "processes", fit(procFields(), w, rowMargin, marked), w)
			checkFit(t, "queues", fit(queueFields(), w, rowMargin, marked), w)
		}
	}
}

func checkFit[R any](t *testing.T, name string, list []field[R], w int) {
	t.Helper()
	sum := rowMargin
	for _, f := range list {
		sum += f.w
		if f.w < width(f.head) {
			t.Errorf("%s at %d: %q has %d cells", name, w, f.head, f.w)
		}
	}
	if sum > w {
		t.Errorf("%s: %d cells of %d", name, sum, w)
	}
}

// A figure of a title is there with its change, or not at all: half of a change is
// another one.
func TestTotal(t *testing.T) {
	look := newTheme(termenv.Ascii, true)
	for w, want := range map[int]string{30: " · born 152/s ▲150", 18: " · born 152/s ▲150", 17: "", 12: ""} {
		p := newPage(w, 1)
		p.total(look, " · born ", 152, 2, "/s", lessIsBetter, appendRate)
		if got := strings.TrimRight(p.String(), " "); got != want {
			t.Errorf("%d cells: %q, want %q", w, got, want)
		}
	}
}
