package train

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"cone/dist"
	"cone/method"
	"cone/tensor"
)

// maxThreads keeps a mistyped number from taking all memory.
const maxThreads = 1024

// Engine is where and with how many threads a run computes. It does not
// belong to the recipe: it changes the numbers' last digits only.
type Engine struct {
	Device  tensor.Device
	Threads int
	// Group is the processes that train together; nil is this one alone.
	Group *dist.Group
	// Build tells builds of the program apart, which must not train together.
	Build string
	// Workers prepare batches where the recipe does not say how many; 0 means
	// one per core. Processes on one machine share its cores.
	Workers int
	// Redirect, where it is not nil, is called in ranks other than 0 with the
	// file that takes what they have to say, once the run's folder is known.
	Redirect func(path string) error
}

// NewEngine takes a device ("cpu", "cuda" or "cuda:1") and a number of threads
// (0: what OMP_NUM_THREADS says, or one per core).
func NewEngine(device string, threads int) (Engine, error) {
	e := Engine{Device: tensor.CPU, Threads: threads}
	if threads < 0 || threads > maxThreads {
		return e, fmt.Errorf("%d threads are impossible: give 0 for one per core, or a number up to %d", threads, maxThreads)
	}
	if threads == 0 {
		e.Threads, _ = strconv.Atoi(os.Getenv("OMP_NUM_THREADS"))
	}
	if e.Threads <= 0 || e.Threads > maxThreads {
		e.Threads = runtime.NumCPU()
	}
	kind, number, hasNumber := strings.Cut(device, ":")
	switch {
	case device == "cpu" || device == "":
		return e, nil
	case kind != "cuda":
		return e, fmt.Errorf("device %q is unknown: choose cpu, cuda or cuda:N", device)
	case !tensor.HasCUDA():
		return e, fmt.Errorf("device %q cannot be used: libtorch %s as built here sees no GPU; choose cpu, or build with TORCH_DIR at a PyTorch with CUDA", device, tensor.TorchVersion())
	}
	index := 0
	if hasNumber {
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 {
			return e, fmt.Errorf("device %q is unknown: choose cpu, cuda or cuda:N", device)
		}
		index = i
	}
	e.Device = tensor.CUDA(index)
	return e, nil
}

// Prepare sets up the calling thread; call it inside tensor.Run.
func (e Engine) Prepare() {
	if e.Device.IsCPU() {
		limitMemory()
	}
	tensor.SetThreads(e.Threads)
	tensor.FlushDenormals(true)
}

// HasFastBFloat16 says whether the device has instructions for bfloat16
// products; without them bfloat16 costs time instead of saving it.
func (e Engine) HasFastBFloat16() bool {
	return !e.Device.IsCPU() || cpu.X86.HasAVX512BF16 || cpu.X86.HasAMXBF16
}

// Precision resolves a recipe's precision: what weights and losses are kept
// in, and what the networks compute in.
func (e Engine) Precision(name string) (weights tensor.DType, p method.Precision) {
	p = method.Precision{Device: e.Device, Compute: tensor.Float32}
	switch {
	case name == "float64":
		p.Compute = tensor.Float64
		return tensor.Float64, p
	case name == "bfloat16", name == "auto" && e.HasFastBFloat16():
		p.Compute = tensor.BFloat16
	}
	return tensor.Float32, p
}
