package main

import (
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"cone/data"
)

func newDataInfo() *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "info PATH",
		Short: "Say what a folder or file of images holds",
		Long: `Say what was found at a path: format, classes, numbers and sizes of pictures,
and files that cannot be decoded. A sample of pictures is looked at; --all
decodes every one.`,
		Example: `  cone data info photos
  cone data info shards --all
  cone data info /usr/share/datasets/fashion-mnist --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := data.Inspect(c.Context(), dataAt(args[0]), data.InspectOptions{All: all})
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(info)
			}
			_, err = info.WriteTo(os.Stdout)
			return err
		},
	}
	c.Flags().BoolVar(&all, "all", false, "decode every picture")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
