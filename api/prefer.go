package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// preferences are those of RFC 7240 that are understood here.
type preferences struct {
	minimal bool          // return=minimal
	wait    bool          // until the proof is there
	within  time.Duration // how long at most; 0 is as long as a request may take
}

// preferred reads Prefer; what is not understood is passed over, as it must be.
// The first of two contrary ones holds.
func preferred(h http.Header) preferences {
	var p preferences
	returned, waited := false, false
	for _, line := range h.Values("Prefer") {
		for item := range strings.SplitSeq(line, ",") {
			item, _, _ = strings.Cut(item, ";")
			name, value, _ := strings.Cut(item, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "return":
				if !returned {
					p.minimal, returned = value == "minimal", true
				}
			case "wait":
				if !waited {
					p.wait, p.within = waiting(value)
				}
				waited = true
			}
		}
	}
	return p
}

// waiting reads for how many seconds whoever asks would wait; 0 is not at all.
func waiting(value string) (wait bool, within time.Duration) {
	seconds, err := strconv.ParseUint(value, 10, 16)
	return err != nil || seconds > 0, time.Duration(seconds) * time.Second
}

// applied says which were followed.
func (p preferences) applied(h http.Header) {
	var list []string
	if p.minimal {
		list = append(list, "return=minimal")
	}
	if p.wait {
		list = append(list, "wait")
	}
	if len(list) > 0 {
		h.Set("Preference-Applied", strings.Join(list, ", "))
	}
}
