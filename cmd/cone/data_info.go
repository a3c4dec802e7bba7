package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"cone/data"
	"cone/recipe"
)

func newDataInfo() *cobra.Command {
	var s settings
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "info PATH",
		Short: "Say what a folder or file of images holds",
		Long: `Say what was found at a path: format, classes, numbers and sizes of pictures,
and files that cannot be decoded. A sample of pictures is looked at; --all
decodes every one. --set shows what settings under data make of it.`,
		Example: `  cone data info photos
  cone data info shards --all
  cone data info /usr/share/datasets/fashion-mnist --json
  cone data info photos --set data.fraction=0.1 --set data.label_noise.rate=0.05`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r := recipe.Default()
			r.Data = dataAt(args[0])
			for _, assignment := range s.set {
				if !strings.HasPrefix(assignment, "data.") {
					return usageError{fmt.Errorf("--set %s: only settings under data say what a collection holds", assignment)}
				}
			}
			r, err := s.apply(r)
			if err != nil {
				return err
			}
			info, err := data.Inspect(c.Context(), r.Data, data.InspectOptions{All: all})
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
	s.flags(c)
	c.Flags().BoolVar(&all, "all", false, "decode every picture")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
