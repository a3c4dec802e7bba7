package export

import (
	"encoding/json"
	"io"
	"slices"

	"cone/model"
	"cone/nn"
	"cone/tensor"
	"cone/train"
	"cone/weights"
	"cone/weights/onnx"
)

// The names of what an ONNX file takes and gives.
const (
	imagesName    = "images"    // N×C×H×W
	logitsName    = "logits"    // N×C
	embeddingName = "embedding" // N×D, not normalised
)

// ONNXOptions say what an ONNX file expects.
type ONNXOptions struct {
	// InputSize is the pictures' side where the recipe does not say it.
	InputSize int
	// Normalized pictures come in with mean and deviation taken off already;
	// else the file takes values from 0 to 1 and does it.
	Normalized bool
}

// ONNX writes the query encoder as an ONNX file for batches of any size.
func ONNX(c *train.Checkpoint, path string, o ONNXOptions) error {
	height, width, err := onnxSize(c, o.InputSize)
	if err != nil {
		return err
	}
	if _, err := model.Fit(c.Recipe.FinalStage().Model, height, width); err != nil {
		return err
	}
	mean, std := perChannel(c.Recipe.Data.Mean, c.Channels), perChannel(c.Recipe.Data.Std, c.Channels)
	facts, err := onnxFacts(c, o, mean, std, height, width)
	if err != nil {
		return err
	}
	return tensor.Run(func() error {
		e, err := c.Encoder()
		if err != nil {
			return err
		}
		defer e.Free()
		g, err := graph(e, c.Channels, height, width, mean, std, o.Normalized)
		if err != nil {
			return err
		}
		if !c.Recipe.FinalStage().Method.TrainsClassifier() { // a classifier that says nothing
			facts["classifier"] = "untrained"
		}
		g.Metadata(facts)
		return weights.WriteFileAtomic(path, func(w io.Writer) error { return g.Write(w) })
	})
}

// onnxSize is H and W of the pictures.
func onnxSize(c *train.Checkpoint, given int) (height, width int, err error) {
	if given == 0 {
		given = c.Recipe.Model.ImageSize
	}
	var p pretrained
	if err := p.size(c, given); err != nil {
		return 0, 0, err
	}
	return p.InputSize[1], p.InputSize[2], nil
}

// onnxFacts are what a user of the file must know.
func onnxFacts(c *train.Checkpoint, o ONNXOptions, mean, std []float64, height, width int) (map[string]string, error) {
	facts := map[string]string{"normalization": "inside", "range": "0 to 1", "recipe": c.Recipe.Name,
		"backbone": c.Recipe.Model.Backbone, "method": c.Recipe.Method.Name}
	if o.Normalized {
		facts["normalization"], facts["range"] = "outside", "(0 to 1 − mean)/std"
	}
	for name, v := range map[string]any{"mean": mean, "std": std, "class_names": c.Classes, "input_size": []int{c.Channels, height, width},
		"evaluate_transform": c.Recipe.Evaluate.Transform} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		facts[name] = string(text)
	}
	return facts, nil
}

// graph describes an encoder (inside tensor.Run) by what it does with batches
// of two and of three pictures.
func graph(e *model.Encoder, channels, height, width int, mean, std []float64, normalized bool) (*onnx.Graph, error) {
	l := &lowering{Graph: &onnx.Graph{}, sizes: [2]int{2, 3}, names: map[tensor.Value]string{}, weights: map[string][]byte{}}
	l.Input(imagesName, onnx.Batch, channels, height, width)
	names := map[tensor.Tensor]string{}
	for _, entry := range e.Tree.Entries() {
		names[entry.Value] = entry.Name
	}
	record := func(n int) (r *tensor.Recording) {
		tensor.Scope(func() {
			tensor.NoGrad(func() {
				images := tensor.Zeros(tensor.Float32, tensor.CPU, n, channels, height, width)
				r = tensor.Record(images, names, func() []tensor.Tensor {
					embedding, logits := e.Forward(images, false)
					return []tensor.Tensor{logits, embedding}
				})
			})
		})
		return r
	}
	l.a, l.b = record(l.sizes[0]), record(l.sizes[1])
	for _, c := range l.a.Constants {
		if c.Name != "" {
			l.weights[c.Name] = bytesOf(e.Tree.Get(c.Name))
		}
	}
	l.names[0] = imagesName
	if !normalized {
		perPixel := []int{1, channels, 1, 1}
		l.names[0] = l.op("Div", []string{l.op("Sub", []string{imagesName, l.floats(perPixel, mean...)}), l.floats(perPixel, std...)})
	}
	l.lower()
	if l.err != nil {
		return nil, l.err
	}
	for i, name := range []string{logitsName, embeddingName} {
		v := l.a.Outputs[i]
		l.Node("Identity", []string{l.names[v]}, []string{name})
		l.Output(name, l.shape(v)...)
	}
	return l.Graph, l.err
}

func bytesOf(e *nn.Entry) (data []byte) {
	e.Value.Detach().Bytes(func(b []byte) { data = slices.Clone(b) })
	return data
}
