package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"cone/infer"
	"cone/predict"
)

func newEmbed() *cobra.Command {
	var m modelFlags
	var in inputFlags
	var out string
	c := &cobra.Command{
		Use:   "embed MODEL [FILE|DIR|-]... --out FILE",
		Short: "Write the embeddings of pictures",
		Long: `Write the embeddings of pictures, of length 1, for other programs.

  .npy      float32, a row for each picture; beside it, as .tsv, their names and,
            where a collection knows them, labels
  .parquet  columns path, label and embedding (a list of float32)

Pictures are given as for cone predict. One that cannot be decoded is left out.`,
		Example: `  cone embed runs/mine photos/ --out photos.npy
  cone embed runs/mine --data /data/cifar10 --part train --out cifar.parquet`,
		Args: func(_ *cobra.Command, args []string) error {
			switch ext := filepath.Ext(out); {
			case len(args) == 0 || out == "":
				return errors.New("give the model, pictures and --out FILE")
			case ext != ".npy" && ext != ".parquet":
				return fmt.Errorf("--out %s: name a file that ends in .npy or .parquet", out)
			}
			return in.check(args[1:])
		},
		RunE: func(c *cobra.Command, args []string) error {
			return m.use(args[0], func(model *infer.Model) error {
				pictures, done, err := in.open(model, args[1:])
				if err != nil {
					return err
				}
				defer done()
				write := predict.NPY
				if filepath.Ext(out) == ".parquet" {
					write = predict.Parquet
				}
				var problems teller
				rows := 0
				err = write(out, func(add func(name, label string, row []float32) error) error {
					err := predict.Run(c.Context(), model, pictures, in.options(), func(items []predict.Item) error {
						for _, item := range items {
							if item.Problem != nil {
								problems.tell(item.Problem)
								continue
							}
							rows++
							if err := add(item.Name, item.Label, item.Embedding); err != nil {
								return err
							}
						}
						return nil
					})
					if err == nil && rows == 0 {
						err = problems.err()
					}
					return err
				})
				if err != nil {
					return err
				}
				fmt.Printf("%d embeddings of %d dimensions: %s\n", rows, model.Encoder.Dim(), out)
				return problems.err()
			})
		},
	}
	m.flags(c)
	in.flags(c)
	c.Flags().StringVar(&out, "out", "", "the file to write: .npy or .parquet")
	return c
}
