package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cone/index"
	"cone/report"
)

func newIndexInfo() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "info INDEX|RUN",
		Short: "Say what an index holds, after checking every byte",
		Example: `  cone index info runs/mine
  cone index info photos.cone --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := indexPath(args[0])
			x, err := index.Open(path)
			if os.IsNotExist(err) {
				return fmt.Errorf("there is no index %s: make it with cone index build", path)
			}
			if err != nil {
				return err
			}
			defer x.Close()
			if err := x.Verify(); err != nil {
				return err
			}
			meta := x.Meta()
			count, added := make([]int, len(meta.Classes)), make([]int, len(meta.Classes))
			for i := range x.Len() {
				count[x.Label(i)]++
				if x.Added(i) {
					added[x.Label(i)]++
				}
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(struct {
					Path    string `json:"path"`
					Entries int    `json:"entries"`
					index.Meta
					Count []int `json:"entries_of_classes"`
					Added []int `json:"added_of_classes"`
					Graph bool  `json:"graph"`
				}{path, x.Len(), meta, count, added, x.HasGraph()})
			}
			fmt.Printf("%s: %d entries of %d dimensions in %s, %d classes, made %s\nmodel %s\npictures %s\n\n",
				path, x.Len(), meta.Dim, meta.Precision, len(meta.Classes), meta.Created, meta.Model, meta.Transform)
			if x.HasGraph() {
				fmt.Print("searches go through its graph, unless they are to be exact\n\n")
			}
			t := report.NewTable("class", "entries", "added")
			for i, name := range meta.Classes {
				t.Row(name, count[i], added[i])
			}
			_, err = t.WriteTo(os.Stdout)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// indexPath is the index that a user names, by itself or by its model.
func indexPath(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return indexOf(path)
	}
	return path
}
