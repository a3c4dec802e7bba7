package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cone/model"
	"cone/report"
)

func newModelList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the networks with their sizes and sources",
		Long: `List every network that model.backbone can name, with a classifier and
without a projection head, for pictures of the size that its published figures
are for.

GMACs are the multiplications (in billions, each with its addition) that
convolutions, linear layers and attention do for one picture; activations are
the outputs (in millions) of the same operators. Features is the width of what
the head sees.`,
		Example: `  cone model list
  cone model list --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var all []model.Description
			err := onCPU(func() (err error) {
				all, err = model.Describe()
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(all)
			}
			_, err = modelTable(all).WriteTo(os.Stdout)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func modelTable(all []model.Description) *report.Table {
	t := report.NewTable("network", "parameters (M)", "GMACs", "activations (M)", "features", "pictures", "classes", "parameter names", "source")
	for _, d := range all {
		t.Row(d.Name, millions(d.Parameters), fmt.Sprintf("%.2f", float64(d.MACs)/1e9), millions(int(d.Activations)),
			d.Features, fmt.Sprintf("%d×%d", d.Side, d.Side), d.Classes, d.Naming, d.Source)
	}
	return t
}

func millions(n int) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }
