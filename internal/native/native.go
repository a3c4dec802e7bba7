// Package native prepares the process for its native libraries.
package native

import (
	"os"
	"syscall"

	"golang.org/x/sys/cpu"
)

// Tune sets what the native libraries read once, when they are
// loaded, and starts the program again with it: by the time Go's main runs
// they are loaded already.
//
// OpenBLAS 0.3.21 takes its AVX2 kernels on AMD processors that have AVX-512;
// the SkylakeX kernels are up to 1.7 times as fast there. A value that the user
// set stands.
func Tune() {
	wide := cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	if !wide || os.Getenv("OPENBLAS_CORETYPE") != "" {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	// The variable is set now, so the second start comes past here.
	environment := append(os.Environ(), "OPENBLAS_CORETYPE=SkylakeX")
	syscall.Exec(self, os.Args, environment) // on failure: go on, only slower
}
