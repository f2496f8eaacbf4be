// Package cookie is the browser's memory of its own answer: the value of the
// one cookie that is set, named amana.
//
//	1.<revision>.0                       no to everything; the same for everybody
//	1.<revision>.<set>.<time>.<id>       yes to at least one switch
//	….u                                  either, taken back since: nothing in it
//	                                     counts, and the server has not heard yet
//
// revision is the first 8 hex digits of the version answered to; set a hex bit
// set over that version's switches, and behind them over the purposes that heed
// a Global Privacy Control signal: whether the yes was given against it. time is
// the seconds since 1970 of the oldest yes, in base 36; id the browser's random
// id. It is at most 120 bytes, read with one split, and holds neither a receipt
// nor anything about the person.
//
// The last form is written by a script, for a no has to hold before any server
// answers; the id stays in it until the server has taken the yes back.
package cookie

import (
	"strconv"
	"strings"
	"time"

	"github.com/amana-privacy/amana/fault"
	"github.com/amana-privacy/amana/policy"
	"github.com/amana-privacy/amana/subject"
)

// Name of the cookie.
const Name = "amana"

// MaxBytes bounds the value.
const MaxBytes = 120

const (
	format     = "1"
	revision   = 8 // hex digits
	timeDigits = 7 // base 36: until the year 4453
	idDigits   = 22
	untold     = ".u"
	maxSet     = MaxBytes - len(format) - revision - timeDigits - idDigits - 4 - len(untold) // hex digits
)

// MaxSwitches is how many switches one policy may have for a browser, together
// with the purposes among them that heed a signal.
const MaxSwitches = 4 * maxSet

// Cookie is what a browser remembers. A refusal has neither set nor time nor
// id: nobody can be told from it.
type Cookie struct {
	Revision string    // first 8 hex digits of the version answered to
	Set      Set       // switches with a yes; None for a refusal
	Time     time.Time // of the yes, UTC, whole seconds; zero for a refusal
	ID       string    // the browser's id (subject.DeviceOf); "" for a refusal
	Untold   bool      // taken back since: nothing counts
}

// Refused says that the browser said no to everything.
func (c Cookie) Refused() bool { return c.Set == None || c.Set == "" }

// Answers says that the cookie answers to this version.
func (c Cookie) Answers(id policy.VersionID) bool { return c.Revision == Revision(id) }

// Revision gives the part of a version's id that stands in the cookie.
func Revision(id policy.VersionID) string {
	hex := strings.TrimPrefix(string(id), "sha256:")
	return hex[:min(revision, len(hex))]
}

// Format gives the cookie's value. Of a refusal it writes nothing but the
// revision, whatever else is set.
func Format(c Cookie) string {
	end := ""
	if c.Untold {
		end = untold
	}
	if c.Refused() {
		return format + "." + c.Revision + "." + string(None) + end
	}
	return strings.Join([]string{format, c.Revision, string(c.Set), strconv.FormatInt(c.Time.Unix(), 36), c.ID}, ".") + end
}

var errValue = fault.New(fault.Malformed, "the cookie is none of ours")

// Parse reads a cookie's value. It takes only what Format writes; everything
// else is fault.Malformed, and such a browser is asked anew.
func Parse(s string) (Cookie, error) {
	if len(s) > MaxBytes {
		return Cookie{}, errValue
	}
	s, taken := strings.CutSuffix(s, untold)
	part := strings.Split(s, ".")
	if len(part) < 3 || part[0] != format || len(part[1]) != revision || !isHex(part[1]) {
		return Cookie{}, errValue
	}
	c := Cookie{Revision: part[1], Set: Set(part[2]), Untold: taken}
	if len(part) == 3 && c.Set == None {
		return c, nil
	}
	if len(part) != 5 || !c.Set.valid() {
		return Cookie{}, errValue
	}
	seconds, err := strconv.ParseInt(part[3], 36, 64)
	if err != nil || seconds <= 0 || len(part[3]) > timeDigits || strconv.FormatInt(seconds, 36) != part[3] {
		return Cookie{}, errValue
	}
	if _, err := subject.DeviceOf(part[4]); err != nil {
		return Cookie{}, errValue
	}
	c.Time, c.ID = time.Unix(seconds, 0).UTC(), part[4]
	return c, nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
