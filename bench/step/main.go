// Command step times one whole CoNe training step of ours, on the same
// numbers and by the same protocol as the Python programs in bench/peers
// (see common.py there): a report is one JSON line; with --serve one
// repetition runs per line "go" on standard input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sort"
	"syscall"
	"time"

	"cone/dist"
	"cone/internal/golden"
	"cone/internal/native"
	"cone/method"
	"cone/model"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
	"cone/train"
)

// problem is one training step to time; the constants are the authors'.
type problem struct {
	name, tag, backbone                            string
	side, batch, bank, dim, classes, neighborCount int
}

var problems = map[string]problem{
	"a": {"a", "bench-a", "resnet18", 28, 256, 16384, 128, 10, 256},
	"b": {"b", "bench-b", "resnet50", 224, 32, 65536, 256, 1000, 512},
	// What bench/training.yaml trains; of several processes, peers/ddp.py too.
	"c": {"c", "bench-c", "resnet18", 224, 64, 512, 128, 8, 64},
}

// report is one line of output.
type report struct {
	Peer        string            `json:"peer"`
	Variant     map[string]string `json:"variant"`
	Torch       string            `json:"torch"`
	Threads     int               `json:"threads"`
	Case        string            `json:"case"`
	Batch       int               `json:"batch"`
	Ready       bool              `json:"ready,omitempty"`
	ImagesPerS  []float64         `json:"images_per_s"`
	Median      *float64          `json:"images_per_s_median"`
	Seconds     []float64         `json:"seconds_per_step"`
	FirstLosses [][]float64       `json:"first_losses"`
	PeakRSS     float64           `json:"peak_rss_mb"`
	// Of several ranks: what this one sent per step, and waited.
	Traffic *dist.Stats `json:"traffic,omitempty"`
	Steps   int         `json:"steps_so_far,omitempty"`
}

func main() {
	native.Tune()
	name := flag.String("case", "a", "a, b or c")
	precision := flag.String("precision", "auto", "auto, float32, bfloat16 or float64")
	steps := flag.Int("steps-per-repetition", 10, "steps per repetition")
	repetitions := flag.Int("repetitions", 5, "repetitions")
	warmup := flag.Int("warmup", 3, "steps before the first one that is timed")
	threads := flag.Int("threads", 0, "threads of the step; 0: one per core")
	device := flag.String("device", "cpu", "cpu, cuda or cuda:N")
	serve := flag.Bool("serve", false, `one repetition per line "go" on standard input`)
	var o options
	flag.StringVar(&o.method, "method", "cone", "cone or cross-entropy")
	flag.BoolVar(&o.sync, "sync-batch-norm", false, "batch norm over all ranks")
	flag.BoolVar(&o.overlap, "overlap", true, "send gradients during backward")
	flag.Parse()
	group, err := join()
	if err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
	defer group.Close()
	err = group.Run(func() error {
		b, err := newBench(problems[*name], *precision, *device, *threads, group, o)
		if err != nil {
			return err
		}
		for range *warmup {
			b.step()
		}
		if !*serve {
			for range *repetitions {
				b.repetition(*steps)
			}
			b.print(false)
			return nil
		}
		b.print(true)
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() && lines.Text() != "quit" {
			b.rates, b.seconds = nil, nil
			b.repetition(*steps)
			b.print(false)
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
}

// bench is a problem set up.
type bench struct {
	problem
	method    method.Method
	optimizer *optim.SGD
	group     *dist.Group
	gradients *dist.Gradients
	share     float64
	input     method.Batch
	report    report
	done      int
	rates     []float64
	seconds   []float64
}

func newBench(p problem, precision, device string, threads int, g *dist.Group, o options) (*bench, error) {
	if p.name == "" {
		return nil, fmt.Errorf("unknown case: choose a, b or c")
	}
	engine, err := train.NewEngine(device, threads)
	if err != nil {
		return nil, err
	}
	engine.Prepare()
	weights, compute := engine.Precision(precision)
	build := func() *model.Encoder {
		e, err2 := model.NewEncoder(recipe.Model{
			Backbone: p.backbone, Stem: "imagenet", Head: recipe.Head{Layers: 1, BatchNorm: true, Dim: p.dim},
		}, p.classes, 3, weights, engine.Device)
		if err2 != nil {
			err = err2
		}
		return e
	}
	query, key := build(), build()
	if err != nil {
		return nil, err
	}
	golden.Fill(query.Tree)
	settings := recipe.Default().Method
	settings.CoNe.BankSize, settings.CoNe.Neighbors, settings.CoNe.WarmupEpochs = p.bank, p.neighborCount, 0
	settings.Name = o.method
	b := &bench{problem: p, group: g}
	b.method, err = method.New(query, func() (*model.Encoder, error) { return key, nil }, method.Setup{
		Method: settings, Precision: compute, Classes: p.classes, Group: g, SyncBatchNorm: o.sync,
	})
	if err != nil {
		return nil, err
	}
	if c, ok := b.method.(*method.CoNe); ok {
		fillBank(c, p)
	}
	b.gradients = g.Gradients(learning(query), o.overlap)
	b.optimizer = optim.NewSGD(query.Tree, recipe.Optim{Momentum: 0.9, WeightDecay: 1e-4, DecayNormAndBias: true})
	n := p.batch
	x := golden.Uniform(p.tag+"/x0", n*3*p.side*p.side, -2, 2)
	labels := tensor.From(golden.Integers(p.tag+"/y0", n, p.classes), n).ToDevice(engine.Device)
	images := tensor.From(x, n, 3, p.side, p.side).ToDType(weights).ToDevice(engine.Device).ChannelsLast()
	b.input, b.share = cut(method.Batch{Views: []tensor.Tensor{images}, Labels: labels, Indices: labels}, g)
	b.report = report{
		Peer: "cone", Variant: map[string]string{"precision": compute.Compute.String(), "device": engine.Device.String()},
		Torch: tensor.TorchVersion(), Threads: tensor.Threads(), Case: p.name, Batch: n,
	}
	debug.FreeOSMemory() // the slices that the problem was made from
	return b, nil
}

// totalSteps makes the key momentum stand still for the length of a benchmark.
const totalSteps = 1_000_000

func (b *bench) step() {
	start := time.Now()
	var values []float64
	tensor.Scope(func() {
		s := method.Step{Number: b.done, Total: totalSteps}
		b.method.BeforeStep(s)
		loss := b.method.Loss(s, b.input)
		b.gradients.Arm()
		loss.Total.Scale(b.share).Backward()
		b.gradients.Sum()
		b.optimizer.Step(0.01)
		b.method.AfterBackward(s)
		for _, t := range loss.Terms {
			values = append(values, t.Value.Item())
		}
		values = append(values, loss.Total.Detach().Item())
	})
	b.seconds = append(b.seconds, time.Since(start).Seconds())
	if b.done < 3 {
		b.report.FirstLosses = append(b.report.FirstLosses, values)
	}
	b.done++
}

func (b *bench) repetition(steps int) {
	before := len(b.seconds)
	for range steps {
		b.step()
	}
	sum := 0.0
	for _, s := range b.seconds[before:] {
		sum += s
	}
	b.rates = append(b.rates, float64(steps*b.report.Batch)/sum)
}

func (b *bench) print(ready bool) {
	r := b.report
	r.Ready = ready
	r.ImagesPerS, r.Seconds = b.rates, b.seconds
	if ready {
		r.ImagesPerS, r.Seconds = nil, nil
		b.rates, b.seconds = nil, nil
	} else {
		sorted := append([]float64(nil), b.rates...)
		sort.Float64s(sorted)
		m := sorted[len(sorted)/2]
		if len(sorted)%2 == 0 {
			m = (m + sorted[len(sorted)/2-1]) / 2
		}
		r.Median = &m
	}
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		r.PeakRSS = float64(usage.Maxrss) / 1024
	}
	if !b.group.Alone() {
		sent := b.group.Stats()
		r.Traffic, r.Steps = &sent, b.done
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
