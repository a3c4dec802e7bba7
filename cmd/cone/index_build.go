package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cone/index"
	"cone/infer"
	"cone/predict"
)

func newIndexBuild() *cobra.Command {
	var m modelFlags
	var in inputFlags
	var precision, out string
	var thumbnails int
	var graph bool
	c := &cobra.Command{
		Use:   "build MODEL",
		Short: "Embed the training images once, into one file",
		Long: `Embed the training images of a model's recipe, each once, by the query encoder
and without augmentation, into one file: vectors, classes, names, thumbnails.
cone neighbors, cone predict --neighbors and cone audit ask it. Until the file is
whole, there is none, or the old one.`,
		Example: `  cone index build runs/mine
  cone index build runs/mine --precision int8 --thumbnails 96
  cone index build exported --set data.path=/data/photos --out photos.cone`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return errors.New("give one model")
			case !slices.Contains([]string{"fp32", "fp16", "int8"}, precision):
				return fmt.Errorf("--precision %q is unknown: choose fp32, fp16 or int8", precision)
			case thumbnails < 0 || thumbnails > 1024:
				return errors.New("--thumbnails must lie between 0 and 1024 pixels")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				out = indexOf(args[0])
			}
			return m.use(args[0], func(model *infer.Model) error {
				var problems teller
				o := predict.BuildOptions{
					Options: in.options(), Precision: index.Precision(precision), Thumbnails: thumbnails,
					Progress: progress("embedded"), Problem: problems.tell,
				}
				n, err := predict.Build(c.Context(), model, out, o)
				if err != nil {
					return err
				}
				f, err := predict.CalibrateFamiliarity(c.Context(), model, out, in.options())
				if err != nil {
					return err
				}
				if graph {
					if err := index.BuildGraph(c.Context(), out, index.GraphOptions{Threads: m.threads}); err != nil {
						return err
					}
				}
				info, err := os.Stat(out)
				if err != nil {
					return err
				}
				fmt.Printf("%d training images, %d dimensions in %s, %.1f MB: %s\n", n, model.Encoder.Dim(), precision, float64(info.Size())/1e6, out)
				calibrated := "training images, each without itself: new pictures look less familiar than they are"
				if f.HeldOut {
					calibrated = "images that training held out"
				}
				fmt.Printf("familiarity calibrated on %d %s\n", f.N, calibrated)
				return problems.err()
			})
		},
	}
	m.flags(c)
	in.sizes(c)
	c.Flags().StringVar(&precision, "precision", "fp32", "of the vectors: fp32, fp16 or int8")
	c.Flags().IntVar(&thumbnails, "thumbnails", 64, "keep pictures of at most so many pixels a side, for galleries (0: none)")
	c.Flags().BoolVar(&graph, "graph", false, "also make a graph for faster, approximate searches: worth it from about a million images on")
	c.Flags().StringVar(&out, "out", "", "the file to write (default: index.cone in the model's folder)")
	return c
}

// progressInterval is how often progress is told.
const progressInterval = 5 * time.Second

// progress gives a function that tells now and then, on stderr, how far
// something is.
func progress(done string) func(n, all int) {
	last := time.Now()
	return func(n, all int) {
		if time.Since(last) >= progressInterval {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "%s %d of %d\n", done, n, all)
		}
	}
}
