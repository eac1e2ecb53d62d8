package stacks

import "fmt"

// Kind sorts the reasons for which bytes are not accepted as a profile.
type Kind string

// The kinds of Error. Their text starts the error's message.
const (
	Truncated    Kind = "truncated"                 // the end is missing
	NotAProfile  Kind = "not a profile"             // something else: a web page, an archive, noise
	LegacyText   Kind = "legacy text profile"       // debug=1 output, gperftools heap and contention text
	LegacyBinary Kind = "legacy binary CPU profile" // gperftools' CPU profile
	Java         Kind = "Java profile"              // Java's own forms: heapz, contentionz, CPU, Flight Recorder
	TooLarge     Kind = "too large"                 // a Budget would be passed; Detail names it
	Malformed    Kind = "malformed profile"         // a profile, but wrong; Detail says where
	Empty        Kind = "no data"                   // nothing was measured
)

// Error is why a profile was refused. Detail is one line without control
// characters, safe to print whatever the input was.
type Error struct {
	Kind   Kind
	Detail string
}

func (e *Error) Error() string { return string(e.Kind) + ": " + e.Detail }

func fail(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}
