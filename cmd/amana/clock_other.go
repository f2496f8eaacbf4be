//go:build !linux

package main

// clock cannot be looked at here.
func (d *doctor) clock() {
	d.say("clock", careful, "this system does not say whether it is kept right", "let it keep time by NTP")
}
