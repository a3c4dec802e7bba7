package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"cone/recipe"
	"cone/report"
	"cone/train"
)

func newLRFind() *cobra.Command {
	var s settings
	var e engineFlags
	var out, path string
	search := train.RateSearch{From: 1e-6, To: 10, Steps: 200}
	c := &cobra.Command{
		Use:   "lr-find RECIPE",
		Short: "Suggest a learning rate",
		Long: `Train a recipe for some steps while the learning rate grows from step to step,
until the loss explodes (Smith 2015, arXiv 1506.01186), and suggest values for
optim.lr: where the smoothed loss falls fastest, and a tenth of where it is
lowest. Rates are values of optim.lr, before optim.reference_batch scales them.
lr-find.png and lr-find.csv show the losses; nothing else is written.`,
		Example: `  cone lr-find fashion-mnist-quick
  cone lr-find my.yaml --data photos --set optim.name=adamw --to 0.1 --out results`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			engine, err := train.NewEngine(e.device, e.threads)
			if err != nil {
				return err
			}
			r, err := recipe.Find(args[0])
			if err != nil {
				return err
			}
			if r, err = s.apply(withData(r, path)); err != nil {
				return err
			}
			if err := search.Validate(); err != nil {
				return usageError{err}
			}
			points, found, err := train.FindRate(c.Context(), r, search, engine)
			if err != nil {
				return err
			}
			return showRates(out, points, found)
		},
	}
	s.flags(c)
	e.flags(c)
	c.Flags().StringVar(&path, "data", "", "train on the images at this path instead of the recipe's")
	c.Flags().StringVar(&out, "out", ".", "folder for lr-find.png and lr-find.csv")
	c.Flags().Float64Var(&search.From, "from", search.From, "rate of the first step")
	c.Flags().Float64Var(&search.To, "to", search.To, "rate of the last step")
	c.Flags().IntVar(&search.Steps, "steps", search.Steps, "steps between them")
	return c
}

// showRates writes the search's files and prints what it suggests.
func showRates(out string, points []report.RatePoint, found train.RateSuggestion) error {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	picture, table := filepath.Join(out, "lr-find.png"), filepath.Join(out, "lr-find.csv")
	if err := report.WriteRates(table, points); err != nil {
		return err
	}
	err := report.Rates(picture, points, report.RateMark{Name: "steepest fall", Rate: found.Steepest},
		report.RateMark{Name: "a tenth of the lowest", Rate: found.Lowest / 10})
	if err != nil {
		return err
	}
	t := report.NewTable("suggestion", "optim.lr")
	t.Row("steepest fall", fmt.Sprintf("%.2g", found.Steepest))
	t.Row("a tenth of where the loss is lowest", fmt.Sprintf("%.2g", found.Lowest/10))
	if _, err := t.WriteTo(os.Stdout); err != nil {
		return err
	}
	_, err = fmt.Printf("\n%d steps up to optim.lr = %.2g; the losses are in %s and %s.\n",
		len(points), points[len(points)-1].Rate, picture, table)
	return err
}
