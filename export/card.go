package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"cone/report"
	"cone/train"
)

// card is a model card: README.md with YAML in front, as the Hugging Face hub
// reads it (https://huggingface.co/docs/hub/model-cards). It says nothing that
// the run did not record.
type card struct {
	c           *train.Checkpoint
	average     bool
	files       [][2]string // name, what it is
	result      *report.Result
	environment *train.Environment
}

// readJSON reads a file of the run; one that is not there is none.
func readJSON(path string, into any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s is damaged (%w): evaluate the run again with cone eval --out, or remove the file", path, err)
	}
	return true, nil
}

// front is the YAML in front.
func (k card) front() (string, error) {
	dataset := filepath.Base(k.c.Recipe.Data.Path)
	f := map[string]any{
		"tags":         []string{"image-classification", "cone", k.c.Recipe.FinalStage().Method.Name},
		"pipeline_tag": "image-classification",
	}
	for _, file := range k.files {
		if file[0] == "config.json" {
			f["library_name"] = "timm"
		}
	}
	if k.result != nil {
		f["metrics"] = []string{"accuracy"}
		f["model-index"] = []any{map[string]any{
			"name": k.c.Recipe.Name,
			"results": []any{map[string]any{
				"task":    map[string]string{"type": "image-classification"},
				"dataset": map[string]string{"name": dataset, "type": dataset, "split": "test"},
				"metrics": []any{
					map[string]any{"type": "accuracy", "name": "top-1", "value": float64(k.result.Top1)},
					map[string]any{"type": "accuracy", "name": "top-5", "value": float64(k.result.Top5)},
				},
			}},
		}}
	}
	text, err := yaml.Marshal(f)
	return "---\n" + string(text) + "---\n", err
}

// text is the whole card.
func (k card) text() (string, error) {
	front, err := k.front()
	if err != nil {
		return "", err
	}
	r := k.c.Recipe.FinalStage()
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	line("%s\n# %s\n", strings.TrimSuffix(front, "\n"), r.Name)
	if r.Description != "" {
		line("%s\n", strings.TrimSpace(r.Description))
	}
	line("A classifier of %d classes: backbone %s, trained by %s with cone for %d epochs in batches of %d.",
		len(k.c.Classes), r.Model.Backbone, r.Method.Name, k.c.Recipe.Epochs, r.Batch)
	if k.average {
		line("The weights are the moving average of the run's.")
	}
	line("\n## Files\n\n| file | what |\n|---|---|")
	for _, f := range k.files {
		line("| `%s` | %s |", f[0], f[1])
	}
	line("\n## Data\n\n`%s`: pictures of %d channels; value x of 0…255 becomes (x/255 − mean)/std with mean %v and std %v.",
		filepath.Base(r.Data.Path), k.c.Channels, r.Data.Mean, r.Data.Std)
	line("\n## Results\n")
	if k.result == nil {
		line("The run recorded no evaluation of these weights.")
	} else {
		line("| test images | top-1 %% | top-5 %% | NLL | calibration error |\n|---|---|---|---|---|\n| %d | %.2f | %.2f | %.4f | %.4f |",
			k.result.N, 100*float64(k.result.Top1), 100*float64(k.result.Top5), float64(k.result.NLL), float64(k.result.ECE))
	}
	if e := k.environment; e != nil {
		line("\n## Trained on\n\n%s (%s), %d cores; %s in %s; processes: %d, threads of each: %d; libtorch %s, %s%s.", e.Processor, e.System,
			e.Cores, e.Device, e.Precision, e.Processes, e.Threads, e.Torch, e.Go, revision(e.Cone))
	}
	line("\n## Use\n")
	for _, f := range k.files {
		switch f[0] {
		case "config.json":
			line("```python\nimport timm\nmodel = timm.create_model(\"local-dir:.\", pretrained=True).eval()\n```\n")
		case "model.onnx":
			line("```python\nimport onnxruntime\nsession = onnxruntime.InferenceSession(\"model.onnx\")\nlogits, embedding = session.run([\"logits\", \"embedding\"], {\"images\": images})  # N×C×H×W, float32 from 0 to 1\n```\n")
		}
	}
	return b.String(), nil
}

func revision(cone string) string {
	if cone == "" {
		return ""
	}
	return ", cone " + cone
}
