package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cone/data/internal/parquet"
)

// readLabels appends the labels of a file.
func (p *parquetPart) readLabels(f *parquet.File, column *parquet.Column) error {
	p.labels = slices.Grow(p.labels, f.Rows())
	return f.Each(column, func(row int, v parquet.Value) error {
		label, err := p.label(v)
		if err != nil {
			return fmt.Errorf("%w in row %d of the column %s", err, row, column.Path)
		}
		p.labels = append(p.labels, label)
		return nil
	})
}

// maxNameBytes bounds a class's name.
const maxNameBytes = 4096

// label is a value as a label; one that is a text is an index into p.texts,
// for now.
func (p *parquetPart) label(v parquet.Value) (int32, error) {
	switch {
	case v.Null:
		return 0, errors.New("has no label (remove the row)")
	case p.texts == nil && (v.Number < 0 || v.Number >= maxClasses):
		return 0, fmt.Errorf("has the label %d (a label is a number from 0 to %d)", v.Number, maxClasses-1)
	case p.texts == nil:
		return int32(v.Number), nil
	case len(v.Text) == 0 || len(v.Text) > maxNameBytes:
		return 0, fmt.Errorf("has a class name of %d bytes (it is to have 1 to %d)", len(v.Text), maxNameBytes)
	}
	at, ok := p.texts[string(v.Text)]
	if !ok {
		if len(p.texts) == maxClasses {
			return 0, fmt.Errorf("has more than %d classes", maxClasses)
		}
		at = int32(len(p.texts))
		p.texts[string(v.Text)] = at
	}
	return at, nil
}

// declare takes the class names from the metadata that the library datasets
// writes, if they are there.
func (p *parquetPart) declare(f *parquet.File) error {
	names := declaredClasses(f.Metadata("huggingface"))
	if names == nil {
		return nil
	}
	if p.declared != nil && !slices.Equal(names, p.declared) {
		return errors.New("declares other classes than the files before it; fetch all files from one place")
	}
	p.declared = names
	return nil
}

// declaredClasses are the class names in a description of the file's features,
// or nil.
func declaredClasses(description string) []string {
	var facts struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(description), &facts) != nil {
		return nil
	}
	for _, name := range labelColumns {
		var feature struct {
			Names []string `json:"names"`
		}
		if json.Unmarshal(facts.Info.Features[name], &feature) == nil && len(feature.Names) > 0 {
			return feature.Names
		}
	}
	return nil
}

// names are the part's class names: those in its label column, sorted, those
// it declares, or numbers.
func (p *parquetPart) names() ([]string, error) {
	if p.texts != nil {
		names := make([]string, 0, len(p.texts))
		for name := range p.texts {
			names = append(names, name)
		}
		slices.Sort(names)
		return names, nil
	}
	at := 0
	for i, label := range p.labels {
		if label > p.labels[at] {
			at = i
		}
	}
	highest := int(p.labels[at])
	if p.declared == nil {
		return numberNames(highest + 1), nil
	}
	if highest >= len(p.declared) {
		return nil, fmt.Errorf("%s has the label %d, but the file declares %d classes; mend one of them", p.Name(at), highest, len(p.declared))
	}
	return p.declared, nil
}

// agree checks that the labels mean what they mean in the training files.
func (p *parquetPart) agree(train *parquetPart) error {
	if (p.texts == nil) != (train.texts == nil) {
		return fmt.Errorf("%s has labels of another type than %s; convert them", p.files[0].path, train.files[0].path)
	}
	if p.texts == nil && p.declared != nil && train.declared != nil && !slices.Equal(p.declared, train.declared) {
		return fmt.Errorf("%s declares other classes than %s; fetch both from one place", p.files[0].path, train.files[0].path)
	}
	return nil
}

// nameClasses sets the class names, and turns labels that are names into
// indices of them.
func (p *parquetPart) nameClasses(names []string) error {
	p.classes = names
	if p.texts != nil {
		index := make([]int32, len(p.texts))
		for name, i := range p.texts {
			at, ok := slices.BinarySearch(names, name)
			if !ok {
				at = len(names)
			}
			index[i] = int32(at)
		}
		for i, label := range p.labels {
			if p.labels[i] = index[label]; int(p.labels[i]) == len(names) {
				return fmt.Errorf("%s has a class that the training files do not have; remove its rows", p.Name(i))
			}
		}
		return nil
	}
	for i, label := range p.labels {
		if int(label) >= len(names) {
			return fmt.Errorf("%s has the label %d, but there are %d classes; mend the label", p.Name(i), label, len(names))
		}
	}
	return nil
}
