package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"cone/recipe"
	"cone/report"
)

func newRecipe() *cobra.Command {
	c := &cobra.Command{
		Use:   "recipe",
		Short: "List and show recipes and their settings",
		Example: `  cone recipe list
  cone recipe show fashion-mnist-quick > my.yaml
  cone recipe keys`,
	}
	c.AddCommand(newRecipeList(), newRecipeShow(), newRecipeKeys())
	return c
}

func newRecipeList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the shipped recipes",
		Example: "  cone recipe list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t := report.NewTable("recipe", "method", "description")
			for _, name := range recipe.Shipped() {
				r, err := recipe.Find(name)
				if err != nil {
					return err
				}
				t.Row(name, r.Method.Name, strings.TrimSpace(r.Description))
			}
			_, err := t.WriteTo(os.Stdout)
			return err
		},
	}
}

func newRecipeShow() *cobra.Command {
	var s settings
	var resolved bool
	c := &cobra.Command{
		Use:   "show RECIPE",
		Short: "Print a recipe: a shipped one with its comments, or any with every setting",
		Example: `  cone recipe show fashion-mnist-quick > my.yaml
  cone recipe show my.yaml --resolved --set optim.lr=0.05`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if source, err := recipe.Source(args[0]); err == nil && !resolved && len(s.set) == 0 {
				_, err := os.Stdout.Write(source)
				return err
			}
			r, err := recipe.Find(args[0])
			if err != nil {
				return err
			}
			if r, err = s.apply(r); err != nil {
				return err
			}
			text, err := r.Marshal()
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(text)
			return err
		},
	}
	s.flags(c)
	c.Flags().BoolVar(&resolved, "resolved", false, "print every setting, defaults included")
	return c
}

func newRecipeKeys() *cobra.Command {
	return &cobra.Command{
		Use:     "keys",
		Short:   "Explain every setting",
		Example: "  cone recipe keys",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, k := range recipe.Keys() {
				kind := k.Type
				if k.Default != "" {
					kind += ", default " + k.Default
				}
				fmt.Printf("%s (%s)\n", k.Key, kind)
				if k.Doc != "" {
					fmt.Printf("    %s\n", strings.ReplaceAll(strings.TrimSpace(k.Doc), "\n", "\n    "))
				}
			}
			return nil
		},
	}
}
