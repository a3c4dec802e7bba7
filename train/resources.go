package train

import (
	"runtime"
	"syscall"
)

// peakMemory is the largest resident memory of this process so far, in bytes;
// 0 where the system does not tell.
func peakMemory() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" { // in bytes there, in kibibytes elsewhere
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
