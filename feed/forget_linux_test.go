package feed_test

import (
	"os"
	"syscall"
)

// forget has the kernel drop what it keeps of a file in memory, so that it is read
// from the disk. It is a hint.
func forget(f *os.File) {
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
}
