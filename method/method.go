// Package method holds the training objectives, one file each, each reading
// like its paper.
package method

import (
	"cone/model"
	"cone/nn"
	"cone/tensor"
)

// Batch is what one step (or one part of an accumulated step) learns from.
type Batch struct {
	// Views are augmented pictures of the same N images, each N×C×H×W,
	// normalised, in the network's memory format. Most methods take one.
	Views []tensor.Tensor
	// Labels are the N classes, int64.
	Labels tensor.Tensor
	// Indices are the N places in the data set, int64.
	Indices tensor.Tensor
	// Rows are the images of each rank in this step, in rank order; nil asks the
	// ranks where it matters.
	Rows []int
	// Partners and Shares are defined where pictures are mixed (mixup, CutMix):
	// image i counts Shares[i] for its own label and 1 − Shares[i] for the
	// label Partners[i]. Both have N entries, int64 and the network's type.
	Partners, Shares tensor.Tensor
}

// Step is where the run stands.
type Step struct {
	// Epoch counts from 0.
	Epoch int
	// Number counts optimizer steps from 0; Total is how many the run has.
	Number, Total int
}

// Term is one named part of a loss, for people to look at.
type Term struct {
	Name  string
	Value tensor.Tensor // scalar, without history
}

// Loss is what a step learns by.
type Loss struct {
	// Total is the scalar to go backward from.
	Total tensor.Tensor
	// Terms add up to Total when weighted.
	Terms []Term
	// Figures are no part of the loss, but tell how the method is doing.
	Figures []Term
}

// Method is a training objective. In each optimizer step the loop calls
// BeforeStep, then Loss (once per accumulated part, each followed by a
// backward pass), then AfterBackward.
type Method interface {
	// Encoder is what learns by gradient; it alone is evaluated and shipped.
	Encoder() *model.Encoder
	// BeforeStep prepares a step: the key encoder's move, for instance.
	BeforeStep(Step)
	// Loss runs the networks on a batch.
	Loss(Step, Batch) Loss
	// AfterBackward ends a step: what gradients needed may change now.
	AfterBackward(Step)
	// State is everything that a checkpoint must carry, the encoder's entries
	// included, by unique names.
	State() []*nn.Entry
	// Views is how many augmented pictures of an image a batch must hold.
	Views() int
}

// Informant is a method that has something to say before a run begins.
type Informant interface {
	// Notes are sentences for people, for batches of N images.
	Notes(batch int) []string
}

// Precision is what networks run in.
type Precision struct {
	// Compute is the element type of the network's heavy operators; the
	// weights' own for plain arithmetic.
	Compute tensor.DType
	Device  tensor.Device
}

// Output is what an encoder makes of N images, in the losses' element type:
// float32, or float64 for a float64 network.
type Output struct {
	Features  tensor.Tensor // N×F, the backbone's
	Embedding tensor.Tensor // N×D, the head's, not yet normalised
	Logits    tensor.Tensor // N×C
}

// Forward runs the whole encoder.
func (p Precision) Forward(e *model.Encoder, images tensor.Tensor, training bool) Output {
	var o Output
	tensor.Autocast(p.Device, p.Compute, func() {
		o.Features, o.Embedding = e.Encode(images, training)
		if !e.Angular() {
			o.Logits = e.Classify(e.ClassifierInput(o.Features, o.Embedding, training)).ToDType(e.Tree.DType)
		}
	})
	o.Features, o.Embedding = o.Features.ToDType(e.Tree.DType), o.Embedding.ToDType(e.Tree.DType)
	if e.Angular() {
		o.Logits = e.Classify(e.ClassifierInput(o.Features, o.Embedding, training))
	}
	return o
}

// Encode runs the encoder without its classifier.
func (p Precision) Encode(e *model.Encoder, images tensor.Tensor, training bool) (features, embedding tensor.Tensor) {
	tensor.Autocast(p.Device, p.Compute, func() {
		features, embedding = e.Encode(images, training)
	})
	return features.ToDType(e.Tree.DType), embedding.ToDType(e.Tree.DType)
}

// Classify runs the classifier alone.
func (p Precision) Classify(e *model.Encoder, input tensor.Tensor) (logits tensor.Tensor) {
	if e.Angular() {
		return e.Classify(input)
	}
	tensor.Autocast(p.Device, p.Compute, func() { logits = e.Classify(input) })
	return logits.ToDType(e.Tree.DType)
}

// named prefixes the names of a tree's entries.
func named(prefix string, t *nn.Tree) []*nn.Entry {
	var out []*nn.Entry
	for _, e := range t.Entries() {
		out = append(out, &nn.Entry{Name: prefix + e.Name, Value: e.Value, Buffer: e.Buffer})
	}
	return out
}
