package main

import (
	"github.com/spf13/cobra"

	"cone/recipe"
)

func newData() *cobra.Command {
	c := &cobra.Command{
		Use:   "data",
		Short: "Look at image collections, and pack them",
		Example: `  cone data info photos
  cone data pack photos shards
  cone data show imagenet-resnet50-100ep --data photos`,
	}
	c.AddCommand(newDataInfo(), newDataPack(), newDataShow())
	return c
}

// dataAt are the settings of a collection that a path names on the command
// line: its format is found out.
func dataAt(path string) recipe.Data {
	d := recipe.Default().Data
	d.Path = path
	return d
}

// withData makes a recipe read the collection at a path.
func withData(r recipe.Recipe, path string) recipe.Recipe {
	if path != "" {
		r.Data.Path, r.Data.Format, r.Data.Train, r.Data.Test = path, "auto", "", ""
	}
	return r
}
