package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"cone/model"
	"cone/train"
	"cone/weights"
)

// timmConfig is config.json as timm reads it from the Hugging Face hub or from
// a folder (timm/models/_hub.py).
type timmConfig struct {
	Architecture  string         `json:"architecture"`
	NumClasses    int            `json:"num_classes"`
	NumFeatures   int            `json:"num_features"`
	GlobalPool    string         `json:"global_pool"`
	LabelNames    []string       `json:"label_names,omitempty"`
	ModelArgs     map[string]int `json:"model_args,omitempty"`
	PretrainedCfg pretrained     `json:"pretrained_cfg"`
}

type pretrained struct {
	NumClasses    int       `json:"num_classes"`
	InputSize     [3]int    `json:"input_size"` // C×H×W
	PoolSize      [2]int    `json:"pool_size"`
	CropPct       float64   `json:"crop_pct"`
	CropMode      string    `json:"crop_mode"`
	Interpolation string    `json:"interpolation"`
	Mean          []float64 `json:"mean"`
	Std           []float64 `json:"std"`
	FirstConv     string    `json:"first_conv"`
	Classifier    string    `json:"classifier"`
}

// rgb is how many channels timm's networks expect unless told otherwise.
const rgb = 3

// timmNetwork is a network that timm has with the same names of tensors.
type timmNetwork struct {
	features int    // that it gives
	first    string // its first convolution
	pool     string
}

// timmNetworks are those networks, by our names. timm names the parts of
// MobileNetV2, ConvNeXt and Swin otherwise than torchvision and we do.
var timmNetworks = func() map[string]timmNetwork {
	all := map[string]timmNetwork{"vit_small_patch16": {384, "patch_embed.proj", "token"}}
	for _, name := range []string{"resnet18", "resnet34"} {
		all[name] = timmNetwork{512, "conv1", "avg"}
		all[name+"d"] = timmNetwork{512, "conv1.0", "avg"}
	}
	for _, name := range []string{"resnet50", "resnet101", "resnet152", "resnet200"} {
		all[name] = timmNetwork{2048, "conv1", "avg"}
		all[name+"d"] = timmNetwork{2048, "conv1.0", "avg"}
	}
	for _, name := range []string{"resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2"} {
		all[name] = timmNetwork{2048, "conv1", "avg"}
	}
	return all
}()

// Timm writes a folder with model.safetensors and config.json, from which
// timm.create_model("local-dir:FOLDER", pretrained=True) makes the same model.
// timm has no projection head, so a model with one is written only with
// features, without its classifier. InputSize is the pictures' side where the
// recipe's evaluation does not say it; 0 if unknown.
func Timm(c *train.Checkpoint, folder string, features bool, inputSize int) error {
	m := c.Recipe.Model
	network, ok := timmNetworks[m.Backbone]
	switch {
	case !ok || m.Stem != "imagenet":
		what := m.Backbone
		if ok {
			what += " with model.stem " + m.Stem
		}
		return fmt.Errorf("timm has no network like %s under the same names: export the model as pth or onnx", what)
	case !features && !direct(c):
		return errors.New("timm's networks have no projection head between features and classifier, and this model has one: export its features with --features, or the whole model as pth")
	}
	if !features {
		if err := complete(c); err != nil {
			return err
		}
	}
	config := timmConfig{
		Architecture: model.TimmName(m.Backbone), NumFeatures: network.features, GlobalPool: network.pool,
		PretrainedCfg: pretrained{
			CropPct: 1, CropMode: "center", Interpolation: "bilinear", FirstConv: network.first, Classifier: model.ClassifierName(m.Backbone),
			Mean: perChannel(c.Recipe.Data.Mean, c.Channels), Std: perChannel(c.Recipe.Data.Std, c.Channels),
		},
	}
	config.ModelArgs = map[string]int{}
	if c.Channels != rgb {
		config.ModelArgs["in_chans"] = c.Channels
	}
	if m.ImageSize != 0 { // ViT has one position for each patch
		config.ModelArgs["img_size"] = m.ImageSize
	}
	names := featureNames
	if !features {
		names = networkNames(c)
		config.NumClasses, config.LabelNames = len(c.Classes), c.Classes
	}
	config.PretrainedCfg.NumClasses = config.NumClasses
	if err := config.PretrainedCfg.size(c, inputSize); err != nil {
		return err
	}
	arrays, err := encoder(c, names)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	err = weights.WriteFileAtomic(filepath.Join(folder, "model.safetensors"), func(w io.Writer) error {
		return weights.Write(w, map[string]string{"format": "pt"}, arrays)
	})
	if err != nil {
		return err
	}
	return weights.WriteFileAtomic(filepath.Join(folder, "config.json"), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func perChannel(values []float64, channels int) []float64 {
	out := make([]float64, channels)
	for i := range out {
		out[i] = values[min(i, len(values)-1)]
	}
	return out
}

// size takes the pictures' size from the recipe's evaluation: resize the short
// side, then crop the middle, as timm does.
func (p *pretrained) size(c *train.Checkpoint, given int) error {
	height, width, resized := given, given, 0
	for _, s := range c.Recipe.Evaluate.Transform {
		switch {
		case s.Resize != nil:
			p.Interpolation = s.Resize.Interpolation
			if resized = s.Resize.Size; resized == 0 {
				height, width, p.CropMode = s.Resize.Height, s.Resize.Width, "squash"
			}
		case s.CenterCrop != nil:
			height, width = s.CenterCrop.Size, s.CenterCrop.Size
		}
	}
	if len(c.Recipe.Evaluate.Transform) == 0 && given == 0 && c.Size.Known() { // pixels as they are
		height, width = c.Size.Height, c.Size.Width
	}
	if height == 0 || width == 0 {
		return errors.New("the recipe's evaluate.transform does not say how large pictures become: give their side with --input-size")
	}
	if resized > 0 {
		p.CropPct = math.Round(1000*float64(height)/float64(resized)) / 1000
	}
	p.InputSize = [3]int{c.Channels, height, width}
	const stride = 32 // of the last stage
	p.PoolSize = [2]int{(height + stride - 1) / stride, (width + stride - 1) / stride}
	return nil
}
