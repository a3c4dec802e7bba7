package method

import (
	"fmt"

	"cone/dist"
	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Setup is what the constructors of methods take besides encoders.
type Setup struct {
	recipe.Method
	Precision Precision
	// Classes is C.
	Classes int
	// Weights are the C class weights in the losses' element type; undefined
	// means 1 for all. They must outlive the method.
	Weights tensor.Tensor
	// Group is the processes that train together; nil is this one alone.
	Group *dist.Group
	// SyncBatchNorm lets the encoders' batch norms use the statistics of all
	// processes' images.
	SyncBatchNorm bool
}

// synchronize connects an encoder's batch norms with those of other processes.
func (s Setup) synchronize(e *model.Encoder) {
	if s.SyncBatchNorm && !(ranks{s.Group}).alone() {
		e.Tree.Synchronize(s.Group)
	}
}

// targets are what the setup has classifiers trained towards.
func (s Setup) targets() targets {
	return targets{smoothing: s.LabelSmoothing, all: s.Smoothing == "all", weights: s.Weights, ranks: ranks{s.Group}}
}

// New makes the method that the setup names. Another encoder like query is
// made where the method needs one.
func New(query *model.Encoder, another func() (*model.Encoder, error), s Setup) (Method, error) {
	s.synchronize(query)
	switch s.Name {
	case "cross-entropy":
		return NewCrossEntropy(query, s), nil
	case "bce":
		return NewBCE(query, s), nil
	case "margin":
		return NewMargin(query, s), nil
	case "triplet":
		return NewTriplet(query, s), nil
	case "supcon":
		if s.SupCon.BankSize == 0 {
			return NewSupCon(query, s), nil
		}
	case "cone", "paco":
	default:
		return nil, fmt.Errorf("method.name %q is unknown: choose cone, cross-entropy, bce, supcon, triplet, margin or paco", s.Name)
	}
	key, err := another()
	if err != nil {
		return nil, err
	}
	s.synchronize(key)
	switch s.Name {
	case "supcon":
		return NewSupConQueue(query, key, s), nil
	case "paco":
		return NewPaCo(query, key, s), nil
	}
	return NewCoNe(query, key, s), nil
}

// single is what the methods with one encoder and nothing else have in common.
type single struct {
	encoder   *model.Encoder
	precision Precision
}

// Encoder is the network that learns.
func (m *single) Encoder() *model.Encoder { return m.encoder }

// Views is one.
func (m *single) Views() int { return 1 }

// BeforeStep does nothing.
func (m *single) BeforeStep(Step) {}

// AfterBackward does nothing.
func (m *single) AfterBackward(Step) {}

// State is the encoder's.
func (m *single) State() []*nn.Entry { return named("encoder_q.", m.encoder.Tree) }
