package data

import (
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// imageColumns and labelColumns are the names under which pictures and labels
// are looked for, in order.
var (
	imageColumns = []string{"image", "img"}
	labelColumns = []string{"label", "labels", "fine_label"}
)

// maxColumns bounds the columns of a file, and how deep they are nested.
const maxColumns = 10_000

// parquetColumn is a column of a file: a leaf of its schema.
type parquetColumn struct {
	path     string // its names, with dots between
	index    int    // among all columns
	element  *format.SchemaElement
	levels   int // definition levels
	repeated bool
}

// parquetColumns flattens the schema, a tree listed depth first.
func parquetColumns(schema []format.SchemaElement) ([]parquetColumn, error) {
	if len(schema) < 2 || len(schema) > maxColumns {
		return nil, damaged(fmt.Errorf("a schema of %d elements", len(schema)))
	}
	type group struct {
		parquetColumn
		left int32
	}
	open := []group{{left: schema[0].NumChildren.V}}
	var columns []parquetColumn
	for i := 1; i < len(schema); i++ {
		for len(open) > 0 && open[len(open)-1].left <= 0 {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil, damaged(errors.New("a schema that contradicts itself"))
		}
		parent := &open[len(open)-1]
		parent.left--
		element := &schema[i]
		c := parquetColumn{path: element.Name, index: len(columns), element: element, levels: parent.levels, repeated: parent.repeated}
		if parent.path != "" {
			c.path = parent.path + "." + element.Name
		}
		if len(c.path) > 1<<16 {
			return nil, damaged(errors.New("a column with a very long name"))
		}
		switch element.RepetitionType.V {
		case format.Optional:
			c.levels++
		case format.Repeated:
			c.levels++
			c.repeated = true
		}
		if element.Type.Valid {
			columns = append(columns, c)
		} else {
			open = append(open, group{c, element.NumChildren.V})
		}
	}
	return columns, nil
}

// chosenColumns are those that a collection needs.
type chosenColumns struct {
	bytes, label parquetColumn
	path         *parquetColumn // nil without one
}

// chooseColumns finds the columns and checks their types. Errors are phrased
// to follow the file's name.
func chooseColumns(columns []parquetColumn) (chosen chosenColumns, err error) {
	find := func(path string) *parquetColumn {
		for i := range columns {
			if columns[i].path == path {
				return &columns[i]
			}
		}
		return nil
	}
	var image, label *parquetColumn
	for _, name := range imageColumns {
		if image = find(name + ".bytes"); image != nil {
			chosen.path = find(name + ".path")
			break
		}
		if image = find(name); image != nil {
			break
		}
	}
	if image == nil {
		return chosen, fmt.Errorf("has no column image of encoded pictures (struct{bytes, path} or binary) but only %s; rename or add it", listColumns(columns))
	}
	if image.repeated || image.element.Type.V != format.ByteArray || image.annotation() != "" {
		return chosen, fmt.Errorf("has %s in the column %s where encoded pictures (binary) are needed; convert it", image.kind(), image.path)
	}
	if p := chosen.path; p != nil && (p.repeated || p.element.Type.V != format.ByteArray) {
		chosen.path = nil
	}
	for _, name := range labelColumns {
		if label = find(name); label != nil {
			break
		}
	}
	if label == nil {
		return chosen, fmt.Errorf("has no column %s but only %s; rename or add it", strings.Join(labelColumns, " or "), listColumns(columns))
	}
	if label.repeated || !label.classes() {
		return chosen, fmt.Errorf("has %s in the column %s where one integer or class name per row is needed; convert it", label.kind(), label.path)
	}
	chosen.bytes, chosen.label = *image, *label
	return chosen, nil
}

// classes says whether the column can hold labels.
func (c *parquetColumn) classes() bool {
	switch c.element.Type.V {
	case format.ByteArray:
		return c.annotation() == "" || c.annotation() == "STRING" || c.annotation() == "ENUM"
	case format.Int32, format.Int64:
		return c.annotation() == "" || strings.HasPrefix(c.annotation(), "INT(")
	}
	return false
}

// annotation is what the values mean, beside their type, such as STRING.
func (c *parquetColumn) annotation() string {
	if name := c.element.LogicalType.String(); name != "" {
		return name
	}
	converted := c.element.ConvertedType
	switch {
	case !converted.Valid:
		return ""
	case converted.V == deprecated.UTF8:
		return "STRING"
	case converted.V >= deprecated.Uint8 && converted.V <= deprecated.Int64:
		return fmt.Sprintf("INT(%d)", 8<<((converted.V-deprecated.Uint8)%4))
	}
	return fmt.Sprintf("converted type %d", converted.V)
}

// kind is the column's type, for people.
func (c *parquetColumn) kind() string {
	kind := c.element.Type.V.String()
	if name := c.annotation(); name != "" {
		kind += " (" + name + ")"
	}
	if c.repeated {
		return "a list of " + kind
	}
	return kind
}

// listColumns lists what a file has, for people.
func listColumns(columns []parquetColumn) string {
	const shown = 20
	var names []string
	for i, c := range columns {
		if i == shown {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%.60s", c.path))
	}
	return strings.Join(names, ", ")
}
