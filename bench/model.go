package main

import (
	"fmt"
	"math"
	"strings"

	"cone/dist"
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// link is a network between ranks: the slowest place of the ring through all.
type link struct {
	bits    float64 // per second
	latency float64 // seconds of one message
}

// sum and gather are the seconds of a collective of so many bytes by each of n
// ranks: the bytes of a ring, and the steps of a tree.
func (l link) sum(bytes int64, n int) float64 {
	return 8*dist.Summed(bytes, n)/l.bits + 2*math.Log2(float64(n))*l.latency
}

func (l link) gather(bytes int64, n int) float64 {
	return 8*dist.Gathered(bytes, n)/l.bits + math.Log2(float64(n))*l.latency
}

// seconds is what a step of n GPUs loses: gradients go during the backward
// pass, half of the step's computing (two passes forward, one back of twice the
// work), and only what is left of them is waited for; batch norm and bank are
// waited for. Batch norm's statistics are gathered in float32, as libtorch's
// kernels for GPUs take them.
func (l link) seconds(s dist.Step, n int, computing float64) float64 {
	gradients, _, bank := s.Bytes()
	lost := max(0, l.sum(gradients, n)-computing/2) + l.gather(bank, n)
	for _, c := range s.Norms {
		lost += float64(s.Networks)*l.gather(int64(4*(2*c+1)), n) + l.sum(int64(8*c), n)
	}
	return lost
}

// imageNet is a step of the authors' recipe, with 128 images for each rank.
func imageNet() (s dist.Step, err error) {
	r, err := recipe.Find("imagenet-resnet50-100ep")
	if err != nil {
		return s, err
	}
	s = dist.Step{Value: 4, Networks: 2, Rows: 128, Dim: r.Model.Head.Dim, Classes: 1000}
	err = tensor.Run(func() error {
		e, err := model.NewEncoder(r.Model, s.Classes, 3, tensor.Float32, tensor.CPU)
		if err != nil {
			return err
		}
		defer e.Free()
		for _, entry := range e.Tree.Entries() {
			switch {
			case !entry.Buffer:
				s.Parameters += entry.Value.Len()
			case strings.HasSuffix(entry.Name, ".running_mean"):
				s.Norms = append(s.Norms, entry.Value.Len())
			}
		}
		return nil
	})
	return s, err
}

// model tells what the ImageNet recipe sends, and how well GPUs that compute a
// step in --gpu-step seconds would scale. Nothing is measured.
func (s *settings) model() ([]row, error) {
	step, err := imageNet()
	if err != nil {
		return nil, err
	}
	gradients, batchNorm, bank := step.Bytes()
	channels := 0
	for _, c := range step.Norms {
		channels += c
	}
	rows := []row{
		{Name: "model/parameters", Unit: "values", Ours: float64(step.Parameters)},
		{Name: "model/batch-norms", Unit: "layers", Ours: float64(len(step.Norms))},
		{Name: "model/channels", Unit: "of all batch norms", Ours: float64(channels)},
		{Name: "model/gradients", Unit: "kB a step", Ours: float64(gradients) / 1000},
		{Name: "model/batch-norm", Unit: "kB a step", Ours: float64(batchNorm) / 1000},
		{Name: "model/bank", Unit: "kB a step", Ours: float64(bank) / 1000},
	}
	for _, n := range []int{8, 64, 512} {
		for _, gigabits := range []float64{25, 100, 200, 400} {
			l := link{gigabits * 1e9, s.latency}
			lost := l.seconds(step, n, s.gpuStep)
			rows = append(rows, row{Name: fmt.Sprintf("model/%d-gpus/%.0f-gbit", n, gigabits), Unit: "% efficiency",
				Ours: 100 * s.gpuStep / (s.gpuStep + lost)})
		}
	}
	return rows, nil
}
