package main

import "syscall"

// unsynchronised is the kernel's word that nobody sets its clock (adjtimex(2)).
const unsynchronised = 0x40

// clock looks whether this machine's clock is kept right: times stand in receipts.
func (d *doctor) clock() {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		d.say("clock", careful, "the kernel does not say whether it is kept right", "let it keep time by NTP")
		return
	}
	if t.Status&unsynchronised != 0 {
		d.say("clock", careful, "nobody keeps it right: times stand in receipts, and in what they prove", "timedatectl set-ntp true, or chrony")
		return
	}
	d.say("clock", well, "is kept right", "")
}
