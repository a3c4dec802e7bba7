package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cone/infer"
	"cone/predict"
)

func newIndexAdd() *cobra.Command {
	var m modelFlags
	var in inputFlags
	var label, model string
	var thumbnails, k int
	var asJSON bool
	c := &cobra.Command{
		Use:   "add INDEX|RUN --label NAME FILE|DIR...",
		Short: "Teach an index a new class by a few pictures, without training",
		Long: `Embed pictures of a class that the model was not trained on and append them to
its index. From then on the neighbours' vote decides on that class (see cone
predict). How well it does is told: each picture is left out of its own vote; and
the same is done with up to 2000 of the index's old entries, before and after.`,
		Example: `  cone index add runs/mine --label scarf scarves/
  cone index add photos.cone --model exported --label scarf a.jpg b.jpg c.jpg`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) < 2 || label == "":
				return errors.New("give the index, --label NAME and pictures")
			case strings.ContainsAny(label, "\n\r\x00"):
				return errors.New("--label must be one line")
			case k < 0 || thumbnails < 0 || thumbnails > 1024:
				return errors.New("-k must not be negative, and --thumbnails must lie between 0 and 1024 pixels")
			}
			return in.check(args[1:])
		},
		RunE: func(c *cobra.Command, args []string) error {
			path := indexPath(args[0])
			if model == "" {
				model = filepath.Dir(path)
			}
			return m.use(model, func(model *infer.Model) error {
				var problems teller
				o := predict.AddOptions{Options: in.options(), K: k, Thumbnails: thumbnails, Problem: problems.tell}
				if k == 0 {
					o.K = model.Recipe.Evaluate.KNN.K
				}
				a, err := predict.Add(c.Context(), model, path, label, predict.Inputs{Arguments: args[1:], Stdin: os.Stdin}, o)
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(os.Stdout).Encode(a)
				} else {
					_, err = fmt.Printf(`%d pictures of %s are added to %s.
Left out of their own vote of %d neighbours, %d of %d are recognised (%.1f %%).
Of %d old entries, %d were recognised before and %d are now; %d are taken for %s.
`, a.N, a.Class, path, o.K, a.Correct, a.N, 100*float64(a.Correct)/float64(a.N), a.Old, a.Before, a.After, a.Lost, a.Class)
				}
				if err != nil {
					return err
				}
				return problems.err()
			})
		},
	}
	m.flags(c)
	in.sizes(c)
	in.part = "test"
	c.Flags().StringVar(&label, "label", "", "the new class's name")
	c.Flags().StringVar(&model, "model", "", "the model that made the index (default: the folder that holds it)")
	c.Flags().IntVarP(&k, "neighbors", "k", 0, "how many vote in the test (0: evaluate.knn.k)")
	c.Flags().IntVar(&thumbnails, "thumbnails", 64, "keep pictures of at most so many pixels a side, for galleries (0: none)")
	c.Flags().BoolVar(&asJSON, "json", false, "print the test's figures as JSON")
	return c
}
