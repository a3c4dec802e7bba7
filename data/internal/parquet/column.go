package parquet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// maxColumns bounds the columns of a file, and how deep they are nested.
const maxColumns = 10_000

// maxPath bounds the length of a column's path.
const maxPath = 4096

// Column is a column of a file: a leaf of its schema.
type Column struct {
	// Path is the column's names, with dots between.
	Path     string
	index    int // among all columns
	element  *format.SchemaElement
	levels   int // definition levels
	repeated bool
}

// Kind is what a column has in each of its rows.
type Kind int

const (
	Other   Kind = iota // a list, or anything else that is not read here
	Numbers             // an integer
	Bytes               // bytes that are nothing but bytes
	Texts               // a text
)

// Kind is what the column has in each of its rows, where it has something.
func (c *Column) Kind() Kind {
	annotation := c.annotation()
	switch {
	case c.repeated:
	case c.element.Type.V == format.ByteArray:
		switch annotation {
		case "":
			return Bytes
		case "STRING", "ENUM":
			return Texts
		}
	case c.element.Type.V == format.Int32 || c.element.Type.V == format.Int64:
		if annotation == "" || strings.HasPrefix(annotation, "INT(") {
			return Numbers
		}
	}
	return Other
}

// Type is the column's type, for people.
func (c *Column) Type() string {
	name := c.element.Type.V.String()
	if annotation := c.annotation(); annotation != "" {
		name += " (" + annotation + ")"
	}
	if c.repeated {
		return "a list of " + name
	}
	return name
}

// flatten lists the leaves of a schema, a tree listed depth first.
func flatten(schema []format.SchemaElement) ([]Column, error) {
	if len(schema) < 2 || len(schema) > maxColumns {
		return nil, damaged(fmt.Errorf("a schema of %d elements", len(schema)))
	}
	type group struct {
		Column
		left int32
	}
	open := []group{{left: schema[0].NumChildren.V}}
	var columns []Column
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
		c := Column{Path: element.Name, index: len(columns), element: element, levels: parent.levels, repeated: parent.repeated}
		if parent.Path != "" {
			c.Path = parent.Path + "." + element.Name
		}
		if len(c.Path) > maxPath {
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

// annotation is what the values mean, beside their type, such as STRING.
func (c *Column) annotation() string {
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
