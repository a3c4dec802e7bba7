package predict

import (
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"cone/weights"
)

// Embedding is a row of the Parquet file that Parquet writes.
type Embedding struct {
	Path      string    `parquet:"path"`
	Label     *string   `parquet:"label,optional"` // where it is known
	Embedding []float32 `parquet:"embedding,list"` // D
}

// parquetRows are what is kept in memory before it is written.
const parquetRows = 4096

// Parquet writes rows with the columns path, label and embedding, a list of D
// float32. fill calls add for every row.
func Parquet(path string, fill func(add func(name, label string, row []float32) error) error) error {
	return weights.WriteFileAtomic(path, func(out io.Writer) error {
		w := parquet.NewGenericWriter[Embedding](out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(16*parquetRows))
		var rows []Embedding
		flush := func() error {
			_, err := w.Write(rows)
			rows = rows[:0]
			return err
		}
		err := fill(func(name, label string, row []float32) error {
			e := Embedding{Path: name, Embedding: slices.Clone(row)}
			if label != "" {
				e.Label = &label
			}
			if rows = append(rows, e); len(rows) == parquetRows {
				return flush()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
		return w.Close()
	})
}
