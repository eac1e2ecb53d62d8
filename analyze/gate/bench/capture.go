package bench

import (
	"errors"
	"io"
	"os"
	"time"
)

// errFlooded ends a process that writes without end.
var errFlooded = errors.New("too much output")

// A capture keeps the beginning and the end of what a process writes, however
// much that is: a panic is told at the beginning, a result at the end.
type capture struct {
	first, last int   // bytes kept of the beginning and of the end
	most        int64 // bytes after which the process is stopped

	head, tail []byte
	size       int64
}

func (c *capture) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	n := min(len(p), c.first-len(c.head))
	c.head = append(c.head, p[:n]...)
	c.tail = append(c.tail, p[n:]...)
	if len(c.tail) > 2*c.last { // twice, so that it is moved seldom
		c.tail = append(c.tail[:0], c.tail[len(c.tail)-c.last:]...)
	}
	if c.size > c.most {
		return len(p), errFlooded
	}
	return len(p), nil
}

// text is what was kept; a line of its own stands for what was not.
func (c *capture) text() string {
	tail := c.tail[max(0, len(c.tail)-c.last):]
	if c.size > int64(len(c.head)+len(tail)) {
		return string(c.head) + "\n…\n" + string(tail)
	}
	return string(c.head) + string(tail)
}

// letGo is how long a process that has ended may still be heard: what escaped
// from its process group may hold the pipe open for ever.
const letGo = time.Second

// A stream is one output of a process and what is kept of it.
type stream struct {
	r, w *os.File
	kept capture
	done chan struct{} // closed when nothing more is read
}

func newStream(keep capture) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stream{r: r, w: w, kept: keep, done: make(chan struct{})}, nil
}

// read begins to read, once the process has the other end. It calls flooded if
// there is too much.
func (s *stream) read(flooded func()) {
	s.w.Close()
	go func() {
		defer close(s.done)
		if _, err := io.Copy(&s.kept, s.r); errors.Is(err, errFlooded) {
			flooded()
		}
	}()
}

// finish returns when all that a process that has ended wrote is read.
func (s *stream) finish() string {
	_ = s.r.SetReadDeadline(time.Now().Add(letGo)) // where pipes have none, the end of the last writer ends it
	<-s.done
	s.r.Close()
	return s.kept.text()
}

// abandon closes both ends for a process that never started.
func (s *stream) abandon() {
	s.r.Close()
	s.w.Close()
}
