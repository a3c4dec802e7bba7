package export

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cone/report"
	"cone/train"
	"cone/weights"
)

// FolderOptions say what a folder is of.
type FolderOptions struct {
	Run       string // the run's folder; "" if unknown
	Evaluated bool   // the run's newest evaluation is of these weights
	Average   bool   // they are the moving average
	InputSize int    // the pictures' side where the recipe does not say it
}

// Folder writes everything that others may want of a model into a new folder,
// ready to upload: weights for timm, PyTorch and ONNX Runtime, the recipe, the
// classes, the run's evaluation and a model card.
func Folder(c *train.Checkpoint, folder string, o FolderOptions) error {
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: give another folder", folder)
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	k := card{c: c, average: o.Average}
	at := func(name string) string { return filepath.Join(folder, name) }
	trained := c.Recipe.FinalStage().Method.TrainsClassifier()
	if _, ok := timmNetworks[c.Recipe.Model.Backbone]; ok && c.Recipe.Model.Stem == "imagenet" {
		whole := direct(c) && complete(c) == nil
		if err := Timm(c, folder, !whole, o.InputSize); err != nil {
			return err
		}
		what := "the network for timm"
		if !whole {
			what = "the backbone for timm, without head and classifier"
		}
		k.files = append(k.files, [2]string{"model.safetensors", what}, [2]string{"config.json", "what timm needs to know"})
	}
	if complete(c) == nil {
		if err := Torch(c, at("model.pth"), false); err != nil {
			return err
		}
		k.files = append(k.files, [2]string{"model.pth", "a state_dict for `torch.load(…, weights_only=True)`"})
	}
	if err := ONNX(c, at("model.onnx"), ONNXOptions{InputSize: o.InputSize}); err != nil {
		return err
	}
	what := "for ONNX Runtime: `images` in, `logits` and `embedding` out, normalisation inside"
	if !trained {
		what += "; the logits are untrained"
	}
	k.files = append(k.files, [2]string{"model.onnx", what})
	if err := c.Recipe.Save(at("recipe.yaml")); err != nil {
		return err
	}
	if err := writeText(at("classes.txt"), strings.Join(c.Classes, "\n")+"\n"); err != nil {
		return err
	}
	k.files = append(k.files, [2]string{"recipe.yaml", "every setting of the run; `cone train recipe.yaml` repeats it"},
		[2]string{"classes.txt", "the classes in the order of the logits"})
	if err := k.recorded(o); err != nil {
		return err
	}
	if k.result != nil {
		if err := k.result.WriteFiles(folder); err != nil {
			return err
		}
		k.files = append(k.files, [2]string{"evaluation.json", "the run's figures on its test images; `per_class.csv` by class"})
	}
	text, err := k.text()
	if err != nil {
		return err
	}
	return writeText(at("README.md"), text)
}

// recorded takes up what the run wrote down.
func (k *card) recorded(o FolderOptions) error {
	if o.Run == "" {
		return nil
	}
	var e train.Environment
	found, err := readJSON(filepath.Join(o.Run, "environment.json"), &e)
	if err != nil {
		return err
	}
	if found {
		k.environment = &e
	}
	if !o.Evaluated {
		return nil
	}
	path := filepath.Join(o.Run, "evaluation.json")
	if o.Average {
		path = filepath.Join(o.Run, "ema", "evaluation.json")
	}
	var r report.Result
	if found, err = readJSON(path, &r); err != nil || !found {
		return err
	}
	k.result = &r
	return nil
}

func writeText(path, text string) error {
	return weights.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}
