package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/model"
)

// TestDocsListTheModels: docs/models.md shows what `cone model list` prints.
func TestDocsListTheModels(t *testing.T) {
	var table strings.Builder
	err := onCPU(func() error {
		all, err := model.Describe()
		if err != nil {
			return err
		}
		_, err = modelTable(all).WriteTo(&table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "models.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```\n"+table.String()+"```\n") {
		t.Errorf("docs/models.md does not show\n%s", table.String())
	}
}
