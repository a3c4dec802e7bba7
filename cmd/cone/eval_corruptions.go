package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cone/corrupt"
	"cone/report"
	"cone/train"
)

// corruptionFlags are those of cone eval for corrupted test images.
type corruptionFlags struct {
	list, baseline string
	seed           uint64

	relative *report.Baseline
}

// everyCorruption is what --corruptions means without a list.
const everyCorruption = "all"

func (f *corruptionFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.list, "corruptions", "", "also evaluate corrupted images: names and groups (common, noise, blur, weather, digital, extra); all without a list")
	c.Flags().Lookup("corruptions").NoOptDefVal = everyCorruption
	c.Flags().Uint64Var(&f.seed, "corruption-seed", 0, "the seed of the corruptions")
	c.Flags().StringVar(&f.baseline, "corruption-baseline", "", "another model's corruptions.csv, to give errors relative to it")
}

// args takes the run, and the list of --corruptions where that stands apart: a
// flag whose value may be missing leaves such a word among the arguments.
func (f *corruptionFlags) args(c *cobra.Command, args []string) error {
	if len(args) == 2 && f.list == everyCorruption {
		_, first := corrupt.Parse(args[0])
		_, second := corrupt.Parse(args[1])
		if first == nil && second != nil {
			args[0], args[1] = args[1], args[0]
		}
		f.list, args = args[1], args[:1]
	}
	return cobra.ExactArgs(1)(c, args)
}

// chosen is what the flags ask for.
func (f *corruptionFlags) chosen() (out train.Corruptions, err error) {
	switch {
	case f.list != "":
	case f.baseline != "":
		return out, fmt.Errorf("--corruption-baseline is for corrupted images: add --corruptions")
	default:
		return out, nil
	}
	out.Seed = f.seed
	if out.Kinds, err = corrupt.Parse(f.list); err != nil || f.baseline == "" {
		return out, err
	}
	baseline, err := report.ReadBaseline(f.baseline)
	if err != nil {
		return out, err
	}
	f.relative = &baseline
	for _, kind := range out.Kinds {
		if err := baseline.Has(kind.Name); err != nil {
			return out, err
		}
	}
	return out, nil
}

// finish relates the result to the baseline and writes it into out, if it
// there is one.
func (f *corruptionFlags) finish(r *report.Corruptions, out string) error {
	if r == nil {
		return nil
	}
	if f.relative != nil {
		r.Relate(*f.relative)
	}
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	return r.WriteFile(out)
}

// show prints the table.
func (f *corruptionFlags) show(r *report.Corruptions) error {
	if r == nil {
		return nil
	}
	fmt.Printf("\ntop-1 %% of corrupted images (constants of %s, seed %d)\n", r.Constants, r.Seed)
	names := []string{"corruption", "1", "2", "3", "4", "5", "mean"}
	if f.relative != nil {
		names = append(names, "error, % of baseline's")
	}
	t := report.NewTable(names...)
	row := func(name string, shares []report.Float, mean report.Float, relative *report.Float) {
		cells := []any{name}
		for _, v := range shares {
			cells = append(cells, percent(float64(v)))
		}
		for len(cells) <= corrupt.Severities {
			cells = append(cells, "")
		}
		cells = append(cells, percent(float64(mean)))
		if relative != nil {
			cells = append(cells, percent(float64(*relative)))
		}
		t.Row(cells...)
	}
	for _, c := range r.Rows {
		row(c.Name, c.Top1, c.Mean, c.Error)
	}
	row(r.Means(), nil, r.MeanTop1, r.MeanError)
	_, err := t.WriteTo(os.Stdout)
	return err
}
