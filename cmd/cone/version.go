package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"cone/internal/native"
	"cone/report"
	"cone/tensor"
	"cone/train"
)

// version is what a bug report should carry.
type version struct {
	Cone          string   `json:"cone"`
	Go            string   `json:"go"`
	Torch         string   `json:"libtorch"`
	CPUCapability string   `json:"cpu_capability"`
	CPUFeatures   []string `json:"cpu_features"`
	Cores         int      `json:"cores"`
	Threads       int      `json:"threads"`
	CUDA          bool     `json:"cuda"`
	Precision     string   `json:"default_precision"`
	Allocator     string   `json:"allocator"`
	OpenBLASCore  string   `json:"openblas_coretype,omitempty"`
	TorchBuild    string   `json:"libtorch_build"`
}

func newVersion() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Show versions, libraries, CPU features and threads",
		Example: `  cone version
  cone version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v, err := currentVersion()
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(v)
			}
			t := report.NewTable("cone", v.Cone)
			t.Row("go", v.Go)
			t.Row("libtorch", v.Torch)
			t.Row("libtorch's CPU kernels", v.CPUCapability)
			t.Row("CPU features", strings.Join(v.CPUFeatures, " "))
			t.Row("cores, threads", fmt.Sprintf("%d, %d", v.Cores, v.Threads))
			t.Row("memory allocator", v.Allocator)
			t.Row("CUDA", v.CUDA)
			t.Row("default precision", v.Precision)
			_, err = t.WriteTo(os.Stdout)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func currentVersion() (v version, err error) {
	engine, err := train.NewEngine("cpu", 0)
	if err != nil {
		return v, err
	}
	v = version{
		Go: runtime.Version(), Torch: tensor.TorchVersion(), Cores: runtime.NumCPU(),
		CUDA: tensor.HasCUDA(), Precision: "float32", OpenBLASCore: os.Getenv("OPENBLAS_CORETYPE"),
		CPUFeatures: cpuFeatures(), CPUCapability: tensor.CPUCapability(), TorchBuild: tensor.BuildInfo(),
		Allocator: native.Allocator(),
	}
	if engine.HasFastBFloat16() {
		v.Precision = "bfloat16"
	}
	v.Cone = revision()
	err = tensor.Run(func() error {
		engine.Prepare()
		v.Threads = tensor.Threads()
		return nil
	})
	return v, err
}

// revision is that of the sources the program was built from.
func revision() string {
	out := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				out = s.Value
			}
			if s.Key == "vcs.modified" && s.Value == "true" {
				out += ", modified"
			}
		}
	}
	return out
}

func cpuFeatures() []string {
	var out []string
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F},
		{"avx512vl", cpu.X86.HasAVX512VL}, {"avx512bf16", cpu.X86.HasAVX512BF16}, {"amx_bf16", cpu.X86.HasAMXBF16},
		{"asimd", cpu.ARM64.HasASIMD},
	} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}
