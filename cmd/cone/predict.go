package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"cone/infer"
	"cone/predict"
)

func newPredict() *cobra.Command {
	var m modelFlags
	var in inputFlags
	var n neighborFlags
	var out outputFlags
	var top, k int
	c := &cobra.Command{
		Use:   "predict MODEL [FILE|DIR|-]...",
		Short: "Predict the classes of pictures",
		Long: `Predict the classes of pictures by a run, a checkpoint or an exported folder.
Folders are searched with all below them, by name. "-" reads standard input: one
encoded picture, or paths, one a line. Pictures are prepared exactly as the
recipe has it for evaluation; the order of the output is that of the input.

With --neighbors, the training images that resemble a picture stand beside its
class (see cone index build). Where classes were added to the index, it is asked
in any case: the neighbours' vote decides on those. A model without a trained
classifier predicts by its neighbours only.

A picture that cannot be decoded gives a sentence on stderr; the others go on,
and the exit code is 1 at the end.`,
		Example: `  cone predict runs/mine photo.jpg
  cone predict runs/mine holiday/ --top 3 --csv > holiday.csv
  find . -name '*.png' | cone predict runs/mine - --json
  cone predict runs/mine - < photo.jpg
  cone predict runs/mine photo.jpg --neighbors 10 --html neighbors.html
  cone predict runs/fashion-mnist-quick-001 --data /usr/share/datasets/fashion-mnist`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("give the model and pictures: cone predict MODEL FILE")
			case top < 1 || k < -1:
				return errors.New("--top must be at least 1, and --neighbors must not be negative")
			case out.html != "" && k == 0:
				return errors.New("--html shows neighbours: leave out --neighbors 0")
			}
			return cmp.Or(in.check(args[1:]), out.check())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return m.use(args[0], func(model *infer.Model) error {
				p := predict.Predictor{Model: model, Top: top, K: k, Exact: n.exact}
				asked := k > 0 || out.html != "" || !model.Classifier || n.index != ""
				if k < 0 {
					p.K = model.Recipe.Evaluate.KNN.K
				}
				if k != 0 && (asked || n.there(args[0])) {
					x, err := n.open(args[0], model)
					switch {
					case err == nil:
						defer x.Close()
						if k < 0 {
							p.K = min(p.K, x.Len())
						}
						if asked || predict.AddedClasses(x, model) {
							p.Index = x
							if p.Familiarity, err = predict.Familiarity(x, p.K); err != nil {
								return err
							}
						}
					case !asked: // an index of other weights is none of this model's
					case !model.Classifier:
						return fmt.Errorf("%s has no trained classifier and predicts by its neighbours only: %w", args[0], err)
					default:
						return err
					}
				}
				return in.predict(c.Context(), &p, args[1:], out.writer(&p, false))
			})
		},
	}
	m.flags(c)
	in.flags(c)
	n.flags(c)
	out.flags(c)
	c.Flags().IntVar(&top, "top", 1, "how many classes to tell, with probabilities")
	c.Flags().IntVar(&k, "neighbors", -1, "how many neighbours to tell (-1: none, unless they decide)")
	return c
}
