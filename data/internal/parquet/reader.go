package parquet

import (
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go/format"
)

// Value is what a row has in a column: by the column's kind, a Number or a
// Text, or nothing.
type Value struct {
	Number int64
	Text   []byte
	Null   bool
}

// Each calls yield with every row of a column of Numbers, Bytes or Texts, in
// order, until it returns an error, which Each returns. Texts are to be read
// and not kept.
func (f *File) Each(column *Column, yield func(row int, v Value) error) error {
	for i := range f.groups {
		c, err := f.place(&f.groups[i], column)
		if err != nil {
			return err
		}
		if err := c.find(); err != nil {
			return err
		}
		dictionary := sync.OnceValues(c.readDictionary)
		for _, place := range c.pages {
			v, err := c.readPage(place, dictionary)
			if err != nil {
				return damaged(err)
			}
			for at := range v.len() {
				if err := yield(f.groups[i].first+int(place.row)+at, v.value(c.kind, at)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// value is value i, of a column of the kind.
func (v *values) value(kind format.Type, i int) Value {
	if kind != format.ByteArray {
		return Value{Number: v.numbers[i], Null: v.numbers[i] == noNumber}
	}
	if v.spans[i] == noValue {
		return Value{Null: true}
	}
	return Value{Text: v.text(i)}
}

// Reader reads a column of Bytes or Texts at any row.
type Reader struct {
	first  []int // rows of the row groups
	chunks []*chunk
	cache  *Cache
}

// Reader gives a reader of a column, which keeps its pages in cache.
func (f *File) Reader(column *Column, cache *Cache) (*Reader, error) {
	r := &Reader{first: f.Groups(), cache: cache}
	for i := range f.groups {
		c, err := f.place(&f.groups[i], column)
		if err != nil {
			return nil, err
		}
		r.chunks = append(r.chunks, c)
	}
	return r, nil
}

// Text returns what a row has, which is not to be written to, and whether it
// has something. Errors are phrased to follow the row's name.
func (r *Reader) Text(row int) (text []byte, there bool, err error) {
	at, exact := slices.BinarySearch(r.first, row)
	if !exact {
		at--
	}
	return r.cache.text(r.chunks[at], row-r.first[at])
}
