package train

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"cone/data"
	"cone/method"
	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// newEncoder makes the recipe's encoder, with the classifier that its method
// trains.
func newEncoder(r recipe.Recipe, classes, channels int, d tensor.DType, on tensor.Device) (*model.Encoder, error) {
	if r.Method.Name == "margin" {
		return model.NewAngularEncoder(r.Model, classes, channels, method.AngularScale(r.Method.Margin), d, on)
	}
	e, err := model.NewEncoder(r.Model, classes, channels, d, on)
	if err == nil && r.Method.Name == "bce" && r.Method.BCE.PriorBias {
		e.StartBias(-math.Log(float64(classes - 1)))
	}
	return e, err
}

// trainsBelow says whether anything below the classifier learns.
func trainsBelow(e *model.Encoder) bool {
	return slices.ContainsFunc(e.Tree.Parameters(), func(p *nn.Entry) bool { return !strings.HasPrefix(p.Name, "fc.") })
}

// newMethod makes the recipe's objective with fresh weights, or where the run
// is new with those of model.init.
func (r *run) newMethod(d tensor.DType) (method.Method, error) {
	train := r.data.Train
	count := countClasses(train)
	if err := checkClasses(r.recipe, train, count); err != nil {
		return nil, err
	}
	weights, err := classWeights(r.recipe.Method, count)
	if err != nil {
		return nil, err
	}
	another := func() (*model.Encoder, error) {
		return newEncoder(r.recipe, len(count), data.Channels(train), d, r.engine.Device)
	}
	query, err := another()
	if err != nil {
		return nil, err
	}
	if !r.recipe.Method.TrainsClassifier() && !trainsBelow(query) {
		query.Free()
		return nil, fmt.Errorf("model.freeze leaves only the classifier, which method.name %s does not train: freeze less, or choose cross-entropy", r.recipe.Method.Name)
	}
	// Rank 0 hands what it read to the others.
	if init := r.recipe.Model.Init; init != "" && !r.resumed && r.first() {
		notes, err := initialise(query, r.recipe.Model, init)
		if err != nil {
			query.Free()
			return nil, err
		}
		r.notes = append(r.notes, notes...)
	}
	if parts := r.recipe.Model.Freeze; len(parts) > 0 {
		r.notes = append(r.notes, "frozen: "+strings.Join(parts, ", "))
	}
	s := method.Setup{Method: r.recipe.Method, Precision: r.precision, Classes: len(count), Group: r.engine.Group, SyncBatchNorm: r.recipe.Dist.SyncBatchNorm}
	if weights != nil {
		s.Weights = tensor.From(weights, len(weights)).ToDType(d).ToDevice(r.engine.Device)
	}
	m, err := method.New(query, another, s)
	if err != nil {
		query.Free()
		return nil, err
	}
	if i, ok := m.(method.Informant); ok {
		r.notes = append(r.notes, i.Notes(r.recipe.Batch)...)
	}
	return m, nil
}

// countClasses is how many images each class has.
func countClasses(s data.Source) []int {
	count := make([]int, len(s.Classes()))
	for i := range s.Len() {
		count[s.Label(i)]++
	}
	return count
}

// checkClasses refuses data that nothing, or not this method, can learn from.
func checkClasses(r recipe.Recipe, s data.Source, count []int) error {
	present, alone := 0, -1
	for c, n := range count {
		if n > 0 {
			present++
		}
		if n == 1 {
			alone = c
		}
	}
	if present < 2 {
		return fmt.Errorf("the training images of %s are all of one class: a classifier needs at least two, so add images, or raise data.limit", r.Data.Path)
	}
	if alone >= 0 && r.Method.Name == "triplet" {
		return fmt.Errorf("class %s has one training image, but method.name is triplet, which needs two of each class: add images, or leave the class out", s.Classes()[alone])
	}
	return nil
}

// classWeights are the C factors that the recipe asks for, or nil.
func classWeights(m recipe.Method, count []int) ([]float64, error) {
	if n := len(m.ClassWeights); n > 0 {
		if n != len(count) {
			return nil, fmt.Errorf("method.class_weights has %d values, but the data has %d classes: give one for each", n, len(count))
		}
		return m.ClassWeights, nil
	}
	if !m.BalanceClasses {
		return nil, nil
	}
	images, weights := 0, make([]float64, len(count))
	for _, n := range count {
		images += n
	}
	for c, n := range count {
		if n > 0 { // a class without images has no term to weigh
			weights[c] = float64(images) / float64(len(count)*n)
		}
	}
	return weights, nil
}
