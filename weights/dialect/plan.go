package dialect

import (
	"fmt"
	"slices"
	"strings"

	"cone/weights"
)

// Want is a tensor to be filled, by its name in our checkpoints.
type Want struct {
	Name  string
	Shape []int64
}

// Options say what may be left out.
type Options struct {
	// Direct is true where our classifier looks at the backbone's features,
	// so that the classifier of another program's network fits it.
	Direct bool
	// Classifier is what such a network calls its classifier; "" means fc.
	Classifier string
	// DropClassifier leaves the classifier as it is.
	DropClassifier bool
}

// Take is a tensor of the file that goes where it is wanted.
type Take struct {
	Want, From string
	// Transpose turns rows into columns: the authors' bank lies D×K.
	Transpose bool
}

// Unfit is a tensor that has another shape in the file than here. Both shapes
// are in the file's layout.
type Unfit struct {
	Want, From  string
	There, Here []int64
}

// Plan is which tensor of a file goes where.
type Plan struct {
	Dialect Dialect
	Takes   []Take
	// Fresh are wanted, but not in such a file: they stay as they are.
	Fresh []string
	// Dropped are in the file, but not wanted.
	Dropped []string
	// Missing are wanted and should be in such a file.
	Missing []string
	Unfit   []Unfit

	classifier string // in files of networks
}

// NewPlan finds a tensor of the file for everything wanted. It fails only when
// the names are those of no known network; what does not fit is in Err.
func NewPlan(s weights.Source, wants []Want, o Options) (*Plan, error) {
	d, err := Detect(s)
	if err != nil {
		return nil, err
	}
	if o.Classifier == "" {
		o.Classifier = "fc"
	}
	p := &Plan{Dialect: d, classifier: o.Classifier + "."}
	used := map[string]bool{}
	m := mapper{d, o, parameters(s)}
	for _, w := range wants {
		from, transpose, expected := m.find(w.Name)
		info, ok := weights.Info{}, false
		if from != "" {
			info, ok = s.Info(from)
		}
		switch {
		case !ok && (!expected || strings.HasSuffix(w.Name, counter)):
			p.Fresh = append(p.Fresh, w.Name)
		case !ok:
			p.Missing = append(p.Missing, from)
		default:
			used[from] = true
			here := slices.Clone(w.Shape)
			if transpose {
				slices.Reverse(here)
			}
			if !sameShape(info.Shape, here) {
				p.Unfit = append(p.Unfit, Unfit{w.Name, from, info.Shape, here})
				continue
			}
			p.Takes = append(p.Takes, Take{w.Name, from, transpose})
		}
	}
	for _, name := range s.Names() {
		if !used[name] {
			p.Dropped = append(p.Dropped, name)
		}
	}
	return p, nil
}

// sameShape takes one element for a scalar: counters come as both.
func sameShape(a, b []int64) bool {
	one := func(s []int64) bool { return len(s) == 0 || len(s) == 1 && s[0] == 1 }
	return slices.Equal(a, b) || one(a) && one(b)
}

type mapper struct {
	Dialect
	Options
	parameters map[string]int64
}

// find says under which name the file has what we call name, whether it is
// transposed there, and whether such a file should have it.
func (m mapper) find(name string) (from string, transpose, expected bool) {
	local, isQuery := strings.CutPrefix(name, Query)
	if m.DropClassifier && (isQuery || strings.HasPrefix(name, Key)) && isClassifier(name) {
		return "", false, false
	}
	switch {
	case m.Dialect == Cone:
		return name, false, true
	case m.Dialect == Authors:
		return m.authors(name)
	case !isQuery:
		return "", false, false
	case m.Dialect == Encoder:
		return local, false, true
	}
	if features, ok := strings.CutPrefix(local, "net."); ok {
		return features, false, true
	}
	if m.Direct && isClassifier(name) {
		return m.Classifier + strings.TrimPrefix(local, "fc"), false, false // a bare backbone has none
	}
	return "", false, false
}

// isClassifier says whether a name with its encoder's prefix is the classifier's.
func isClassifier(name string) bool {
	_, local, _ := strings.Cut(name, ".")
	return strings.HasPrefix(local, "fc.")
}

func (m mapper) authors(name string) (from string, transpose, expected bool) {
	switch name {
	case BankEmbedding:
		return "queue", true, true
	case BankProbability:
		return "queue_label_prob", true, true
	case BankLabel:
		return "queue_label", false, true
	case BankPosition:
		return "queue_ptr", false, true
	case BankImage: // the authors do not keep it
		return "", false, false
	}
	if parameter, ok := strings.CutPrefix(name, Momentum); ok {
		index, ok := m.parameters[Query+parameter]
		if !ok {
			return Query + parameter, false, true
		}
		return weights.OptimizerName(index, "momentum_buffer"), false, true
	}
	return name, false, true
}

// shown is how many names a message lists.
const shown = 8

// Err says in one sentence what does not fit, or is nil.
func (p *Plan) Err() error {
	var parts []string
	for _, u := range p.Unfit {
		parts = append(parts, fmt.Sprintf("%s is %v there and %v here", u.From, u.There, u.Here))
	}
	for _, name := range p.Missing {
		parts = append(parts, name+" is missing there")
	}
	if len(parts) == 0 {
		return nil
	}
	hint := "choose the recipe's model and data as the file has them"
	if p.onlyClassifier() {
		hint = "it was made for other classes: give data with those, or start a new classifier with --drop-classifier"
	}
	if more := len(parts) - shown; more > 0 {
		parts = append(parts[:shown], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("it does not fit (%s): %s", strings.Join(parts, "; "), hint)
}

// onlyClassifier says whether a new classifier would mend everything.
func (p *Plan) onlyClassifier() bool {
	for _, u := range p.Unfit {
		if !strings.HasPrefix(u.From, p.classifier) && !strings.HasPrefix(u.From, "fc.") && !isClassifier(u.From) {
			return false
		}
	}
	return len(p.Missing) == 0 && len(p.Unfit) > 0
}
