package profile

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The little of the Redis protocol (RESP2) that reading a server's statistics
// takes. A general client would make it a matter of trust which commands are
// sent, and allocates whatever size a server announces: one line of 17 bytes
// ends the program.

// A redisCommand is one that may be sent. These are all: each reads, and each
// takes the same short time however much the server holds.
type redisCommand string

const (
	redisAuth   redisCommand = "AUTH"
	redisSelect redisCommand = "SELECT" // for this connection only
	redisInfo   redisCommand = "INFO"
	redisType   redisCommand = "TYPE"
	redisLLen   redisCommand = "LLEN"
	redisZCard  redisCommand = "ZCARD"
	redisXLen   redisCommand = "XLEN"
	redisSCard  redisCommand = "SCARD"
	redisHLen   redisCommand = "HLEN"
)

// maxRedisReply bounds one reply. INFO with all sections is 8 to 30 KB; a server
// with thousands of error and command kinds stays under a megabyte.
const maxRedisReply = 4 << 20

// A redisCall is one command with its arguments.
type redisCall struct {
	command redisCommand
	args    []string
}

// A redisReply is what came for a call: a text, a number or an error.
type redisReply struct {
	text   string
	number int64
	err    error // a redisError if the server refused the call
}

// A redisError is the server's refusal, as "NOAUTH Authentication required."
type redisError string

func (e redisError) Error() string { return printable(redactText(string(e)), 160) }

// is compares the first word, by which Redis tells errors apart.
func (e redisError) is(code string) bool {
	word, _, _ := strings.Cut(string(e), " ")
	return word == code
}

// A respConn is a connection to a Redis server.
type respConn struct {
	conn net.Conn
	in   *bufio.Reader
}

// dialResp connects to redis://, rediss:// or unix://PATH. It sends nothing.
func dialResp(ctx context.Context, u *url.URL) (*respConn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	var conn net.Conn
	var err error
	switch u.Scheme {
	case "redis":
		conn, err = dialer.DialContext(ctx, "tcp", redisAddress(u))
	case "rediss":
		t := tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		conn, err = t.DialContext(ctx, "tcp", redisAddress(u))
	case "unix":
		conn, err = dialer.DialContext(ctx, "unix", u.Path)
	}
	if err != nil {
		return nil, err
	}
	return &respConn{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func redisAddress(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "6379"
	}
	return net.JoinHostPort(host, port)
}

// do sends all calls at once and reads a reply for each. An error is one of the
// connection, which is of no use any more.
func (r *respConn) do(ctx context.Context, calls ...redisCall) ([]redisReply, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		r.conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { r.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var out []byte
	for _, c := range calls {
		out = appendCall(out, c)
	}
	if _, err := r.conn.Write(out); err != nil {
		return nil, err
	}
	replies := make([]redisReply, 0, len(calls))
	for range calls {
		reply, err := r.reply()
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

func appendCall(out []byte, c redisCall) []byte {
	out = fmt.Appendf(out, "*%d\r\n$%d\r\n%s\r\n", 1+len(c.args), len(c.command), c.command)
	for _, a := range c.args {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(a), a)
	}
	return out
}

// errNotRedis: what answers speaks something else.
var errNotRedis = errors.New("not the Redis protocol")

// reply reads one reply. None of the commands is answered with an array.
func (r *respConn) reply() (redisReply, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return redisReply{}, errNotRedis
	}
	if err != nil {
		return redisReply{}, err
	}
	text := strings.TrimSuffix(string(line), "\r\n")
	if text == "" {
		return redisReply{}, errNotRedis
	}
	switch kind, rest := text[0], text[1:]; kind {
	case '+':
		return redisReply{text: rest}, nil
	case '-':
		return redisReply{err: redisError(rest)}, nil
	case ':':
		n, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return redisReply{}, errNotRedis
		}
		return redisReply{number: n}, nil
	case '$':
		return r.bulk(rest)
	}
	return redisReply{}, errNotRedis
}

func (r *respConn) bulk(size string) (redisReply, error) {
	n, err := strconv.ParseInt(size, 10, 64)
	switch {
	case err != nil || n < -1:
		return redisReply{}, errNotRedis
	case n == -1:
		return redisReply{}, nil
	case n > maxRedisReply:
		return redisReply{}, fmt.Errorf("a reply is larger than %s", byteSize(maxRedisReply))
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, data); err != nil {
		return redisReply{}, err
	}
	return redisReply{text: string(data[:n])}, nil
}
