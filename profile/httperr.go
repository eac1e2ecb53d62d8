package profile

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// A requestError is a request that brought no answer of use. It unwraps to an
// [Unavailable].
type requestError struct {
	*Unavailable
	status int // of HTTP; 0 if no whole answer came
	// temporary says that the same request may succeed later.
	temporary bool
	silent    bool   // the request was taken, or seemed to be, and nothing came of it in time
	text      string // the answer's first line, cleaned; "" if none
}

func (e *requestError) Unwrap() error { return e.Unavailable }

func requestErrorf(hint, format string, args ...any) *requestError {
	return &requestError{Unavailable: &Unavailable{Reason: fmt.Sprintf(format, args...), Hint: hint}}
}

const (
	hintCredentials = "give credentials: a header, a bearer token, or user:password in the URL"
	hintPprof       = `import _ "net/http/pprof" in the service and serve http.DefaultServeMux, or give the URL under which its profiles are`
	hintRestarted   = "it may have restarted; look again"
)

// refusal tells apart the statuses other than 200. The wait is above 0 where
// one retry is welcome.
func (cl *client) refusal(from string, resp *http.Response) (wait time.Duration, _ error) {
	var e *requestError
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized && cl.authorized():
		e = requestErrorf("check the credentials; tokens expire", "%s does not accept the credentials (401)", from)
	case status == http.StatusUnauthorized:
		e = requestErrorf(hintCredentials, "%s wants credentials (401)", from)
	case status == http.StatusForbidden:
		e = requestErrorf("ask for the right to read it; some services allow only certain addresses", "%s is forbidden (403)", from)
	case status == http.StatusNotFound:
		e = requestErrorf(hintMissing(from), "%s does not exist (404)", from)
	case status == http.StatusTooManyRequests:
		wait = retryAfter(resp.Header)
		e = requestErrorf("ask less often, or lift the limit for busywork", "%s limits requests (429, wait %s)", from, wait.Round(time.Second/10))
		e.temporary = true
		if wait > maxRetryAfter {
			wait = 0
		}
	case status == http.StatusServiceUnavailable:
		e = requestErrorf("the service, or what is before it, says that it cannot serve now", "%s is unavailable (503)", from)
		e.temporary = true
	case status >= 300 && status < 400:
		e = requestErrorf("a login page? "+hintCredentials, "%s redirects to %s (%d), which is not followed", from, redirectsTo(resp), status)
	default:
		e = requestErrorf("", "%s failed (%d %s)", from, status, strings.ToLower(http.StatusText(status)))
		e.temporary = status >= 500
	}
	e.status = resp.StatusCode
	e.text = firstLine(resp.Body)
	return wait, e
}

func hintMissing(from string) string {
	if strings.Contains(from, "pprof") {
		return hintPprof
	}
	return "give the URL under which the service has it"
}

func redirectsTo(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return where(u)
}

// firstLine is the first line of an error page, fit to be shown.
func firstLine(r io.Reader) string {
	head, _ := io.ReadAll(io.LimitReader(r, 512))
	if identify(head) == "an HTML page" {
		return ""
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	return printable(redactText(string(line)), 160)
}

// explain turns what net/http reports into one line that names the URL, and a
// hint. got is how many bytes of the answer had come.
func explain(ctx context.Context, from string, err error, took time.Duration, got int) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // it repeats the URL, with secrets
	}
	took = took.Round(time.Second / 10)
	if e := explainTLS(from, err); e != nil {
		return e
	}
	var e *requestError
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, errTooLarge):
		e = requestErrorf("", "%s: %s", from, err)
	case isTimeout(ctx, err) && got > 0:
		e = requestErrorf("", "%s sent %s in %s and had not finished", from, byteSize(int64(got)), took)
		e.temporary = true
	case isTimeout(ctx, err):
		e = requestErrorf("is it stopped, overloaded, or behind a firewall?", "%s did not answer within %s", from, took)
		e.temporary, e.silent = true, true
	case isDNS:
		e = requestErrorf("", "the name %s is not known", printable(dns.Name, 100))
	case errors.Is(err, syscall.ECONNREFUSED):
		e = requestErrorf("is the service running, and is this its port?", "nothing listens at %s (connection refused)", from)
	case errors.Is(err, fs.ErrNotExist):
		e = requestErrorf("is the service running?", "there is no socket at %s", from)
	case got > 0 && isCut(err):
		e = requestErrorf(hintRestarted, "%s broke off after %s", from, byteSize(int64(got)))
		e.temporary = true
	case isCut(err):
		e = requestErrorf(hintRestarted, "%s closed the connection without an answer", from)
		e.temporary = true
	default:
		e = requestErrorf("", "%s: %s", from, cause(err))
		e.temporary = got > 0
	}
	return e
}

func isTimeout(ctx context.Context, err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout() || errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// explainTLS is nil if err has nothing to do with TLS.
func explainTLS(from string, err error) error {
	const hintCA = "give the authority that signed it, or switch verification off if the network is trusted"
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	host, isHost := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isRoots := errors.AsType[x509.SystemRootsError](err)
	remote, isOp := errors.AsType[*net.OpError](err)
	_, isVerify := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return requestErrorf("use http://", "%s speaks plain http, not https", from)
	case isHost:
		return requestErrorf("use the name that the certificate is for", "%s: the certificate is not for %s", from, printable(host.Host, 100))
	case isUnknown && unknown.Cert != nil && bytes.Equal(unknown.Cert.RawIssuer, unknown.Cert.RawSubject):
		return requestErrorf(hintCA, "%s: the certificate is self-signed", from)
	case isUnknown, isRoots:
		return requestErrorf(hintCA, "%s: the certificate is not signed by a known authority", from)
	case isInvalid && invalid.Reason == x509.Expired:
		return requestErrorf("renew it; check this machine's clock", "%s: the certificate has expired or is not yet valid", from)
	case isInvalid, isVerify:
		return requestErrorf("", "%s: the certificate is not valid", from)
	case isOp && remote.Op == "remote error": // how crypto/tls wraps an alert
		return requestErrorf("does it want a client certificate?", "%s refused the TLS connection: %s", from, cause(remote))
	}
	return nil
}

// cause is an error's innermost text in lower case on one line: the layers
// around it repeat addresses and URLs.
func cause(err error) string {
	switch op, path := (*net.OpError)(nil), (*fs.PathError)(nil); {
	case errors.As(err, &op) && op.Err != nil:
		err = op.Err
	case errors.As(err, &path):
		err = path.Err
	}
	text := printable(redactText(err.Error()), 200)
	if len(text) > 1 && text[1] >= 'a' && text[1] <= 'z' {
		text = strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// identify says what a body is, when it is not what was asked for.
func identify(body []byte) string {
	text := bytes.TrimSpace(body[:min(len(body), 1024)])
	low := bytes.ToLower(text)
	switch {
	case len(body) == 0:
		return "nothing"
	case bytes.HasPrefix(low, []byte("<!doctype html")), bytes.HasPrefix(low, []byte("<html")),
		bytes.HasPrefix(low, []byte("<")) && bytes.Contains(low, []byte("<body")):
		return "an HTML page"
	case bytes.HasPrefix(text, []byte("<")):
		return "XML"
	case isGzip(body):
		return "gzip data"
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return "JSON"
	case isText(body[:min(len(body), 1024)]):
		return "text"
	}
	return "unknown binary data"
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

// isText allows an incomplete last rune, since b may be the head of more.
func isText(b []byte) bool {
	for _, ch := range b {
		if ch < ' ' && ch != '\n' && ch != '\r' && ch != '\t' || ch == 0x7f {
			return false
		}
	}
	return bytes.Count(bytes.ToValidUTF8(b, []byte{0}), []byte{0}) <= 1
}

// notThat is the error for an answer that is something else.
func notThat(a *answer, wanted string) error {
	is := identify(a.body)
	hint := ""
	switch is {
	case "an HTML page":
		hint = "a login page? " + hintCredentials
	case "nothing":
		return requestErrorf("", "%s sent an empty answer instead of %s", a.from, wanted)
	}
	return requestErrorf(hint, "%s is not %s: it sent %s", a.from, wanted, is)
}
