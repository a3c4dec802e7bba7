package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cone/export"
	"cone/train"
)

// formats are what cone export writes.
var formats = []string{"safetensors", "pth", "authors", "onnx"}

func newExport() *cobra.Command {
	var which, format, out string
	var features, average, normalized, all bool
	var inputSize int
	c := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run's model for other programs",
		Long: `Write the query encoder of a checkpoint for other programs.

  safetensors  a folder with model.safetensors and config.json, as timm reads it:
               timm.create_model("local-dir:FOLDER", pretrained=True)
  pth          a state_dict: torch.load(FILE, weights_only=True)
  authors      the whole state of the run, for the program of CoNe's authors
  onnx         for ONNX Runtime: float32 images N×C×H×W from 0 to 1 in, logits and
               embedding out; mean and deviation are inside unless --normalized

--all writes a folder ready to upload: all of these that the model can be written
as, the recipe, the classes, the run's evaluation and a model card (README.md).

timm's networks have no projection head: a model with one is exported there
with --features, as a backbone without classifier.`,
		Example: `  cone export runs/mine --to pth --out mine.pth
  cone export runs/mine --to safetensors --features --out mine-timm
  cone export runs/mine --to authors --checkpoint epoch-0010 --out checkpoint.tar
  cone export runs/mine --to onnx --ema --out mine.onnx
  cone export runs/mine --all --out mine`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1 || out == "" || all == (format != ""):
				return errors.New("give one RUN, --to FORMAT or --all, and --out PATH")
			case all && (features || normalized):
				return errors.New("--all chooses what each file holds: leave --features and --normalized out")
			case all:
				return nil
			case !slices.Contains(formats, format):
				return fmt.Errorf("--to %q is unknown: choose one of %s", format, strings.Join(formats, ", "))
			case features && format == "onnx":
				return errors.New("--features leaves parts out, and --to onnx writes the embedding beside the logits: leave it out")
			case normalized && format != "onnx":
				return errors.New("--normalized says what --to onnx expects: leave it out")
			case average && format == "authors":
				return errors.New("the authors' checkpoints hold no moving average: leave --ema out, or choose another --to")
			case features && format == "authors":
				return errors.New("--features leaves parts out, and --to authors writes the whole state: give one of them")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			checkpoint, err := train.FindCheckpoint(args[0], which)
			if err != nil {
				return err
			}
			defer checkpoint.Close()
			if average {
				if err := checkpoint.UseAverage(); err != nil {
					return err
				}
			}
			switch format {
			case "":
				o := export.FolderOptions{Evaluated: which == "last", Average: average, InputSize: inputSize}
				if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
					o.Run = args[0]
				}
				err = export.Folder(checkpoint, out, o)
			case "safetensors":
				err = export.Timm(checkpoint, out, features, inputSize)
			case "pth":
				err = export.Torch(checkpoint, out, features)
			case "authors":
				err = export.Authors(checkpoint, out)
			case "onnx":
				err = export.ONNX(checkpoint, out, export.ONNXOptions{InputSize: inputSize, Normalized: normalized})
			}
			if err != nil {
				return err
			}
			_, err = fmt.Printf("%s is exported to %s.\n", checkpoint.Path, out)
			return err
		},
	}
	c.Flags().StringVar(&which, "checkpoint", "last", "last, best, epoch-NNNN, or a file")
	c.Flags().StringVar(&format, "to", "", strings.Join(formats, ", "))
	c.Flags().StringVar(&out, "out", "", "file (pth, authors, onnx) or folder (safetensors) to write")
	c.Flags().BoolVar(&all, "all", false, "a folder with everything, ready to upload")
	c.Flags().BoolVar(&features, "features", false, "only the backbone, without head and classifier")
	c.Flags().BoolVar(&average, "ema", false, "the moving average of the weights (recipes with ema.decay)")
	c.Flags().BoolVar(&normalized, "normalized", false, "onnx: images come with mean and deviation taken off already")
	c.Flags().IntVar(&inputSize, "input-size", 0, "side of the pictures in pixels, where the recipe's evaluation does not say it")
	return c
}
