package train

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"cone/model"
	"cone/nn"
	"cone/tensor"
	"cone/weights"
)

// openWeights opens the weights at a path: a run's folder, a checkpoint, or
// any safetensors file.
func openWeights(path string) (*weights.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model.init names %s, but there is nothing: give a run's folder or a safetensors file", path)
	}
	if info.IsDir() {
		run := path
		path = folder{path: run}.checkpoint("last")
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("model.init names %s, which holds no checkpoint: give the folder of a run that has saved itself", run)
		}
	}
	if err := weights.Verify(path); err != nil && !errors.Is(err, weights.ErrNoChecksum) {
		return nil, fmt.Errorf("model.init cannot be used: %w", err)
	}
	file, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model.init cannot be used: %w", err)
	}
	return file, nil
}

// initialise overwrites the encoder's weights by those at the path. The whole
// backbone must be there; what does not fit of head and classifier stays as it
// was drawn, and the notes say so.
func initialise(e *model.Encoder, path string) (notes []string, err error) {
	file, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var fresh, misfits []string
	tensor.NoGrad(func() {
		for _, entry := range e.Tree.Entries() {
			name, problem := findWeights(file, entry)
			switch {
			case problem == "":
				err = errors.Join(err, copyWeights(file, name, entry))
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
// checkpoint, of an encoder, and of a bare backbone. The problem says why none
// fits.
func findWeights(file *weights.File, entry *nn.Entry) (name, problem string) {
	for _, name := range []string{"encoder_q." + entry.Name, entry.Name, strings.TrimPrefix(entry.Name, "net.")} {
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

// copyWeights reads one tensor, whatever its element type.
func copyWeights(file *weights.File, name string, entry *nn.Entry) error {
	array, err := file.Read(name)
	if err != nil {
		return err
	}
	for d, known := range dtypeNames {
		if known == array.DType {
			tensor.Scope(func() {
				entry.Value.CopyFrom(tensor.FromBytes(array.Data, d, entry.Value.Shape()...))
			})
			return nil
		}
	}
	return fmt.Errorf("model.init: %s is of type %s, which this version does not read", name, array.DType)
}

// few lists the first of many.
func few(all []string) string {
	const most = 6
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}
