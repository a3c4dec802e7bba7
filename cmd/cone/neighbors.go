package main

import (
	"cmp"
	"errors"

	"github.com/spf13/cobra"

	"cone/infer"
	"cone/predict"
)

func newNeighbors() *cobra.Command {
	var m modelFlags
	var in inputFlags
	var n neighborFlags
	var out outputFlags
	var k int
	c := &cobra.Command{
		Use:   "neighbors MODEL [IMAGE]...",
		Short: "Tell which training images pictures resemble",
		Long: `Tell which entries of the model's index (see cone index build) resemble
pictures most: rank, class, cosine similarity, name, and which share of them is of
the class that is predicted. Pictures are given as for cone predict.`,
		Example: `  cone neighbors runs/mine photo.jpg -k 10
  cone neighbors runs/mine holiday/ --html neighbors.html
  cone neighbors runs/mine photo.jpg --json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return errors.New("give the model and pictures: cone neighbors MODEL IMAGE")
			case k < 1:
				return errors.New("-k must be at least 1")
			}
			return cmp.Or(in.check(args[1:]), out.check())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return m.use(args[0], func(model *infer.Model) error {
				x, err := n.open(args[0], model)
				if err != nil {
					return err
				}
				defer x.Close()
				p := predict.Predictor{Model: model, Top: 1, Index: x, K: k, Exact: n.exact}
				if p.Familiarity, err = predict.Familiarity(x, k); err != nil {
					return err
				}
				return in.predict(c.Context(), &p, args[1:], out.writer(&p, true))
			})
		},
	}
	m.flags(c)
	in.flags(c)
	n.flags(c)
	out.flags(c)
	c.Flags().IntVarP(&k, "neighbors", "k", 10, "how many")
	return c
}
