package main

import "github.com/spf13/cobra"

func newIndex() *cobra.Command {
	c := &cobra.Command{
		Use:   "index",
		Short: "Build, describe and grow the index of a model's training images",
		Example: `  cone index build runs/mine
  cone index info runs/mine
  cone index add runs/mine --label scarf scarves/`,
	}
	c.AddCommand(newIndexBuild(), newIndexInfo(), newIndexAdd())
	return c
}
