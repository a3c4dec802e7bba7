// Package native prepares the process for its native libraries.
package native

import (
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/cpu"
)

// Tune sets what the native libraries read once, when they are loaded, and
// starts the program again with it: by the time Go's main runs they are loaded
// already. What the user set stands. Figures: a CoNe step of ResNet-18 at
// 28×28, batch 256, on a 2-core AMD EPYC (Zen 4), libtorch 1.13.
func Tune() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	added := missing()
	if len(added) == 0 || os.Getenv(mark) != "" {
		return
	}
	environment := append(os.Environ(), mark+"=1")
	syscall.Exec(self, os.Args, append(environment, added...)) // on failure: go on, only slower
}

// mark keeps a program that cannot keep its environment from starting forever.
const mark = "CONE_TUNED"

func missing() (added []string) {
	want := [][2]string{
		// libtorch's OpenMP threads and OpenBLAS's own take turns on the same
		// cores. As each waits for work it spins, by default for milliseconds,
		// and keeps the other from computing: 560 ms a step, 345 with these.
		{"GOMP_SPINCOUNT", "5000"},
		{"OPENBLAS_THREAD_TIMEOUT", "10"},
		// c10d of PyTorch 2 warns with C++ frames when a peer goes; whoever
		// trains is told that in a sentence.
		{"TORCH_CPP_LOG_LEVEL", "ERROR"},
	}
	// OpenBLAS 0.3.21 takes its AVX2 kernels on AMD processors that have
	// AVX-512; the SkylakeX kernels are up to 1.7 times as fast there.
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		want = append(want, [2]string{"OPENBLAS_CORETYPE", "SkylakeX"})
	}
	for _, w := range want {
		if _, set := os.LookupEnv(w[0]); set || w[0] == "GOMP_SPINCOUNT" && os.Getenv("OMP_WAIT_POLICY") != "" {
			continue
		}
		added = append(added, strings.Join(w[:], "="))
	}
	return added
}
