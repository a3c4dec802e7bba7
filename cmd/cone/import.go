package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cone/recipe"
	"cone/report"
	"cone/train"
	"cone/weights/dialect"
)

func newImport() *cobra.Command {
	var s settings
	var e engineFlags
	var o train.ImportOptions
	var name, path, out string
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a run of weights from elsewhere",
		Long: `Make a run whose encoder is that of a file: safetensors or torch.save's .pth,
.pt or .tar (nothing in it is executed) with a ResNet of torchvision or timm, an
encoder that cone exported, or a checkpoint of CoNe's authors. Names, shapes and
number of classes must be those of the recipe; what does not fit is listed.

The run can be evaluated, and trained with cone train --resume: from its first
epoch or, with --whole, from where the authors' program stood.`,
		Example: `  cone import resnet50.pth --recipe my.yaml --drop-classifier
  cone import checkpoint.tar --recipe imagenet-resnet50-100ep --data imagenet --whole
  cone train --resume runs/my-001`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1 || name == "":
				return errors.New("give one FILE and --recipe RECIPE (see 'cone recipe list')")
			case o.Whole && o.DropClassifier:
				return errors.New("--whole goes on training with the same classes and --drop-classifier begins with others: give one of them")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			engine, err := train.NewEngine(e.device, e.threads)
			if err != nil {
				return err
			}
			r, err := recipe.Find(name)
			if err != nil {
				return err
			}
			if r, err = s.apply(withData(r, path)); err != nil {
				return err
			}
			if out == "" {
				out = train.NextFolder("runs", filepath.Base(r.Name))
			}
			plan, epoch, err := train.Import(r, out, engine, args[0], o)
			if err != nil {
				return err
			}
			return showPlan(plan, args[0], out, epoch)
		},
	}
	s.flags(c)
	e.flags(c)
	c.Flags().StringVar(&name, "recipe", "", "the shipped recipe or YAML file that the weights belong to")
	c.Flags().StringVar(&path, "data", "", "images at this path instead of the recipe's (see cone data info)")
	c.Flags().StringVar(&out, "out", "", "folder of the run (default runs/RECIPE-001, -002, …)")
	c.Flags().BoolVar(&o.Whole, "whole", false, "take the whole state of a checkpoint of CoNe's authors, to go on training")
	c.Flags().BoolVar(&o.DropClassifier, "drop-classifier", false, "start a new classifier, for other classes")
	return c
}

// showPlan prints what was taken and what was not.
func showPlan(p *dialect.Plan, file, out string, epoch int) error {
	fmt.Printf("%s is %s.\n\n", file, p.Dialect)
	var taken []string
	for _, t := range p.Takes {
		taken = append(taken, t.Want)
	}
	t := report.NewTable("", "tensors", "which")
	t.Row("taken", len(taken), groups(taken))
	t.Row("fresh", len(p.Fresh), groups(p.Fresh))
	t.Row("dropped", len(p.Dropped), groups(p.Dropped))
	if _, err := t.WriteTo(os.Stdout); err != nil {
		return err
	}
	_, err := fmt.Printf("\nThe run lies in %s. Evaluate it with cone eval %s; train it from epoch %d with cone train --resume %s.\n", out, out, epoch+1, out)
	return err
}

// groups shortens many names to those of the modules that hold them, in order.
func groups(names []string) string {
	const few = 4
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		parts := strings.Split(n, ".")
		depth := 1
		if len(parts) > 2 {
			depth = 2
		}
		group := strings.Join(parts[:depth], ".")
		if depth < len(parts) {
			group += ".…"
		}
		if !seen[group] {
			seen[group] = true
			out = append(out, group)
		}
	}
	return strings.Join(out, ", ")
}
