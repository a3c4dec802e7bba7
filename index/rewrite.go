package index

import "fmt"

// Rewrite replaces the file at path by one with the same entries, whose Meta
// change has altered. Dim and Precision must stay, and so must the classes that
// labels count; more may follow them. On an error the file is as it was.
func Rewrite(path string, change func(*Meta) error) error {
	return Append(path, nil, nil, change)
}

// Append replaces the file at path by one that has more entries behind the old
// ones, vectors being M×D, and whose Meta change has altered, as for Rewrite;
// change may be nil. An open Index goes on with the old file.
func Append(path string, vectors []float32, entries []Entry, change func(*Meta) error) error {
	x, err := Open(path)
	if err != nil {
		return err
	}
	defer x.Close()
	// What is copied gets new sums: damage would go unseen from then on.
	if err := x.Verify(); err != nil {
		return err
	}
	w, err := Create(path, x.meta)
	if err != nil {
		return err
	}
	defer w.Abort()
	for i := range x.Len() {
		e, err := x.Entry(i)
		if err != nil {
			return err
		}
		var scale float32
		err = x.guarded(func() error {
			if x.meta.Precision == INT8 {
				scale = x.scale(i)
			}
			return w.add(x.row(i), scale, e)
		})
		if err != nil {
			return err
		}
	}
	if err := w.Add(vectors, entries); err != nil {
		return err
	}
	if change != nil {
		m := x.meta
		if err := change(&m); err != nil {
			return err
		}
		if len(m.Classes) < len(x.meta.Classes) {
			return fmt.Errorf("%s has %d classes, which cannot become %d", path, len(x.meta.Classes), len(m.Classes))
		}
		if err := w.SetMeta(m); err != nil {
			return err
		}
	}
	return w.Close()
}
