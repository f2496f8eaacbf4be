package table

import (
	"syscall"
	"unsafe"
)

// advise asks the kernel for huge pages under lines that were not written yet:
// a question reads one line anywhere among them, and most of its time would be
// the look-up of the page. A kernel that does not give them costs speed, no more.
func advise(lines []line) {
	const page = 2 << 20
	b := unsafe.Slice((*byte)(unsafe.Pointer(&lines[0])), len(lines)*int(unsafe.Sizeof(lines[0])))
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	if len(b) < skip+page {
		return
	}
	b = b[skip : skip+(len(b)-skip)/page*page]
	// Where memory is new the first suffices; where it was used before the
	// second puts what is there into huge pages (Linux 6.1). Both are hints.
	const hugePage, collapse = 14, 25
	_ = syscall.Madvise(b, hugePage)
	_ = syscall.Madvise(b, collapse)
}
