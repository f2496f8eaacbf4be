// Package fault names the kinds of error the program knows.
//
// Inner packages return a kind; only an edge (a page, the API, a verb) turns
// it into a status, a page in the reader's language or an exit code.
package fault

import (
	"errors"
	"fmt"
)

// Kind says whose move it is after an error.
type Kind int

const (
	Internal   Kind = iota // our fault; nothing the caller sent can change it
	Malformed              // cannot be read at all: 400
	Invalid                // can be read, but breaks a rule: 422
	Unknown                // what is named does not exist: 404
	Denied                 // the caller may not: 403
	Conflict               // it collides with something that stands: 409
	Overloaded             // try again later: 503
	TooLarge               // more than we take: 413
)

// Error is an error with a kind, the field at fault where there is one, and
// words that may be shown to whoever sent the input. Words never carry a
// person's data.
type Error struct {
	Kind  Kind
	Field string // path in the input, e.g. "choices[0].purpose"
	Words string // lower case, no full stop
	Err   error  // the cause, for logs; may be nil
}

// Error gives field, words and cause.
func (e *Error) Error() string {
	s := e.Words
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Words: fmt.Sprintf(format, args...)}
}

// At makes an error of a kind at a field of the input.
func At(k Kind, field, format string, args ...any) *Error {
	return &Error{Kind: k, Field: field, Words: fmt.Sprintf(format, args...)}
}

// KindOf gives the kind of the first Error in the chain, Internal where there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
