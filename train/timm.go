package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"cone/model"
	"cone/recipe"
)

// maxConfig bounds a config.json, in bytes; the names of many classes are long.
const maxConfig = 64 << 20

// timmConfig is what is needed of config.json as timm has it
// (https://github.com/huggingface/pytorch-image-models/blob/v1.0.31/timm/models/_hub.py).
type timmConfig struct {
	Architecture string   `json:"architecture"`
	NumClasses   int      `json:"num_classes"`
	LabelNames   []string `json:"label_names"`
	Pretrained   struct {
		InputSize     []int     `json:"input_size"` // C×H×W
		CropPct       float64   `json:"crop_pct"`
		CropMode      string    `json:"crop_mode"`
		Interpolation string    `json:"interpolation"`
		Mean          []float64 `json:"mean"`
		Std           []float64 `json:"std"`
	} `json:"pretrained_cfg"`
}

// readTimm makes a checkpoint's description, without a file, of a config.json.
func readTimm(path string) (*Checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, err
	}
	var t timmConfig
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("it is no description of a network: %w", err)
	}
	p := t.Pretrained
	switch {
	case t.Architecture == "":
		return nil, errors.New("it names no architecture")
	case len(p.InputSize) != 3 || p.InputSize[0] < 1 || p.InputSize[1] < 1 || p.InputSize[2] < 1:
		return nil, fmt.Errorf("pretrained_cfg.input_size is %v: it must be channels, height and width", p.InputSize)
	case len(p.Mean) == 0 || len(p.Std) == 0:
		return nil, errors.New("pretrained_cfg has no mean or no std")
	case t.NumClasses < 0 || len(t.LabelNames) > 0 && len(t.LabelNames) != t.NumClasses:
		return nil, fmt.Errorf("it has %d classes, but %d label_names", t.NumClasses, len(t.LabelNames))
	}
	names := t.LabelNames
	for i := len(names); i < t.NumClasses; i++ {
		names = append(names, fmt.Sprint(i))
	}
	r := recipe.Default()
	r.Name, r.Data.Path, r.Data.Mean, r.Data.Std = t.Architecture, ".", p.Mean, p.Std
	r.Model.Backbone, r.Model.Head = model.FromTimm(t.Architecture), recipe.Head{Placement: "inside"}
	r.Method.Name = "cross-entropy"
	r.Evaluate.Batch = 64
	r.Evaluate.Transform = timmTransform(p.InputSize[1], p.InputSize[2], p.CropPct, p.CropMode, p.Interpolation)
	if r.Model, err = model.Fit(r.Model, p.InputSize[1], p.InputSize[2]); err != nil {
		return nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return &Checkpoint{Recipe: r, Classes: names, Channels: p.InputSize[0]}, nil
}

// timmTransform resizes the short side to the crop's by crop_pct and takes the
// middle, or squashes the picture.
func timmTransform(height, width int, share float64, mode, interpolation string) []recipe.Step {
	if interpolation != "bicubic" {
		interpolation = "bilinear"
	}
	if share <= 0 {
		share = 1
	}
	if mode == "squash" || height != width {
		return []recipe.Step{{Resize: &recipe.Resize{Height: height, Width: width, Interpolation: interpolation}}}
	}
	return []recipe.Step{
		{Resize: &recipe.Resize{Size: int(math.Floor(float64(height) / share)), Interpolation: interpolation}},
		{CenterCrop: &recipe.CenterCrop{Size: height}},
	}
}
