package terminal

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"
)

// A background is what is known about the colour behind the text.
type background struct {
	known, dark bool
	owed        bool // the terminal was asked, and may still answer
}

const (
	// askBackground is OSC 11, "which colour is the background?", and DA1, "what are
	// you?". Terminals answer in order and every one since the VT100 answers the
	// second, so that one that does not know the first need not be waited for.
	askBackground = "\x1b]11;?\a" + "\x1b[c"
	// answerWithin bounds the wait for a terminal that answers neither. A round trip
	// over a bad line takes this long; the first frame must not take longer.
	answerWithin = 200 * time.Millisecond
	// maxAnswer bounds what is read: both answers take less than 100 bytes, and the
	// rest is what the user typed meanwhile.
	maxAnswer = 4096
)

var (
	colourAnswer = regexp.MustCompile(`\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})`)
	deviceAnswer = regexp.MustCompile(`\x1b\[\?[0-9;]*c`)
)

// SetDark says how dark the background is, so that nobody needs to ask.
func (t *Terminal) SetDark(dark bool) { t.background = background{known: true, dark: dark} }

// Dark says whether the background is dark: as told by SetDark or by COLORFGBG,
// else as the terminal answers. One that does not say is taken for dark, as most
// are. It is to be called before Run, which reads from the same terminal.
func (t *Terminal) Dark() bool {
	if t.background.known {
		return t.background.dark
	}
	dark, known := darkFromEnv(os.Getenv("COLORFGBG"))
	if !known {
		answer := t.ask(askBackground)
		dark, known = darkFromAnswer(answer)
		t.background.owed = !deviceAnswer.Match(answer)
	}
	t.background.known, t.background.dark = true, dark || !known
	return t.background.dark
}

// darkFromEnv reads COLORFGBG, "foreground;background" or with something between,
// in numbers of the sixteen colours.
func darkFromEnv(value string) (dark, known bool) {
	_, last, found := cutLast(value, ";")
	n, err := strconv.Atoi(last)
	if !found || err != nil || n < 0 || n > 15 {
		return false, false // "default", too, is a background that is not known
	}
	return n < 7 || n == 8, true // 7 is light grey, 8 is dark grey
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// darkFromAnswer reads the answer to OSC 11: three numbers of one to four
// hexadecimal digits.
func darkFromAnswer(answer []byte) (dark, known bool) {
	m := colourAnswer.FindSubmatch(answer)
	if m == nil {
		return false, false
	}
	// How bright the eye finds red, green and blue, as television has it (BT.601).
	var brightness float64
	for i, weight := range []float64{0.299, 0.587, 0.114} {
		digits := string(m[1+i])
		n, err := strconv.ParseUint(digits, 16, 16)
		if err != nil {
			return false, false
		}
		most := uint64(1)<<(4*len(digits)) - 1
		brightness += weight * float64(n) / float64(most)
	}
	return brightness < 0.5, true
}

// ask writes a question to the terminal and returns what comes back until the
// sentinel's answer, or in vain. Everything that is read is gone, what the user
// typed meanwhile included: it cannot be told from a part of an answer.
func (t *Terminal) ask(question string) []byte {
	raw, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return nil
	}
	defer term.Restore(int(t.in.Fd()), raw)
	reader, err := cancelreader.NewReader(t.in)
	if err != nil {
		return nil
	}
	defer reader.Close()
	if _, err := io.WriteString(t, question); err != nil {
		return nil
	}
	late := time.AfterFunc(answerWithin, func() { reader.Cancel() })
	defer late.Stop()
	var answer []byte
	for buf := make([]byte, 256); len(answer) < maxAnswer; {
		n, err := reader.Read(buf)
		answer = append(answer, buf[:n]...)
		if err != nil || deviceAnswer.Match(answer) {
			break
		}
	}
	return answer
}
