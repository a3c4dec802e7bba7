package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"cone/compare"
	"cone/model"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
	"cone/train"
	"cone/weights"
)

func newCompare() *cobra.Command {
	var s settings
	var e engineFlags
	var out string
	var vary []string
	var seeds, jobs int
	var first uint64
	c := &cobra.Command{
		Use:   "compare RECIPE…",
		Short: "Train recipes with several seeds each, and say how they differ",
		Long: `Train every recipe with every seed, one run after the other (or --jobs at a time),
skipping what is finished and resuming what is not, and write into one folder:
comparison.md and comparison.csv (means and 95 % intervals over the seeds, top-1
seed by seed against the first recipe), runs.csv, and the plots runs and curves as
PNG and SVG. Tables and plots follow every finished run. Ctrl-C saves the runs in
progress and exits 130; the same command goes on. A run that fails after its first
step, as when its losses leave the numbers, does not keep the others from being
done: the tables are without it, and the command says why and exits 3.`,
		Example: `  cone compare fashion-mnist-cross-entropy fashion-mnist-quick --seeds 3
  cone compare a.yaml b.yaml --seeds 5 --out runs/a-and-b --set epochs=20
  cone compare a.yaml b.yaml --seeds 5 --jobs 4 --device cuda
  cone compare glyphs-10 --vary method.name=cross-entropy,supcon,cone
  cone compare mine.yaml --vary method.cone.neighbors=16,64,256 --vary optim.lr=0.05,0.1`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if seeds < 1 {
				return usageError{fmt.Errorf("--seeds is %d: give at least 1", seeds)}
			}
			if jobs < 1 {
				return usageError{fmt.Errorf("--jobs is %d: give at least 1", jobs)}
			}
			recipes, err := s.load(args, vary)
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			folder, err := compare.OpenFolder(out)
			if err != nil {
				return err
			}
			defer folder.Close()
			runs, err := planRuns(folder, recipes, first, seeds)
			if err != nil {
				return err
			}
			order := bySeed(runs)
			jobs = min(jobs, max(1, unfinished(order)))
			commands := compare.Commands{Program: program, Stderr: os.Stderr, Quiet: jobs > 1}
			if jobs > 1 {
				share := max(1, runtime.GOMAXPROCS(0)/jobs)
				commands.Env = []string{"GOMAXPROCS=" + strconv.Itoa(share)}
				if e.threads == 0 && os.Getenv("OMP_NUM_THREADS") == "" {
					e.threads = share
				}
			}
			commands.Flags = e.args()
			table := func() error { return writeComparison(folder, recipes, runs) }
			return compareRuns(c.Context(), folder, order, jobs, commands, table)
		},
	}
	s.flags(c)
	e.flags(c)
	c.Flags().StringVar(&out, "out", filepath.Join("runs", "comparison"), "folder of the comparison")
	c.Flags().StringArrayVar(&vary, "vary", nil, "compare values of a setting, as optim.lr=0.05,0.1 (repeatable: all combinations)")
	c.Flags().IntVar(&seeds, "seeds", 3, "runs of each recipe")
	c.Flags().IntVar(&jobs, "jobs", 1, "runs at the same time; they share the cores")
	c.Flags().Uint64Var(&first, "first-seed", 0, "seed of the first run; the others count on from it")
	return c
}

// load finds the recipes, changes each by --set, and multiplies it by --vary.
func (s *settings) load(names, vary []string) (out []recipe.Recipe, err error) {
	known := map[string]string{}
	for _, name := range names {
		r, err := recipe.Find(name)
		if err != nil {
			return nil, err
		}
		base := filepath.Base(r.Name)
		if other, twice := known[base]; twice {
			return nil, fmt.Errorf("%s and %s both have the name %s: give one of them another (name: in the file)", other, name, base)
		}
		known[base] = name
		all, err := variants(r, vary)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if r, err = s.apply(r); err != nil {
				return nil, fmt.Errorf("%s: %w", r.Name, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// args are the flags as another cone takes them.
func (e *engineFlags) args() []string {
	return []string{"--device", e.device, "--threads", strconv.Itoa(e.threads)}
}

// planRuns plans the recipes' runs, a row per recipe and a column per seed.
func planRuns(f *compare.Folder, recipes []recipe.Recipe, first uint64, seeds int) ([][]compare.Run, error) {
	var out [][]compare.Run
	for _, r := range recipes {
		var row []compare.Run
		for i := range seeds {
			r := r.Clone()
			r.Seed = first + uint64(i)
			run, err := f.Run(r)
			if err != nil {
				return nil, err
			}
			row = append(row, run)
		}
		out = append(out, row)
	}
	return out, nil
}

// bySeed puts every recipe's first seed first, so that early tables compare all
// recipes.
func bySeed(runs [][]compare.Run) (order []compare.Run) {
	for seed := range runs[0] {
		for i := range runs {
			order = append(order, runs[i][seed])
		}
	}
	return order
}

func unfinished(runs []compare.Run) (n int) {
	for _, r := range runs {
		if !r.Finished() {
			n++
		}
	}
	return n
}

// compareRuns finishes all runs and ends with the table.
func compareRuns(ctx context.Context, f *compare.Folder, runs []compare.Run, jobs int, c compare.Commands, table func() error) error {
	err := c.FinishAll(ctx, runs, jobs, table)
	var failed *compare.FailedRuns
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "saved; the same command goes on")
		return train.ErrInterrupted
	case err != nil && !errors.As(err, &failed):
		return err
	}
	if err := table(); err != nil {
		return err
	}
	text, readErr := os.ReadFile(f.File("comparison.md"))
	if readErr != nil {
		return readErr
	}
	fmt.Printf("%s\nThe comparison lies in %s: comparison.md, comparison.csv, runs.csv, runs.png, curves.png, runs/.\n", text, f.File(""))
	return err
}

// writeComparison writes tables and plots of what is finished.
func writeComparison(f *compare.Folder, recipes []recipe.Recipe, runs [][]compare.Run) error {
	var groups []compare.Group
	for i, row := range runs {
		g := compare.Group{Name: filepath.Base(recipes[i].Name)}
		for _, r := range row {
			if !r.Finished() {
				continue
			}
			o, err := r.Outcome()
			if err != nil {
				return err
			}
			if o.Weights, err = countWeights(r.Folder); err != nil {
				return err
			}
			g.Outcomes = append(g.Outcomes, o)
		}
		groups = append(groups, g)
	}
	return errors.Join(
		write(f.File("comparison.md"), groups, compare.WriteMarkdown),
		write(f.File("comparison.csv"), groups, compare.WriteCSV),
		write(f.File("runs.csv"), groups, compare.WriteRuns),
		report.Runs(f.File("runs"), compare.Series(groups)),
		report.RunCurves(f.File("curves"), compare.Series(groups)),
	)
}

func write(path string, groups []compare.Group, to func(io.Writer, []compare.Group) error) error {
	return weights.WriteFileAtomic(path, func(w io.Writer) error { return to(w, groups) })
}

// countWeights is the number of weights of a run's evaluated network.
func countWeights(run string) (n int, err error) {
	c, err := train.FindCheckpoint(run, "last")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	err = tensor.Run(func() error {
		e, err := model.NewSketch(c.Recipe.FinalStage().Model, len(c.Classes), c.Channels)
		if err != nil {
			return err
		}
		defer e.Free()
		n = e.Tree.Count()
		return nil
	})
	return n, err
}
