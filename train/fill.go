package train

import (
	"fmt"
	"strings"

	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
)

// engineTypes are the types of elements that the engine takes, as files have
// them.
var engineTypes = func() map[weights.DType]tensor.DType {
	out := map[weights.DType]tensor.DType{}
	for ours, theirs := range dtypeNames {
		out[theirs] = ours
	}
	return out
}()

// namesOf says how files of other programs name a model like this one.
func namesOf(m recipe.Model) dialect.Options {
	return dialect.Options{Direct: m.Direct(), Classifier: model.ClassifierName(m.Backbone)}
}

// wants describes entries by name and shape.
func wants(entries []*nn.Entry) []dialect.Want {
	var out []dialect.Want
	for _, e := range entries {
		shape := []int64{}
		for _, n := range e.Value.Shape() {
			shape = append(shape, int64(n))
		}
		out = append(out, dialect.Want{Name: e.Name, Shape: shape})
	}
	return out
}

// fill overwrites the entries with the tensors of a file, element types
// converted, as far as the plan takes them. Nothing is written before
// everything is known to fit.
func fill(entries []*nn.Entry, file weights.Source, path string, o dialect.Options) (*dialect.Plan, error) {
	plan, err := dialect.NewPlan(file, wants(entries), o)
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", path, err)
	}
	return plan, fillAll(entries, file, path, plan.Takes)
}

// fillAll overwrites the entries that the takes name.
func fillAll(entries []*nn.Entry, file weights.Source, path string, takes []dialect.Take) error {
	byName := map[string]*nn.Entry{}
	for _, e := range entries {
		byName[e.Name] = e
	}
	for _, take := range takes {
		info, _ := file.Info(take.From)
		if _, ok := engineTypes[info.DType]; !ok {
			return fmt.Errorf("%s cannot be used: %s has elements of the type %s", path, take.From, info.DType)
		}
	}
	for _, take := range takes {
		if err := fillOne(byName[take.Want].Value, file, take); err != nil {
			return err
		}
	}
	return nil
}

func fillOne(target tensor.Tensor, file weights.Source, take dialect.Take) error {
	array, err := file.Read(take.From)
	if err != nil {
		return err
	}
	shape := []int{}
	for _, n := range array.Shape {
		shape = append(shape, int(n))
	}
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			source := tensor.FromBytes(array.Data, engineTypes[array.DType], shape...)
			if take.Transpose {
				source = source.Transpose(0, 1)
			}
			target.CopyFrom(source.Reshape(target.Shape()...))
		})
	})
	return nil
}

// under keeps the entries whose names begin with the prefix.
func under(prefix string, entries []*nn.Entry) (out []*nn.Entry) {
	for _, e := range entries {
		if strings.HasPrefix(e.Name, prefix) {
			out = append(out, e)
		}
	}
	return out
}
