package profile

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// canary stands for the secret in the tables below. It has the characters that
// passwords have and parsers stumble over.
const canary = "k4nary;X,y$9"

// plain is a secret that may stand where the characters of canary may not.
const plain = "c4n4ry0123456789abcdef"

func TestRedactText(t *testing.T) {
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ" + plain + "In0.c2lnbmF0dXJl" + plain
	for _, test := range []struct{ in, want string }{
		// User-info of URLs and connection strings.
		{"dial http://ann:" + canary + "@host:8080/x: refused", "dial http://[cut]@host:8080/x: refused"},
		{"postgres://svc:" + canary + "@db/jobs?sslmode=off", "postgres://[cut]@db/jobs?sslmode=off"},
		{"redis://:" + canary + "@10.0.0.1:6379/0", "redis://[cut]@10.0.0.1:6379/0"},
		{"amqp://u:p@ss" + canary + "@mq", "amqp://[cut]@mq"},
		{"mongodb://u:sl/ash" + canary + "@h1,h2/db", "mongodb://[cut]@h1,h2/db"},
		{"nats://a:" + plain + "@h1:4222,nats://b:" + plain + "@h2:4222", "nats://[cut]@h1:4222,nats://[cut]@h2:4222"},
		{"svc:" + canary + "@tcp(db:3306)/jobs", "[cut]@tcp(db:3306)/jobs"},
		{"host=db user=svc password=" + canary + " dbname=jobs", "host=db user=svc password=[cut] dbname=jobs"},
		{"Server=db;User Id=sa;Password='" + canary + "';Timeout=3", "Server=db;User Id=sa;Password='[cut]';Timeout=3"},
		{"AccountName=x;AccountKey=" + canary, "AccountName=x;AccountKey=[cut]"},
		// Headers.
		{"Authorization: Basic " + canary + "\nAccept: */*", "Authorization: [cut]\nAccept: */*"},
		{`map[Authorization:[Bearer ` + canary + `] Host:[h]]`, "map[Authorization:[cut]"},
		{"Cookie: sid=" + canary + "; b=" + canary, "Cookie: [cut]"},
		{"got Bearer " + canary + " from you", "got Bearer [cut] from you"},
		// Shapes.
		{"invalid token in " + jwt + " here", "invalid token in [cut] here"},
		{"key AKIAC4N4RY0123456789 is gone", "key [cut] is gone"},
		{"seed SUA" + strings.Repeat("C4N4RYQ", 7) + "ABCDEF", "seed [cut]"},
		{"pushed with ghp_" + plain + plain, "pushed with [cut]"},
		{"-----BEGIN RSA PRIVATE KEY-----\n" + plain + "\n-----END RSA PRIVATE KEY-----\nok", "[cut]\nok"},
		{"-----BEGIN PRIVATE KEY-----\n" + plain, "[cut]"},
		{"hash $2a$10$" + plain + " differs", "hash [cut] differs"},
		// Names.
		{"password=" + canary, "password=[cut]"},
		{"PASSWD: " + canary, "PASSWD: [cut]"},
		{"client_secret = " + canary + " x", "client_secret = [cut] x"},
		{"?token=" + plain + "&page=2", "?token=[cut]&page=2"},
		{"x-api-key: " + canary, "x-api-key: [cut]"},
		{"apiKey=" + canary, "apiKey=[cut]"},
		{"AWS_SECRET_ACCESS_KEY=" + canary, "AWS_SECRET_ACCESS_KEY=[cut]"},
		{"access_key => " + canary, "access_key => [cut]"},
		{`{"password":"a b \" ` + canary + `","n":1}`, `{"password":"[cut]","n":1}`},
		{`{"db.password": "` + canary, `{"db.password": "[cut]`},
		{`"{\"password\":\"` + canary + `\",\"n\":1}"`, `"{\"password\":\"[cut]\",\"n\":1}"`},
		{"{'passphrase': '" + canary + "'}", "{'passphrase': '[cut]'}"},
		{"b=password%3D" + canary, "b=password%3D[cut]"},
		{"user[password]=" + canary, "user[password]=[cut]"},
		{"password=\"a\"" + canary, "password=[cut]"},
		{"token " + plain + " was refused", "token [cut] was refused"},
		{"requirepass " + canary, "requirepass [cut]"},
		{"run --db-password " + canary + " -v", "run --db-password [cut] -v"},
		{"panic: password:" + canary + "\n\ngoroutine 1", "panic: password:[cut]\n\ngoroutine 1"},
		// Nothing to cut.
		{"", ""},
		{"open /srv/app: no such file or directory", "open /srv/app: no such file or directory"},
		{"GET http://127.0.0.1:8080/debug/pprof/@x: 404", "GET http://127.0.0.1:8080/debug/pprof/@x: 404"},
		{"http://[::1]:6060/a@b", "http://[::1]:6060/a@b"},
		{"bypass=1 compass=2 author=ann monkey=3", "bypass=1 compass=2 author=ann monkey=3"},
		{"401: missing bearer token", "401: missing bearer token"},
		{"the token has expired", "the token has expired"},
		{"Authorization failed for user", "Authorization failed for user"},
	} {
		got := redactText(test.in)
		if got != test.want {
			t.Errorf("redactText(%q)\n got %q\nwant %q", test.in, got, test.want)
		}
		if strings.Contains(got, canary) || strings.Contains(got, plain) {
			t.Errorf("redactText(%q) = %q holds the secret", test.in, got)
		}
		if again := redactText(got); again != got {
			t.Errorf("redactText(%q): a second time gives %q", test.in, again)
		}
	}
}

func TestRedactCommand(t *testing.T) {
	for _, test := range []struct{ in, want []string }{
		{[]string{"srv", "--password", canary, "-v"}, []string{"srv", "--password", cut, "-v"}},
		{[]string{"srv", "--token", canary}, []string{"srv", "--token", cut}},
		{[]string{"srv", "-api-key", "-" + canary}, []string{"srv", "-api-key", cut}},
		{[]string{"srv", "--redis-password=" + canary + " and more"}, []string{"srv", "--redis-password=[cut]"}},
		{[]string{"redis-cli", "-h", "db", "-a", canary, "info"}, []string{"redis-cli", "-h", "db", "-a", cut, "info"}},
		{[]string{"sudo", "/usr/bin/redis-cli", "-a", canary}, []string{"sudo", "/usr/bin/redis-cli", "-a", cut}},
		{[]string{"env", "PGPASSWORD=" + canary, "psql"}, []string{"env", "PGPASSWORD=[cut]", "psql"}},
		{[]string{"mysql", "-u", "root", "-p" + canary, "jobs"}, []string{"mysql", "-u", "root", "-p[cut]", "jobs"}},
		{[]string{"mysql", "-p", "jobs"}, []string{"mysql", "-p", "jobs"}},
		{[]string{"sshpass", "-p", canary, "ssh", "h"}, []string{"sshpass", "-p", cut, "ssh", "h"}},
		{[]string{"curl", "-u", "ann:" + canary, "http://h"}, []string{"curl", "-u", cut, "http://h"}},
		{[]string{"curl", "-H", "Authorization: Basic " + canary}, []string{"curl", "-H", "Authorization: [cut]"}},
		{[]string{"worker", "redis://:" + canary + "@h:6379/0"}, []string{"worker", "redis://[cut]@h:6379/0"}},
		{[]string{"worker", "--broker=amqp://u:" + canary + "@h//"}, []string{"worker", "--broker=amqp://[cut]@h//"}},
		{[]string{"sh", "-c", "PGPASSWORD=" + canary + " psql; redis-cli -a " + canary + " ping"},
			[]string{"sh", "-c", "PGPASSWORD=[cut] psql; redis-cli -a [cut] ping"}},
		{[]string{"redis-server", "--requirepass", canary}, []string{"redis-server", "--requirepass", cut}},
		{[]string{"openssl", "rsa", "-passin", "pass:" + canary}, []string{"openssl", "rsa", "-passin", cut}},
		{[]string{"nginx", "-p", "8080", "\x1b[2Jx"}, []string{"nginx", "-p", "8080", "[2Jx"}},
		{[]string{"srv", "--password"}, []string{"srv", "--password"}},
		{nil, []string{}},
	} {
		given := slices.Clone(test.in)
		got := redactCommand(test.in)
		if !slices.Equal(got, test.want) {
			t.Errorf("redactCommand(%q)\n got %q\nwant %q", test.in, got, test.want)
		}
		if !slices.Equal(given, test.in) {
			t.Errorf("redactCommand(%q) changed its argument to %q", given, test.in)
		}
		if again := redactCommand(got); !slices.Equal(again, got) {
			t.Errorf("redactCommand(%q): a second time gives %q", got, again)
		}
	}
}

func TestRedactCommandLine(t *testing.T) {
	for in, want := range map[string]string{
		"celery -A app worker --broker redis://:" + canary + "@h/0": "celery -A app worker --broker redis://[cut]@h/0",
		`env SECRET="` + canary + ` two" redis-cli  -a ` + canary:   `env SECRET=[cut] redis-cli -a [cut]`,
		"python3 -m celery beat":                                    "python3 -m celery beat",
	} {
		if got := redactCommandLine(in); got != want {
			t.Errorf("redactCommandLine(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://ann:" + canary + "@h:8080/debug/pprof/":       "http://h:8080/debug/pprof/",
		"https://h/x?seconds=5&api_key=" + plain + "&b=%20":   "https://h/x?seconds=5&api_key=[cut]&b=%20",
		"https://h/x?pass%77ord=" + plain:                     "https://h/x?pass%77ord=[cut]",
		"https://h/x?X-Amz-Signature=" + plain:                "https://h/x?X-Amz-Signature=[cut]",
		"https://h/#access_token=" + plain + "&a=b":           "https://h/#access_token=[cut]&a=b",
		"ann:" + canary + "@h:6379":                           "h:6379",
		"redis://u:sl/ash" + canary + "@h":                    "redis://[cut]@h",
		"nats://a:" + plain + "@h1,nats://b:" + plain + "@h2": "nats://h1,nats://[cut]@h2",
		"unix:/run/app.sock":                                  "unix:/run/app.sock",
		"http://h/?q":                                         "http://h/?q",
		"":                                                    "",
	} {
		got := redactURL(in)
		if got != want {
			t.Errorf("redactURL(%q)\n got %q\nwant %q", in, got, want)
		}
		if again := redactURL(got); again != got && !strings.Contains(got, cut+"@") {
			t.Errorf("redactURL(%q): a second time gives %q", got, again)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"jobs":                            "jobs",
		"größe 日本 🙂":                      "größe 日本 🙂",
		"a\tb\nc\rd":                      "a b c d",
		"\x1b]52;c;aGk=\x07x":             "]52;c;aGk=x",
		"\u009b31mred\u0085":              "31mred",
		"a\x7fb\x00c":                     "abc",
		"\u202egnp.exe\u2066\u200f":       "gnp.exe",
		"zero\u200bwidth\ufeff":           "zerowidth",
		"line\u2028para\u2029":            "line para ",
		"bad\xff\xc3(":                    "bad\ufffd\ufffd(",
		"\xed\xa0\x80 surrogate \xc0\x80": "\ufffd\ufffd\ufffd surrogate \ufffd\ufffd",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31m\u202ex\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		if Clean(got) != got {
			t.Errorf("Clean(%q) is not stable", s)
		}
	})
}

// FuzzRedact plants a secret behind arbitrary text, in each of the places that
// secrets are found in, and looks for it in what comes out.
func FuzzRedact(f *testing.F) {
	for _, before := range []string{"", "x ", "dial tcp: ", "a=b&", "{\"", "//u@", "'", "\\\"", "a:", "eyJ", "token ", "b://"} {
		f.Add(before, "")
		f.Add(before, " after")
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before, plain) || strings.Contains(after, plain) {
			t.Skip("the secret is there already")
		}
		for _, planted := range []string{
			" password=" + plain,
			" postgres://svc:" + plain + "@db/jobs",
			" Bearer " + plain,
			"\nAuthorization: Basic " + plain,
			" --token " + plain,
			` {"secret":"` + plain + `"`,
			" eyJhbGciOiJSUzI1NiJ9." + plain,
		} {
			text := before + planted + " " + after
			got := redactText(text)
			if strings.Contains(got, plain) {
				t.Errorf("redactText(%q) = %q", text, got)
			}
			if again := redactText(got); again != got {
				t.Errorf("redactText(%q)\n  = %q,\nthen %q", text, got, again)
			}
		}
		redactURL(before + after)
		redactCommand([]string{before, after})
	})
}

// BenchmarkRedactCommand is what a process costs when it is first seen.
func BenchmarkRedactCommand(b *testing.B) {
	args := strings.Fields("/usr/bin/python3 -m celery -A shop.tasks worker --loglevel=INFO --concurrency 8 " +
		"--broker redis://:" + plain + "@10.0.0.12:6379/0 -n mail@%h -Q mail,newsletter --max-tasks-per-child=100")
	for b.Loop() {
		redactCommand(args)
	}
}

func TestCleanLine(t *testing.T) {
	for line, want := range map[string]string{
		"  a\tb\x1b[31m \n":                "a b[31m",
		"":                                 "",
		strings.Repeat("x", shownBytes):    strings.Repeat("x", shownBytes),
		strings.Repeat("x", shownBytes+1):  strings.Repeat("x", shownBytes) + "…",
		"x" + strings.Repeat("é", 200):     "x" + strings.Repeat("é", 119) + "…",
		strings.Repeat(" ", 2000) + "late": "",
	} {
		if got := CleanLine(line); got != want {
			t.Errorf("%.40q: got %q, want %q", line, got, want)
		}
	}
}
