package fault

// statuses are the HTTP statuses of the kinds (RFC 9110 section 15). They are
// numbers here, so that the doors agree and nothing below them knows HTTP.
var statuses = map[Kind]int{
	Internal: 500, Malformed: 400, Invalid: 422, Unknown: 404,
	Denied: 403, Conflict: 409, Overloaded: 503, TooLarge: 413,
}

// Status gives the HTTP status of a kind; 500 for what is none.
func Status(k Kind) int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return statuses[Internal]
}
