package train

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
)

// openWeights opens the weights at a path: a run's folder, a checkpoint, a
// safetensors file, or one of torch.save.
func openWeights(path string) (weights.Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model.init names %s, but there is nothing: give a run's folder, or a safetensors or .pth file", path)
	}
	if info.IsDir() {
		run := path
		path = folder{path: run}.checkpoint("last")
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("model.init names %s, which holds no checkpoint: give the folder of a run that has saved itself", run)
		}
	}
	source, err := weights.OpenAny(path)
	if err != nil {
		return nil, fmt.Errorf("model.init cannot be used: %w", err)
	}
	if _, ours := source.(*weights.File); ours {
		if err := weights.Verify(path); err != nil && !errors.Is(err, weights.ErrNoChecksum) {
			source.Close()
			return nil, fmt.Errorf("model.init cannot be used: %w", err)
		}
	}
	return source, nil
}

// initialise overwrites the encoder's weights by those at the path. The whole
// backbone must be there; what does not fit of head and classifier stays as it
// was drawn, and the notes say so.
func initialise(e *model.Encoder, m recipe.Model, path string) (notes []string, err error) {
	file, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var fresh, misfits []string
	tensor.NoGrad(func() {
		for _, entry := range e.Tree.Entries() {
			name, problem := findWeights(file, entry, m)
			switch {
			case problem == "":
				err = errors.Join(err, copyWeights(file, name, entry))
			case strings.HasSuffix(entry.Name, ".num_batches_tracked"):
				// Old files lack it, and nothing is computed from it.
			case strings.HasPrefix(entry.Name, "net."):
				misfits = append(misfits, problem)
			default:
				fresh = append(fresh, problem)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if len(misfits) > 0 {
		return nil, fmt.Errorf("model.init: the backbone in %s is not the recipe's (%s): choose the same model", path, few(misfits))
	}
	notes = append(notes, fmt.Sprintf("starting from the weights in %s", path))
	if len(fresh) > 0 {
		notes = append(notes, "drawn afresh: "+few(fresh))
	}
	return notes, nil
}

// findWeights looks for an entry under the names it may have: that of a
// checkpoint, of an encoder, and of a bare network of torchvision or timm, whose
// classifier looks at the features. The problem says why none fits.
func findWeights(file weights.Source, entry *nn.Entry, m recipe.Model) (name, problem string) {
	names := []string{"encoder_q." + entry.Name, entry.Name}
	if feature, ok := strings.CutPrefix(entry.Name, "net."); ok {
		names = append(names, feature)
	} else if bareNetwork(file) && !m.Direct() {
		return "", entry.Name + " is not there"
	}
	for _, name := range names {
		info, ok := file.Info(name)
		if !ok {
			continue
		}
		if here := entry.Value.Shape(); fmt.Sprint(info.Shape) != fmt.Sprint(here) {
			return "", fmt.Sprintf("%s is %v there and %v here", entry.Name, info.Shape, here)
		}
		return name, ""
	}
	return "", entry.Name + " is not there"
}

// bareNetwork says whether a file holds a network alone, and not an encoder.
func bareNetwork(file weights.Source) bool {
	return !slices.ContainsFunc(file.Names(), func(name string) bool {
		return strings.HasPrefix(name, "net.") || strings.HasPrefix(name, "encoder_q.net.")
	})
}

// copyWeights reads one tensor, whatever its element type.
func copyWeights(file weights.Source, name string, entry *nn.Entry) error {
	info, _ := file.Info(name)
	if _, ok := engineTypes[info.DType]; !ok {
		return fmt.Errorf("model.init: %s is of type %s, which this version does not read", name, info.DType)
	}
	return fillOne(entry.Value, file, dialect.Take{From: name})
}

// few lists the first of many.
func few(all []string) string {
	const most = 6
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}
