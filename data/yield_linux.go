package data

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// yieldToTraining gives the calling goroutine a thread of low priority. The
// training step's threads wait for each other hundreds of times a step: one
// that loses its core to a decoder holds up all of them, while decoding can
// just as well fill the gaps.
func yieldToTraining() {
	runtime.LockOSThread()
	// Where the system does not allow it, training is only slower.
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 19)
}
