package infer

import (
	"runtime"

	"cone/data"
	"cone/method"
	"cone/tensor"
)

// Input turns prepared batches into what networks take: normalised
// N×C×H×W with the channels of a pixel side by side in memory.
type Input struct {
	scale, shift tensor.Tensor // C: x·scale + shift = (x/255 − mean)/std
	dtype        tensor.DType
	device       tensor.Device
}

// NewInput takes one mean and deviation per channel, or one for all. Its
// tensors belong to the enclosing scope.
func NewInput(mean, std []float64, channels int, d tensor.DType, on tensor.Device) Input {
	scale, shift := make([]float64, channels), make([]float64, channels)
	for c := range channels {
		m, s := mean[min(c, len(mean)-1)], std[min(c, len(std)-1)]
		scale[c], shift[c] = 1/(255*s), -m/s
	}
	return Input{
		scale: tensor.From(scale, channels).ToDType(d).ToDevice(on),
		shift: tensor.From(shift, channels).ToDType(d).ToDevice(on),
		dtype: d, device: on,
	}
}

// Device is where the batches go.
func (in Input) Device() tensor.Device { return in.device }

// Prepared is a batch on the device.
type Prepared struct {
	method.Batch
	pin *runtime.Pinner
}

// Unpin lets go of the batch's memory; do it before the batch is released.
func (p Prepared) Unpin() { p.pin.Unpin() }

// Batch normalises a batch on the device. Labels and indices look at the
// batch's own memory where that is the device's.
func (in Input) Batch(b *data.Batch) Prepared {
	p := Prepared{pin: &runtime.Pinner{}}
	for v := range b.V {
		images := tensor.View(p.pin, b.View(v), b.N, b.H, b.W, b.C).ToDevice(in.device).ToDType(in.dtype)
		p.Views = append(p.Views, images.Mul(in.scale).Add(in.shift).Permute(0, 3, 1, 2))
	}
	p.Labels = tensor.View(p.pin, b.Labels, b.N).ToDevice(in.device)
	p.Indices = tensor.View(p.pin, b.Indices, b.N).ToDevice(in.device)
	if b.Partners != nil {
		p.Partners = tensor.View(p.pin, b.Partners, b.N).ToDevice(in.device)
		p.Shares = tensor.View(p.pin, b.Shares, b.N).ToDevice(in.device).ToDType(in.dtype)
	}
	return p
}

// Part is the i-th of the given number of equal parts.
func (p Prepared) Part(i, parts int) method.Batch {
	if parts == 1 {
		return p.Batch
	}
	size := p.Labels.Dim(0) / parts
	cut := func(t tensor.Tensor) tensor.Tensor { return t.Narrow(0, i*size, size) }
	out := method.Batch{Labels: cut(p.Labels), Indices: cut(p.Indices)}
	for _, v := range p.Views {
		out.Views = append(out.Views, cut(v))
	}
	if p.Partners.Defined() {
		out.Partners, out.Shares = cut(p.Partners), cut(p.Shares)
	}
	return out
}
