package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"cone/recipe"
	"cone/report"
	"cone/train"
)

// settings are the flags that name and change a recipe.
type settings struct {
	set          []string
	method, init string // train's own
}

func (s *settings) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&s.set, "set", nil, "change a setting of the recipe, as optim.lr=0.2 (repeatable)")
}

func (s *settings) apply(r recipe.Recipe) (recipe.Recipe, error) {
	if s.method != "" {
		r.Method.Name = s.method
	}
	if s.init != "" {
		r.Model.Init = s.init
	}
	for _, assignment := range s.set {
		if err := recipe.Set(&r, assignment); err != nil {
			return r, err
		}
	}
	return r, r.Validate()
}

// engineFlags say where to compute.
type engineFlags struct {
	device  string
	threads int
}

func (e *engineFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&e.device, "device", "cpu", "cpu, cuda or cuda:N")
	c.Flags().IntVar(&e.threads, "threads", 0, "threads per operator (0: OMP_NUM_THREADS, or one per core)")
}

func newTrain() *cobra.Command {
	var s settings
	var e engineFlags
	var f worldFlags
	var out, resume, path string
	c := &cobra.Command{
		Use:   "train [RECIPE]",
		Short: "Train a recipe, or continue a run",
		Long: `Train a shipped recipe or a YAML file. The run's folder holds the resolved
recipe, metrics.jsonl, curves.png, the newest evaluation and the checkpoints.
With --data and no recipe, the shipped recipe "photos" is trained. A recipe with
a second stage (linear.epochs) trains the first in RUN/stage-1.
Ctrl-C finishes the step, saves and exits 130; a second one leaves at once.
Under torchrun, srun, mpirun or Kubeflow, or with --procs, several processes train
as one (docs/distributed.md).`,
		Example: `  cone train fashion-mnist-quick
  cone train my.yaml --set optim.lr=0.05 --set seed=1 --out runs/mine
  cone train --data photos
  cone train my.yaml --data photos
  cone train my.yaml --init runs/other --set model.freeze=[net]
  cone train --resume runs/mine
  cone train my.yaml --procs 2
  torchrun --no_python --nproc_per_node 8 cone train my.yaml --out runs/mine`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 0 && resume == "" && path == "" {
				return errors.New("give one recipe (see 'cone recipe list'), --data PATH, or --resume RUN")
			}
			if out != "" && resume != "" {
				return errors.New("--out is for a new run and --resume for an old one: give one of them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := f.detect(); err != nil {
				return err
			}
			if f.again && out == "" {
				return usageError{errors.New("--continue needs the run's folder: name it with --out")}
			}
			if len(args) == 0 && resume == "" {
				args = []string{"photos"}
			}
			var r recipe.Recipe
			if resume == "" {
				if r, err = recipe.Find(args[0]); err != nil {
					return err
				}
				if r, err = s.apply(withData(r, path)); err != nil {
					return err
				}
			}
			if f.fansOut() {
				return f.start()
			}
			engine, err := f.engine(c.Context(), e)
			defer func() { f.leave(engine.Group, err) }()
			if err != nil {
				return err
			}
			to := place{resume, true}
			if resume == "" {
				if to, err = f.folder(engine.Group, out, filepath.Base(r.Name)); err != nil {
					return err
				}
			}
			var outcome train.Outcome
			if to.Resume {
				outcome, err = train.Resume(c.Context(), to.Path, s.overrides(args, path), engine)
			} else {
				outcome, err = train.Start(c.Context(), r, to.Path, engine)
			}
			if f.launched.Rank > 0 {
				return err
			}
			return finish(outcome, to.Path, err)
		},
	}
	s.flags(c)
	e.flags(c)
	f.flags(c)
	c.Flags().StringVar(&s.method, "method", "", "train by this method instead of the recipe's, as method.name")
	c.Flags().StringVar(&s.init, "init", "", "start from the weights of this run, checkpoint or safetensors file, as model.init")
	c.Flags().StringVar(&path, "data", "", "train on the images at this path instead of the recipe's (see cone data info)")
	c.Flags().StringVar(&out, "out", "", "folder of the run (default runs/RECIPE-001, -002, …)")
	c.Flags().StringVar(&resume, "resume", "", "continue the run in this folder")
	return c
}

// overrides is what a resumed run is asked to be, or nil.
func (s *settings) overrides(args []string, path string) func(recipe.Recipe) (recipe.Recipe, error) {
	if len(args) == 0 && len(s.set) == 0 && s.method == "" && s.init == "" && path == "" {
		return nil
	}
	return func(r recipe.Recipe) (recipe.Recipe, error) {
		if len(args) > 0 {
			var err error
			if r, err = recipe.Find(args[0]); err != nil {
				return r, err
			}
		}
		if len(args) > 0 {
			r = withData(r, path) // as when the run was started
		} else if path != "" {
			r.Data.Path = path
		}
		return s.apply(r)
	}
}

// finish ends with a small table on stdout, or with how to go on.
func finish(o train.Outcome, folder string, err error) error {
	if errors.Is(err, train.ErrInterrupted) {
		fmt.Fprintf(os.Stderr, "saved; continue with: cone train --resume %s\n", folder)
		return err
	}
	if err != nil {
		return err
	}
	fmt.Println()
	t := report.NewTable("recipe", "epochs", "top-1 %", "best %", "top-5 %", "NLL", "calibration error", "minutes", "images/s")
	row := func(name string, r report.Result, best string) {
		t.Row(name, o.Epochs, percent(float64(r.Top1)), best, percent(float64(r.Top5)),
			fmt.Sprintf("%.4f", r.NLL), fmt.Sprintf("%.4f", r.ECE),
			fmt.Sprintf("%.1f", o.Seconds/60), fmt.Sprintf("%.0f", float64(o.Images)/o.Seconds))
	}
	if o.Average == nil {
		row(o.Recipe.Name, o.Last, percent(o.Best))
	} else { // best goes by the average
		row(o.Recipe.Name, o.Last, "-")
		row("its moving average", *o.Average, percent(o.Best))
	}
	if _, err := t.WriteTo(os.Stdout); err != nil {
		return err
	}
	_, err = fmt.Printf("\nThe run lies in %s: recipe.yaml, metrics.jsonl, curves.png, evaluation.json, checkpoints/.\n", o.Folder)
	return err
}

func percent(share float64) string { return fmt.Sprintf("%.2f", 100*share) }
