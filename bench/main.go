// Command bench times ours against other programs in turn, in one run, and
// prints a table of ratios; rows also go to bench/out/*.json. See README.md
// beside it.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"cone/report"
)

// row is one comparison, or a figure of ours alone.
type row struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Ours  float64 `json:"ours"`
	Peer  float64 `json:"peer,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
}

// compared is a row of rates, of which more is better.
func compared(name, unit string, ours, peer float64) row {
	return row{name, unit, ours, peer, ours / peer}
}

// settings are the command's flags.
type settings struct {
	turns    int
	python   string
	best     string
	bestStep string
	bin      string
	core     int
	gpuStep  float64
	latency  float64
}

// part is something to measure.
type part struct {
	family, name, about string
	run                 func(*settings) ([]row, error)
}

var parts = []part{
	{"steps", "step-a", "a CoNe step of ResNet-18 at 28×28", func(s *settings) ([]row, error) { return s.steps("a", 8, 3) }},
	{"steps", "step-b", "a CoNe step of ResNet-50 at 224×224", func(s *settings) ([]row, error) { return s.steps("b", 2, 1) }},
	{"data", "transform", "the transforms for training and evaluation, on one core", (*settings).transforms},
	{"data", "scaling", "what decoding at smaller scales gives and changes", (*settings).scaling},
	{"data", "loader", "the loader with 1 and 2 workers", (*settings).loader},
	{"data", "list", "start and memory of list files of 10⁴ and 10⁶ pictures", (*settings).lists},
	{"processes", "processes", "2 processes with a thread each against 1 with 2, beside DistributedDataParallel", (*settings).processes},
	{"processes", "model", "what the ImageNet recipe sends, and how GPUs would scale: computed, not measured", (*settings).model},
	{"data", "training", "ResNet-18 at 224×224 trained from tar shards", (*settings).training},
}

func main() {
	var s settings
	flag.IntVar(&s.turns, "turns", 3, "how often each side has its turn")
	flag.StringVar(&s.python, "python", "/usr/bin/python3", "Debian's Python with python3-torch and python3-torchvision")
	flag.StringVar(&s.best, "best-python", os.Getenv("BEST_PYTHON"), "Python of a virtual environment with the newest PyTorch and torchvision")
	flag.StringVar(&s.bestStep, "best-step", "bin/torch2/step", "our step built with TORCH_DIR at that PyTorch")
	flag.StringVar(&s.bin, "bin", "bin", "folder of the programs cone and step that part training uses")
	flag.IntVar(&s.core, "core", runtime.NumCPU()-1, "the core on which what is timed on one core runs")
	flag.Float64Var(&s.gpuStep, "gpu-step", 0.1, "for part model: seconds in which a GPU computes a step of 128 images (an assumption)")
	flag.Float64Var(&s.latency, "latency", 10e-6, "for part model: seconds of one message between GPUs (an assumption)")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./bench [flags] [steps | processes | data | PART …]\n\nWithout arguments, every part is measured:")
		for _, p := range parts {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-10s %s (%s)\n", p.name, p.about, p.family)
		}
		fmt.Fprintln(flag.CommandLine.Output())
		flag.PrintDefaults()
	}
	flag.Parse()
	chosen, err := choose(flag.Args())
	if err == nil {
		err = s.run(chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose finds the parts that the arguments name.
func choose(names []string) ([]part, error) {
	for _, name := range names {
		if !slices.ContainsFunc(parts, func(p part) bool { return name == p.name || name == p.family }) {
			return nil, fmt.Errorf("there is no part %q; go run ./bench -help lists them", name)
		}
	}
	if len(names) == 0 {
		return parts, nil
	}
	var chosen []part
	for _, p := range parts {
		if slices.Contains(names, p.name) || slices.Contains(names, p.family) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// run measures the parts and shows each family's rows. A part that fails does
// not keep the others from being measured.
func (s *settings) run(chosen []part) error {
	if s.turns < 1 {
		return errors.New("--turns must be at least 1")
	}
	rows := map[string][]row{}
	var families []string
	var failed []error
	for _, p := range chosen {
		note("%s: %s", p.name, p.about)
		found, err := p.run(s)
		if err != nil {
			err = fmt.Errorf("%s: %w", p.name, err)
			note("failed: %v", err)
			failed = append(failed, err)
		}
		if len(found) > 0 && !slices.Contains(families, p.family) {
			families = append(families, p.family)
		}
		rows[p.family] = append(rows[p.family], found...)
	}
	for _, family := range families {
		failed = append(failed, show(rows[family]), write(family, rows[family]))
	}
	return errors.Join(failed...)
}

// note tells people how things go, apart from the results.
func note(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }

func show(rows []row) error {
	table := report.NewTable("what", "unit", "ours", "peer", "ratio")
	for _, r := range rows {
		peer, ratio := "", ""
		if r.Peer != 0 {
			peer, ratio = figure(r.Peer), fmt.Sprintf("%.2f", r.Ratio)
		}
		table.Row(r.Name, r.Unit, figure(r.Ours), peer, ratio)
	}
	_, err := table.WriteTo(os.Stdout)
	fmt.Println()
	return err
}

// figure has one decimal, and more where that would leave nothing.
func figure(v float64) string {
	if v > -1 && v < 1 {
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// out is where rows and what is made for the measurements lie.
var out = filepath.Join("bench", "out")

func write(family string, rows []row) error {
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	name := strings.Join([]string{family, time.Now().UTC().Format("20060102T150405")}, "-") + ".json"
	return os.WriteFile(filepath.Join(out, name), append(raw, '\n'), 0o666)
}
