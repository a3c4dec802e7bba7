package predict

import (
	"fmt"

	"cone/index"
	"cone/infer"
	"cone/knn"
)

// Prediction is what is said of a picture.
type Prediction struct {
	Picture string `json:"picture"`
	// Label is the true class, where it is known.
	Label string `json:"label,omitempty"`
	// Top are the most probable classes, the first being the prediction.
	Top []Class `json:"top"`
	// By says who decided: "classifier" or "neighbors", whose shares of the
	// votes are then the probabilities.
	By string `json:"by"`
	// Agreement is the share of the neighbours that are of the predicted class.
	Agreement *float64 `json:"agreement,omitempty"`
	// Familiarity says how much the picture resembles the training images.
	Familiarity *float64   `json:"familiarity,omitempty"`
	Neighbors   []Neighbor `json:"neighbors,omitempty"`
}

// Who decides.
const (
	byClassifier = "classifier"
	byNeighbors  = "neighbors"
)

// Predictor predicts classes.
type Predictor struct {
	Model *infer.Model
	// Top is how many classes are told.
	Top int
	// Index of K neighbours to look for; nil without neighbours.
	Index *index.Index
	K     int
	// Exact compares with all entries, though the index have a graph.
	Exact bool
	// Familiarity makes of the cosines of a picture's neighbours, the largest
	// first, how familiar it is; nil without.
	Familiarity func(similarities []float32) float64
}

// Check makes sure that predictions can be made.
func (p *Predictor) Check() error {
	switch {
	case p.Index == nil && !p.Model.Classifier:
		return fmt.Errorf("%s has no trained classifier, and so it predicts by its neighbours only: build its index with cone index build", p.Model.Path)
	case p.Index != nil && p.K > p.Index.Len():
		return fmt.Errorf("%s has %d entries, so there are no %d neighbours: ask for fewer", p.Index.Path(), p.Index.Len(), p.K)
	}
	return nil
}

// Predict predicts the class of every item; an item with a problem has an empty
// prediction.
//
// The classifier decides, unless there is none, or the neighbours vote for a
// class that came after training, of which it cannot know.
func (p *Predictor) Predict(items []Item) ([]Prediction, error) {
	var found [][]index.Neighbor
	if p.Index != nil {
		var err error
		if found, err = search(p.Index, items, p.K, p.Exact); err != nil {
			return nil, err
		}
	}
	out := make([]Prediction, len(items))
	for i, item := range items {
		out[i].Picture, out[i].Label = item.Name, item.Label
		if item.Problem != nil {
			continue
		}
		if p.Model.Classifier {
			out[i].By, out[i].Top = byClassifier, Top(knn.Softmax(item.Logits, len(item.Logits)), p.Model.Classes, p.Top)
		}
		if p.Index != nil {
			if err := p.ask(&out[i], found[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// ask completes a prediction by a picture's neighbours.
func (p *Predictor) ask(to *Prediction, neighbors []index.Neighbor) (err error) {
	classes := p.Index.Meta().Classes
	shares := vote(neighbors, p.Index.Label, len(classes), p.Model.Recipe.Evaluate.KNN.Temperature)
	voted := knn.Top(shares)
	if !p.Model.Classifier || voted >= len(p.Model.Classes) {
		to.By, to.Top = byNeighbors, Top(shares, classes, p.Top)
	}
	if to.Neighbors, err = describe(p.Index, neighbors); err != nil {
		return err
	}
	agree, similarities := 0, make([]float32, len(neighbors))
	for i, n := range to.Neighbors {
		similarities[i] = n.Similarity
		if n.Class == to.Top[0].Name {
			agree++
		}
	}
	share := float64(agree) / float64(max(len(neighbors), 1))
	to.Agreement = &share
	if p.Familiarity != nil {
		f := p.Familiarity(similarities)
		to.Familiarity = &f
	}
	return nil
}
