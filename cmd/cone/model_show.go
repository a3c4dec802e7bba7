package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"cone/model"
	"cone/nn"
	"cone/report"
)

func newModelShow() *cobra.Command {
	var classes, channels int
	c := &cobra.Command{
		Use:   "show NETWORK",
		Short: "Print a network's tree of parameters with shapes and totals",
		Long: `Print every parameter and buffer of a network under its name in checkpoints,
as a tree, with shapes and the learnt values below each branch. There is no
projection head.`,
		Example: `  cone model show resnet50
  cone model show wrn-28-10 --classes 100
  cone model show swin_t --channels 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			settings, _, usual, err := model.Usual(args[0])
			if err != nil {
				return err
			}
			if classes == 0 {
				classes = usual
			}
			if classes < 1 || channels < 1 {
				return usageError{errors.New("--classes and --channels must be 1 or more")}
			}
			return onCPU(func() error {
				e, err := model.NewSketch(settings, classes, channels)
				if err != nil {
					return err
				}
				defer e.Free()
				t := report.NewTable("name", "shape", "parameters")
				printBranch(t, e.Tree.Entries(), 0)
				t.Row("total", "", e.Tree.Count())
				_, err = t.WriteTo(os.Stdout)
				return err
			})
		},
	}
	c.Flags().IntVar(&classes, "classes", 0, "number of classes (default what is usual for the network)")
	c.Flags().IntVar(&channels, "channels", 3, "channels of the pictures")
	return c
}

// printBranch writes entries that share their first depth names: a line for
// each name that follows, and below it what it holds.
func printBranch(t *report.Table, entries []*nn.Entry, depth int) {
	for start := 0; start < len(entries); {
		parts := strings.Split(entries[start].Name, ".")
		end, learnt := start, 0
		for ; end < len(entries); end++ {
			other := strings.Split(entries[end].Name, ".")
			if len(other) <= depth || other[depth] != parts[depth] {
				break
			}
			if !entries[end].Buffer {
				learnt += entries[end].Value.Len()
			}
		}
		name := strings.Repeat("  ", depth) + parts[depth]
		if len(parts) == depth+1 {
			printLeaf(t, name, entries[start])
		} else {
			t.Row(name, "", learnt)
			printBranch(t, entries[start:end], depth+1)
		}
		start = end
	}
}

func printLeaf(t *report.Table, name string, e *nn.Entry) {
	var sides []string
	for _, s := range e.Value.Shape() {
		sides = append(sides, fmt.Sprint(s))
	}
	shape := strings.Join(sides, "×")
	if shape == "" {
		shape = "1"
	}
	if e.Buffer {
		t.Row(name, shape, "-")
		return
	}
	t.Row(name, shape, e.Value.Len())
}
