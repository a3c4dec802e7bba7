package tensor

import (
	"strings"

	"cone/tensor/internal/door"
)

// Seed starts libtorch's random streams on every device.
func Seed(seed uint64) { door.Seed(int64(seed)) }

// RandomState is the state of the device's random stream, as a byte tensor
// for SetRandomState.
func RandomState(d Device) Tensor {
	var r door.Result
	door.RandomState(d.Kind, d.Index, &r)
	if r.Error != "" {
		fail("random state", r.Error)
	}
	return Tensor{door.Handle(r.Value[0])}
}

// SetRandomState restores what RandomState returned.
func SetRandomState(d Device, state Tensor) {
	var r door.Result
	door.SetRandomState(d.Kind, d.Index, state.h, &r)
	if r.Error != "" {
		fail("set random state", r.Error)
	}
}

// SetThreads sets how many threads one operator may use on the calling
// goroutine's thread (so: inside Run).
func SetThreads(n int) { door.SetThreads(max(1, n)) }

// Threads is how many threads one operator may use.
func Threads() int { return door.Threads() }

// FlushDenormals makes the calling thread treat numbers too small for a
// normal float as zero: they are slow and carry nothing here.
func FlushDenormals(on bool) { door.FlushDenormals(on) }

// HasCUDA says whether this libtorch can use a GPU on this machine.
func HasCUDA() bool { return door.HasCUDA() }

// TorchVersion is libtorch's version, as "1.13.1".
func TorchVersion() string { return door.TorchVersion() }

// BuildInfo is libtorch's description of its build, a line per fact.
func BuildInfo() string { return door.BuildInfo() }

// CPUCapability is the widest instruction set that libtorch's own kernels
// use here, as "AVX512".
func CPUCapability() string {
	for _, line := range strings.Split(BuildInfo(), "\n") {
		if _, after, ok := strings.Cut(line, "CPU capability usage: "); ok {
			return strings.TrimSpace(after)
		}
	}
	return "default"
}

// Exists says whether this libtorch has an operator, as "aten::_fused_sgd_".
// Ask this instead of going by the version.
func Exists(full string) bool { return schema(full).exists() }
