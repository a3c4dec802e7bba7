package main

import (
	"github.com/spf13/cobra"

	"cone/tensor"
	"cone/train"
)

func newModel() *cobra.Command {
	c := &cobra.Command{
		Use:   "model",
		Short: "List the networks, and show one's parameters",
		Example: `  cone model list
  cone model show resnet50`,
	}
	c.AddCommand(newModelList(), newModelShow())
	return c
}

// onCPU runs f where networks can be looked at.
func onCPU(f func() error) error {
	engine, err := train.NewEngine("cpu", 0)
	if err != nil {
		return err
	}
	return tensor.Run(func() error {
		engine.Prepare()
		return f()
	})
}
