//go:build !linux

package table

// advise does nothing where huge pages cannot be asked for.
func advise([]line) {}
