package train

import (
	"encoding/json"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"cone/tensor"
	"cone/weights"
)

// Environment is where and with what a run was trained, or the last part of a
// run that was resumed.
type Environment struct {
	Cone      string `json:"cone,omitempty"` // revision of this program
	Go        string `json:"go"`
	Torch     string `json:"libtorch"`
	System    string `json:"system"`              // as linux/amd64
	Processor string `json:"processor,omitempty"` // its name, where the system tells
	Cores     int    `json:"cores"`
	Threads   int    `json:"threads"` // of each process
	Processes int    `json:"processes"`
	Device    string `json:"device"`
	Precision string `json:"precision"` // of the network's arithmetic
}

// environmentFile is its name in a run's folder.
const environmentFile = "environment.json"

// environment describes this process's part.
func (r *run) environment() Environment {
	e := Environment{
		Go: runtime.Version(), Torch: tensor.TorchVersion(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Processor: processor(), Cores: runtime.NumCPU(), Threads: r.engine.Threads, Processes: r.engine.group().Size(),
		Device: r.engine.Device.String(), Precision: r.precision.Compute.String(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				e.Cone = s.Value
			}
		}
	}
	return e
}

// processor is the name of the processor on Linux, else "".
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// writeEnvironment keeps it in the run's folder.
func (r *run) writeEnvironment() error {
	return weights.WriteFileAtomic(r.folder.file(environmentFile), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r.environment())
	})
}
