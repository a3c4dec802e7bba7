package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cone/report"
	"cone/train"
)

func newEval() *cobra.Command {
	var s settings
	var e engineFlags
	var corruptions corruptionFlags
	var which, file, out string
	var asJSON, average, knn bool
	c := &cobra.Command{
		Use:   "eval RUN",
		Short: "Evaluate a run's model on its test images",
		Long: `Evaluate a checkpoint on the test images of its recipe, each counted once:
top-1, top-5, negative log-likelihood, expected calibration error. A model
without a classifier is judged by its nearest training images.`,
		Example: `  cone eval runs/fashion-mnist-quick-001
  cone eval runs/mine --checkpoint best --json
  cone eval runs/mine --knn --set evaluate.knn.k=200
  cone eval runs/mine --corruptions noise,contrast --out results
  cone eval runs/mine --ema
  cone eval runs/mine --set data.path=/data/other --out results
  cone eval runs/mine --weights exported.pth`,
		Args: corruptions.args,
		RunE: func(c *cobra.Command, args []string) error {
			if average && file != "" {
				return usageError{errors.New("--ema and --weights name different weights: give one of them")}
			}
			engine, err := train.NewEngine(e.device, e.threads)
			if err != nil {
				return err
			}
			checkpoint, err := train.FindCheckpoint(args[0], which)
			if err != nil {
				return err
			}
			defer checkpoint.Close()
			if checkpoint.Recipe, err = s.apply(checkpoint.Recipe); err != nil {
				return err
			}
			if knn {
				checkpoint.Recipe.Evaluate.KNN.Report = true
			}
			if checkpoint.Corruptions, err = corruptions.chosen(); err != nil {
				return err
			}
			if average {
				if err := checkpoint.UseAverage(); err != nil {
					return err
				}
			}
			result, shown := report.Result{}, checkpoint.Path
			if file == "" {
				result, err = train.Evaluate(c.Context(), checkpoint, engine)
			} else {
				shown = file
				result, err = train.EvaluateFile(c.Context(), checkpoint, file, engine)
			}
			if err != nil {
				return err
			}
			if err := corruptions.finish(result.Corruptions, out); err != nil {
				return err
			}
			if out != "" {
				if err := os.MkdirAll(out, 0o777); err != nil {
					return err
				}
				if err := result.WriteFiles(out); err != nil {
					return err
				}
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(struct {
					Checkpoint string `json:"checkpoint"`
					report.Result
				}{shown, result})
			}
			names := []string{"checkpoint", "images", "top-1 %", "top-5 %", "NLL", "calibration error"}
			row := []any{shown, result.N, percent(float64(result.Top1)), percent(float64(result.Top5)),
				fmt.Sprintf("%.4f", result.NLL), fmt.Sprintf("%.4f", result.ECE)}
			if result.KNNTop1 != nil {
				names, row = append(names, "k-NN top-1 %"), append(row, percent(float64(*result.KNNTop1)))
			}
			if m := result.Mixed; m != nil {
				names = append(names, "mixed top-1 %", "mixed NLL", "mixed calibration error", "vote's weight")
				row = append(row, percent(float64(m.Top1)), fmt.Sprintf("%.4f", m.NLL), fmt.Sprintf("%.4f", m.ECE), fmt.Sprintf("%.3f", m.Weight))
			}
			t := report.NewTable(names...)
			t.Row(row...)
			if _, err = t.WriteTo(os.Stdout); err != nil {
				return err
			}
			if result.Mixed != nil {
				if _, err := fmt.Println("\n" + describeMixed(*result.Mixed)); err != nil {
					return err
				}
			}
			return corruptions.show(result.Corruptions)
		},
	}
	s.flags(c)
	e.flags(c)
	corruptions.flags(c)
	c.Flags().StringVar(&which, "checkpoint", "last", "last, best, epoch-NNNN, or a file")
	c.Flags().StringVar(&file, "weights", "", "evaluate the weights of this file instead (safetensors or .pth; see cone import)")
	c.Flags().StringVar(&out, "out", "", "write evaluation.json, per_class.csv, confusion.csv and corruptions.csv into this folder")
	c.Flags().BoolVar(&knn, "knn", false, "also let the nearest training images vote (evaluate.knn)")
	c.Flags().BoolVar(&average, "ema", false, "evaluate the moving average of the weights (recipes with ema.decay)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// describeMixed says how the mixture was chosen, and what to think of it.
func describeMixed(m report.Mixed) string {
	chosen := fmt.Sprintf("%d images that training held out", m.Calibration)
	if !m.HeldOut {
		chosen = fmt.Sprintf("%d training images by their neighbours but themselves, which the network has seen, so the shares may not suit new images: data.hold_out in the recipe avoids that", m.Calibration)
	}
	return fmt.Sprintf("Mixed: %.3f of the vote of %d neighbours at temperature %g, %.3f of the classifier; chosen on %s.",
		m.Weight, m.K, m.Temperature, 1-m.Weight, chosen)
}
