package profile

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Command lines, error texts, URLs and logs of a target hold passwords. What is
// never kept cannot leak from a report, a capture or a bug ticket, so secrets
// are cut here, before anything reaches a Capture. Where it is not clear how
// far a secret goes, more is cut rather than less.

// cut stands where a secret was.
const cut = "[cut]"

// secretWords are in the names of flags, environment variables, JSON members
// and query parameters whose value is a secret. Names are compared in lower
// case and without what separates their parts.
var secretWords = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "signature", "sessionid", "jwt",
	"apikey", "accesskey", "privatekey", "accountkey", "signingkey", "encryptionkey", "sharedkey",
	"requirepass", "masterauth", "primaryauth", "dbpass", "userpass", "keypass", "storepass", "sshpass",
}

// lastWords only count as the last part of a name, or "bypass", "compass" and
// "monkey" would be secrets.
var lastWords = []string{"pass", "auth", "sig", "pw", "bearer", "nkey", "passin", "passout"}

var noSeparators = strings.NewReplacer("-", "", "_", "", ".", "")

// isSecretName says whether what has this name is a secret.
func isSecretName(name string) bool {
	name = strings.ToLower(name)
	last := name[strings.LastIndexAny(name, "-_.")+1:]
	if slices.Contains(lastWords, last) {
		return true
	}
	name = noSeparators.Replace(name)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

// secretHeader matches headers that are cut up to the end of the line, because
// their values have blanks and quotes inside.
var secretHeader = regexp.MustCompile(`(?i)^-*(proxy-)?authorization$|^-*(set-)?cookie$`)

// secretShape matches credentials that can be told by how they look.
var secretShape = regexp.MustCompile(strings.Join([]string{
	`eyJ[\w-]{8,}[\w.=-]*`,              // JWT: base64 of `{"`
	`\b(AKIA|ASIA)[0-9A-Z]{12,}`,        // AWS access key
	`\bAIza[\w-]{30,}`,                  // Google API key
	`\bgh[pousr]_\w{16,}`,               // GitHub
	`\bgithub_pat_\w{16,}`,              // GitHub
	`\bglpat-[\w-]{16,}`,                // GitLab
	`\bxox[abeoprs]-[\w-]{10,}`,         // Slack
	`\b[sr]k_(live|test)_\w{10,}`,       // Stripe
	`\bsk-[\w-]{20,}`,                   // OpenAI and others
	`\bS[ACNOUX][A-Z2-7]{56}\b`,         // NATS seed
	`\$(2[abxy]?|5|6|y|argon2id?)\$\S+`, // password hash of crypt(3)
	`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*KEY-----|$)`,
}, "|"))

// shapeHints are in all that secretShape matches, but for NATS seeds, which
// have seedLength. To look for them is ten times as fast, and most texts have
// none.
var shapeHints = []string{"eyJ", "AKIA", "ASIA", "AIza", "gh", "glpat-", "xox", "k_", "sk-", "$", "-----BEGIN"}

const seedLength = 58

// bearer matches a token after the word, whatever is before it.
var bearer = regexp.MustCompile(`(?i)\bbearer\s+\S+`)

// mysqlDSN matches the user-info of Go's MySQL driver, which has no scheme.
var mysqlDSN = regexp.MustCompile(`[^\s:@/"'=]+:\S*@(tcp6?|udp|unix|cloudsql)\(`)

// redactText cuts everything from s that looks like a secret. Applied twice it
// gives the same as once.
func redactText(s string) string {
	// One cut may uncover what a rule before it would have matched. Two rounds
	// settle all real texts; what eight do not settle is hostile and goes whole.
	for range 8 {
		t := redactOnce(s)
		if t == s {
			return s
		}
		s = t
	}
	return cut
}

func redactOnce(s string) string {
	s = redactUserInfo(s)
	if strings.Contains(s, "@") {
		s = mysqlDSN.ReplaceAllString(s, cut+"@$1(")
	}
	if slices.ContainsFunc(shapeHints, func(hint string) bool { return strings.Contains(s, hint) }) || len(s) >= seedLength {
		s = secretShape.ReplaceAllString(s, cut)
	}
	if strings.Contains(strings.ToLower(s), "bearer") {
		s = bearer.ReplaceAllStringFunc(s, redactBearer)
	}
	if strings.ContainsAny(s, "=:% \t\r\n") {
		s = redactPairs(s)
	}
	return s
}

func redactBearer(match string) string {
	scheme, value := match[:len("bearer")], strings.TrimSpace(match[len("bearer"):])
	if strings.EqualFold(value, "token") || strings.EqualFold(value, "authentication") {
		return match // prose: "missing bearer token"
	}
	return scheme + " " + cut
}

// redactUserInfo cuts what stands between "://" and "@".
func redactUserInfo(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "://")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("://")
		if at := userInfoEnd(after); at >= 0 {
			b.WriteString(cut)
			after = after[at:]
		}
		s = after
	}
}

// userInfoEnd is the index of the "@" that ends the user-info with which s, the
// text behind "://", begins; -1 if it has none. It looks no further than the
// next URL, which keeps the whole linear in the length of a hostile text.
func userInfoEnd(s string) int {
	if next := strings.Index(s, "://"); next >= 0 {
		s = s[:next]
	}
	if end := strings.IndexFunc(s, endsURL); end >= 0 {
		s = s[:end]
	}
	authority := s
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		authority = s[:end]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at
	}
	// A password with an unescaped slash. "host:8080/x@y" is a path instead.
	if _, rest, ok := strings.Cut(authority, ":"); ok && strings.Trim(rest, "0123456789") != "" && authority[0] != '[' {
		return strings.LastIndexByte(s, '@')
	}
	return -1
}

func endsURL(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'`<>", r)
}

// pair matches a name and what separates it from its value: name=value,
// "name": "value", name => value, [name]=value, name%3Dvalue, --name value.
var pair = regexp.MustCompile(`([\w.-]+)(\\?["']?\]?\s*(?:=>|:=|[=:]|%3[AaDd])\s*|\s+)`)

// redactPairs cuts the values of secret names.
func redactPairs(s string) string {
	var b strings.Builder
	for {
		m := pair.FindStringSubmatchIndex(s)
		if m == nil {
			b.WriteString(s)
			return b.String()
		}
		name, separator, value := s[m[2]:m[3]], s[m[4]:m[5]], s[m[1]:]
		b.WriteString(s[:m[1]])
		if from, to := secretSpan(name, separator, value); to > from {
			b.WriteString(value[:from])
			b.WriteString(cut)
			value = value[to:]
		}
		s = value
	}
}

// secretSpan says which part of value is to be cut, if name is a secret one.
func secretSpan(name, separator, value string) (from, to int) {
	blank := strings.TrimSpace(separator) == ""
	switch {
	case secretHeader.MatchString(name) && !blank:
		if end := strings.IndexAny(value, "\r\n"); end >= 0 {
			return 0, end
		}
		return 0, len(value)
	case !isSecretName(name):
		return 0, 0
	}
	quote := openingQuote(value)
	switch {
	case quote != "":
		return quotedSpan(value, quote)
	case !blank || name[0] == '-' || namesSecretAlone(name) || looksRandom(value):
		return 0, wordEnd(value)
	}
	return 0, 0 // prose: "the token has expired"
}

// namesSecretAlone is true for the directives of redis.conf, which have
// nothing but a blank before their value.
func namesSecretAlone(name string) bool {
	switch strings.ToLower(name) {
	case "requirepass", "masterauth", "primaryauth":
		return true
	}
	return false
}

func openingQuote(value string) string {
	for _, q := range []string{`\"`, `\'`, `"`, `'`} {
		if strings.HasPrefix(value, q) {
			return q
		}
	}
	return ""
}

// quotedSpan is the inside of a quoted value, up to the end of the text if the
// closing quote is missing. What sticks to the closing quote, as a shell allows
// it, belongs to the value.
func quotedSpan(value, quote string) (from, to int) {
	from = len(quote)
	for i := from; i < len(value); i++ {
		switch {
		case strings.HasPrefix(value[i:], quote):
			rest := value[i+len(quote):]
			if rest == "" || strings.ContainsAny(rest[:1], " \t\r\n,;)}]&\"'\\") {
				return from, i
			}
			return 0, i + len(quote) + wordEnd(rest)
		case value[i] == '\\':
			i++
		}
	}
	return from, len(value)
}

// nextParameter matches the begin of the next parameter of a query.
var nextParameter = regexp.MustCompile(`^&[\w.%-]+=`)

// wordEnd is the length of the unquoted value that s begins with. Only a blank
// or the next query parameter ends it: passwords hold every other character.
func wordEnd(s string) int {
	for i, r := range s {
		if unicode.IsSpace(r) || r == '&' && nextParameter.MatchString(s[i:]) {
			return i
		}
	}
	return len(s)
}

// looksRandom tells a credential from the next word of a sentence: 16
// characters are the shortest keys in use, and words have no digits.
func looksRandom(s string) bool {
	s = s[:wordEnd(s)]
	return len(s) >= 16 && strings.ContainsAny(s, "0123456789") &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=.-") == ""
}

// shortSecrets are the one-letter flags that carry a secret, by program. "-p"
// is a port in most others.
var shortSecrets = map[string][]string{
	"redis-cli":  {"-a"},
	"valkey-cli": {"-a"},
	"keydb-cli":  {"-a"},
	"mysql":      {"-p"},
	"mysqldump":  {"-p"},
	"mysqladmin": {"-p"},
	"mariadb":    {"-p"},
	"mongo":      {"-p"},
	"mongosh":    {"-p"},
	"sshpass":    {"-p"},
	"docker":     {"-p"},
	"podman":     {"-p"},
	"curl":       {"-u", "-U", "-b", "--user", "--proxy-user"},
	"ldapsearch": {"-w"},
}

// attached lists the programs in which a short flag's value is part of the same
// argument, and never in the next one.
var attached = map[string]bool{"mysql": true, "mysqldump": true, "mysqladmin": true, "mariadb": true}

// redactCommand returns a copy of a command line with its secrets cut and
// control characters removed.
func redactCommand(args []string) []string {
	kept := make([]string, len(args))
	var short []string // secret flags of the programs named so far: "sudo redis-cli -a x"
	glued, next := false, false
	for i, arg := range args {
		arg = Clean(arg)
		if next {
			kept[i], next = cut, false
			continue
		}
		if i > 0 && takesScript(args[i-1]) {
			kept[i] = redactCommandLine(arg)
			continue
		}
		if base := path.Base(arg); shortSecrets[base] != nil {
			short, glued = shortSecrets[base], attached[base]
		}
		kept[i], next = redactArgument(arg, short, glued)
	}
	return kept
}

// takesScript is true for the "-c" of a shell, alone or with other letters: what
// follows is a command line of its own.
func takesScript(flag string) bool {
	return len(flag) >= 2 && flag[0] == '-' && flag[1] != '-' && flag[len(flag)-1] == 'c'
}

// redactArgument cuts the secrets of one argument; next says that the argument
// behind it is one.
func redactArgument(arg string, short []string, glued bool) (kept string, next bool) {
	for _, flag := range short {
		switch {
		case arg == flag:
			return arg, !glued
		case len(flag) == 2 && strings.HasPrefix(arg, flag):
			return flag + cut, false
		case strings.HasPrefix(arg, flag+"="):
			return flag + "=" + cut, false
		}
	}
	name, _, valued := strings.Cut(arg, "=")
	bare := !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == '/' || r == ':' || r == '?' })
	switch {
	case bare && valued && isSecretName(name):
		return name + "=" + cut, false // the whole rest: an argument may hold blanks
	case bare && !valued && strings.HasPrefix(arg, "-") && (isSecretName(arg) || secretHeader.MatchString(arg)):
		return arg, true
	}
	return redactText(arg), false
}

// redactCommandLine cuts the secrets of a command line that is one text. Runs
// of blanks become one.
func redactCommandLine(line string) string {
	return redactText(strings.Join(redactCommand(strings.Fields(redactText(Clean(line)))), " "))
}

// redactURL removes the user-info of a URL and cuts the values of query
// parameters with secret names. What is not a URL is treated as text.
func redactURL(raw string) string {
	raw = Clean(raw)
	if at := strings.LastIndexByte(raw, '@'); at >= 0 && !strings.Contains(raw, "://") {
		return redactText(raw[at+1:]) // user:password@host:port
	}
	u, err := url.Parse(raw)
	if err != nil {
		return redactText(raw)
	}
	u.User = nil
	u.RawQuery, u.ForceQuery = "", false
	u.RawFragment, u.Fragment = "", ""
	base := u.String()
	rest, fragment, hashed := strings.Cut(raw, "#")
	if _, query, asked := strings.Cut(rest, "?"); asked {
		base += "?" + redactQuery(query)
	}
	if hashed {
		base += "#" + redactQuery(fragment)
	}
	return redactText(base)
}

// redactQuery works on the text of the query, so that order and escaping of
// what is kept stay as they were.
func redactQuery(query string) string {
	parameters := strings.Split(query, "&")
	for i, p := range parameters {
		name, _, valued := strings.Cut(p, "=")
		plain, err := url.QueryUnescape(name)
		if valued && (err != nil || isSecretName(plain)) {
			parameters[i] = name + "=" + cut
		}
	}
	return strings.Join(parameters, "&")
}

// Clean makes text from a target safe to show on a terminal and to keep on one
// line: blanks of every kind become a space, control and format characters
// (C0, C1, DEL, bidirectional overrides, zero-width ones) are dropped, and what
// is not UTF-8 becomes U+FFFD.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unsafe(r):
			return -1
		}
		return r
	}, s)
}

// shownBytes of a line are enough for a path and what a compiler has to say of it.
const shownBytes = 240

// CleanLine is a line of somebody's output as [Clean] has it, without the blanks
// around it, and cut off where it is too long to be read.
func CleanLine(line string) string {
	line = strings.TrimSpace(Clean(line[:min(len(line), 4*shownBytes)]))
	if len(line) <= shownBytes {
		return line
	}
	end := shownBytes
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + "…"
}

func isClean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unsafe)
}

// unsafe is true for all of Unicode's control and format characters and for the
// line and paragraph separator.
func unsafe(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
