package cookie

import "time"

// Own is a cookie that the product's own pages set beside the one of the choices.
// Each has its row in the notice (A8), and none is set that has not. It holds a
// random token or one bit, and nothing about the person.
type Own struct {
	Name string        // without Prefix
	Life time.Duration // at most, since it was set; 0: until the browser is closed
}

// Prefix stands before these names over https: by it browsers hold a cookie to
// its one host (RFC 6265bis section 4.1.3.2).
const Prefix = "__Host-"

// The cookies of the product's own pages.
var (
	Session = Own{"me", 0}                       // who is signed in
	Code    = Own{"me-code", 15 * time.Minute}   // which message a sign-in waits for
	Passkey = Own{"me-passkey", 5 * time.Minute} // the challenge that a passkey answers
	Age     = Own{"age", 0}                      // whether to go on after the years of birth
	Asks    = Own{"asks", 15 * day}              // a browser that waits for a parent
)
