package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"cone/picture"
	"cone/recipe"
)

// labelColumns are the names under which a label is looked for, in order.
var labelColumns = []string{"label", "labels", "fine_label"}

// parquetSource is a collection in Parquet files as the Hugging Face hub has
// them (https://huggingface.co/docs/hub/datasets-image): a column image,
// struct{bytes, path} or binary, and a label.
type parquetSource struct {
	classes []string
	labels  []int32
	files   []*parquetFile
	first   []int // index of each row group's first row, over all files
	groups  []rowGroup
	blocks  blockCache
}

// parquetFile is an open file and where its columns are.
type parquetFile struct {
	path        string
	file        *os.File
	parquet     *parquet.File
	bytes, name int // leaf columns; −1 without one
	label       int
}

// rowGroup is a part of a file.
type rowGroup struct {
	file  *parquetFile
	group parquet.RowGroup
	// starts are the rows at which pages of the image column begin, when the
	// file says so, else just 0.
	starts []int64
}

// openParquet opens the files that the settings name: by the patterns Train
// and Test, or train-*.parquet and validation-*.parquet (val, valid, test), in
// the folder or its subfolder data. Without test files the test part is nil.
func openParquet(d recipe.Data) (train, test Source, err error) {
	trainFiles, testFiles, err := parquetParts(d)
	if err != nil {
		return nil, nil, err
	}
	first, err := readParquet(trainFiles)
	if err != nil {
		return nil, nil, err
	}
	if len(testFiles) == 0 {
		if err := first.nameClasses(first.names()); err != nil {
			return nil, nil, errors.Join(err, first.Close())
		}
		return first.parquetSource, nil, nil
	}
	second, err := readParquet(testFiles)
	if err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	names := first.names()
	for _, part := range []*parquetPart{first, second} {
		if err := part.nameClasses(names); err != nil {
			return nil, nil, errors.Join(err, first.Close(), second.Close())
		}
	}
	return first.parquetSource, second.parquetSource, nil
}

func parquetParts(d recipe.Data) (train, test []string, err error) {
	dir := d.Path
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		// The path itself is a file or a pattern.
		dir = filepath.Dir(d.Path)
		if train, err = matchFiles(dir, filepath.Base(d.Path)); err != nil {
			return nil, nil, err
		}
		if d.Test != "" {
			test, err = matchFiles(dir, d.Test)
		}
		return train, test, err
	}
	for _, dir := range []string{dir, filepath.Join(dir, "data")} {
		if train, err = partFiles(dir, d.Train, ".parquet", "train"); err != nil && d.Train == "" {
			return nil, nil, err
		}
		var testErr error
		if test, testErr = partFiles(dir, d.Test, ".parquet", testNames...); testErr != nil && len(train) > 0 {
			return nil, nil, testErr
		}
		if len(train) > 0 {
			return train, test, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	all, err := filepath.Glob(filepath.Join(globEscape(dir), "*.parquet"))
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(path string) bool { return slices.Contains(test, path) })
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("%s holds no Parquet files to train on, such as train-00000-of-00001.parquet; name them in data.train", dir)
	}
	return all, test, nil
}

// parquetPart is a source while it is being opened.
type parquetPart struct {
	*parquetSource
	declared []string // class names that the files declare
	texts    []string // labels that are names, by row; nil for numbers
}

func readParquet(paths []string) (part *parquetPart, err error) {
	part = &parquetPart{parquetSource: &parquetSource{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, part.Close())
			part = nil
		}
	}()
	for _, path := range paths {
		if err := part.add(path); err != nil {
			return part, fmt.Errorf("%s %w", path, err)
		}
	}
	if part.Len() == 0 {
		return part, fmt.Errorf("%s and its like hold no rows; fetch them again", paths[0])
	}
	return part, nil
}

// add opens a file and reads its labels. Errors are phrased to follow its name.
func (p *parquetPart) add(path string) (err error) {
	defer func() {
		// The library panics on some damaged files.
		if fault := recover(); fault != nil {
			err = fmt.Errorf("is a damaged Parquet file (%v); fetch it again", fault)
		}
	}()
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return errors.New("is not a regular file; put the Parquet file in its place")
	}
	f := &parquetFile{path: path}
	if f.file, err = os.Open(path); err != nil {
		return err
	}
	p.files = append(p.files, f)
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.parquet, err = parquet.OpenFile(f.file, info.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("is no sound Parquet file (%w); fetch it again", err)
	}
	if err := f.findColumns(); err != nil {
		return err
	}
	if p.declared == nil {
		p.declared = declaredClasses(f.parquet)
	}
	for _, group := range f.parquet.RowGroups() {
		if group.NumRows() < 0 || group.NumRows() > 1<<31 {
			return fmt.Errorf("declares a row group of %d rows; fetch it again", group.NumRows())
		}
		before := len(p.labels)
		p.first = append(p.first, before)
		p.groups = append(p.groups, rowGroup{file: f, group: group, starts: pageStarts(group.ColumnChunks()[f.bytes])})
		if err := p.readLabels(group.ColumnChunks()[f.label]); err != nil {
			return err
		}
		if got := len(p.labels) - before; int64(got) != group.NumRows() {
			return fmt.Errorf("has %d labels for %d rows; fetch it again", got, group.NumRows())
		}
	}
	return nil
}

// findColumns looks up the columns and checks their types.
func (f *parquetFile) findColumns() error {
	f.bytes, f.name, f.label = -1, -1, -1
	schema := f.parquet.Schema()
	if leaf, ok := schema.Lookup("image", "bytes"); ok {
		f.bytes = leaf.ColumnIndex
		if path, ok := schema.Lookup("image", "path"); ok && path.Node.Type().Kind() == parquet.ByteArray {
			f.name = path.ColumnIndex
		}
	} else if leaf, ok := schema.Lookup("image"); ok {
		f.bytes = leaf.ColumnIndex
	} else {
		return fmt.Errorf("has no column image of struct{bytes, path} or binary, but %s", columnNames(schema))
	}
	if kind := kindOf(f, f.bytes); kind != parquet.ByteArray {
		return fmt.Errorf("has %v in the column image where encoded pictures (binary) are needed", kind)
	}
	for _, name := range labelColumns {
		if leaf, ok := schema.Lookup(name); ok {
			f.label = leaf.ColumnIndex
			switch kind := leaf.Node.Type().Kind(); {
			case leaf.MaxRepetitionLevel > 0 || kind != parquet.Int32 && kind != parquet.Int64 && kind != parquet.ByteArray:
				return fmt.Errorf("has %v in the column %s where one integer or class name per row is needed", kind, name)
			}
			return nil
		}
	}
	return fmt.Errorf("has no column %s, but %s", strings.Join(labelColumns, ", "), columnNames(schema))
}

func kindOf(f *parquetFile, column int) parquet.Kind {
	leaf, _ := f.parquet.Schema().Lookup(f.parquet.Schema().Columns()[column]...)
	return leaf.Node.Type().Kind()
}

func columnNames(schema *parquet.Schema) string {
	var names []string
	for _, path := range schema.Columns() {
		names = append(names, strings.Join(path, "."))
	}
	return strings.Join(names, ", ")
}

// declaredClasses are the class names in the metadata that the library
// datasets writes, or nil.
func declaredClasses(f *parquet.File) []string {
	text, _ := f.Lookup("huggingface")
	var metadata struct {
		Info struct {
			Features map[string]struct {
				Names []string `json:"names"`
			} `json:"features"`
		} `json:"info"`
	}
	// Features of other kinds may not fit; they are not asked for.
	_ = json.Unmarshal([]byte(text), &metadata)
	for _, name := range labelColumns {
		if names := metadata.Info.Features[name].Names; len(names) > 0 {
			return names
		}
	}
	return nil
}

// pageStarts are the rows at which the pages of a column begin.
func pageStarts(chunk parquet.ColumnChunk) []int64 {
	index, err := chunk.OffsetIndex()
	if err != nil || index == nil || index.NumPages() == 0 {
		return []int64{0}
	}
	starts := make([]int64, index.NumPages())
	for i := range starts {
		starts[i] = index.FirstRowIndex(i)
		if i == 0 && starts[0] != 0 || i > 0 && starts[i] <= starts[i-1] {
			return []int64{0} // not to be trusted
		}
	}
	return starts
}

// readLabels appends the labels of a row group.
func (p *parquetPart) readLabels(chunk parquet.ColumnChunk) error {
	pages := chunk.Pages()
	defer pages.Close()
	return eachValue(pages, func(v parquet.Value) error {
		row := len(p.labels)
		switch {
		case v.IsNull():
			return fmt.Errorf("has no label in row %d; remove the row", row)
		case v.Kind() == parquet.ByteArray:
			p.texts = append(p.texts, string(v.ByteArray()))
			p.labels = append(p.labels, -1)
			return nil
		}
		label := v.Int64()
		if v.Kind() == parquet.Int32 {
			label = int64(v.Int32())
		}
		if label < 0 || label >= maxClasses {
			return fmt.Errorf("has the label %d in row %d; a label is a number from 0", label, row)
		}
		p.labels = append(p.labels, int32(label))
		return nil
	})
}

// eachValue visits the values of pages in order.
func eachValue(pages parquet.Pages, visit func(parquet.Value) error) error {
	var values [256]parquet.Value
	for {
		page, err := pages.ReadPage()
		if err != nil {
			if isEnd(err) {
				return nil
			}
			return fmt.Errorf("is a damaged Parquet file (%w); fetch it again", err)
		}
		reader := page.Values()
		for {
			n, err := reader.ReadValues(values[:])
			for _, v := range values[:n] {
				if err := visit(v); err != nil {
					parquet.Release(page)
					return err
				}
			}
			if isEnd(err) {
				break
			}
			if err != nil {
				parquet.Release(page)
				return fmt.Errorf("is a damaged Parquet file (%w); fetch it again", err)
			}
		}
		parquet.Release(page)
	}
}

// names are the part's class names: those it declares, those in its label
// column, sorted, or numbers.
func (p *parquetPart) names() []string {
	if p.texts != nil {
		names := slices.Clone(p.texts)
		slices.Sort(names)
		return slices.Compact(names)
	}
	highest := int32(0)
	for _, label := range p.labels {
		highest = max(highest, label)
	}
	if len(p.declared) > int(highest) {
		return p.declared
	}
	return numberNames(int(highest) + 1)
}

// nameClasses sets the class names, and the labels that are names.
func (p *parquetPart) nameClasses(names []string) error {
	p.classes = names
	for i, text := range p.texts {
		at, ok := slices.BinarySearch(names, text)
		if !ok {
			return fmt.Errorf("%s has the class %q, which the training files do not have", p.Name(i), text)
		}
		p.labels[i] = int32(at)
	}
	for i, label := range p.labels {
		if int(label) >= len(names) {
			return fmt.Errorf("%s has the label %d, but there are %d classes", p.Name(i), label, len(names))
		}
	}
	p.texts = nil
	return nil
}

func (p *parquetSource) Len() int           { return len(p.labels) }
func (p *parquetSource) Classes() []string  { return p.classes }
func (p *parquetSource) Label(i int) int    { return int(p.labels[i]) }
func (p *parquetSource) Size() picture.Size { return picture.Size{} }
func (p *parquetSource) Shards() []int      { return p.first }

func (p *parquetSource) Name(i int) string {
	group, row := p.locate(i)
	first := 0
	for g := group; g > 0 && p.groups[g-1].file == p.groups[group].file; g-- {
		first += int(p.groups[g-1].group.NumRows())
	}
	return fmt.Sprintf("%s: row %d", p.groups[group].file.path, first+row)
}

// Close closes the files.
func (p *parquetSource) Close() error {
	var all []error
	for _, f := range p.files {
		all = append(all, f.file.Close())
	}
	p.files = nil
	return errors.Join(all...)
}

// locate finds the row group of image i, and the row in it.
func (p *parquetSource) locate(i int) (group, row int) {
	at, exact := slices.BinarySearch(p.first, i)
	if !exact {
		at--
	}
	// Row groups without rows begin where the next one does.
	for exact && at+1 < len(p.first) && p.first[at+1] == i {
		at++
	}
	return at, i - p.first[at]
}

func (p *parquetSource) Read(i int, buffer *[]byte) ([]byte, error) {
	group, row := p.locate(i)
	content, err := p.read(group, row, buffer)
	if err != nil {
		return nil, fmt.Errorf("%s %w", p.Name(i), err)
	}
	return content, nil
}

func (p *parquetSource) read(group, row int, buffer *[]byte) ([]byte, error) {
	g := p.groups[group]
	page, exact := slices.BinarySearch(g.starts, int64(row))
	if !exact {
		page--
	}
	pictures, err := p.blocks.get(blockKey{group, page}, func() (*block, error) { return g.load(page) })
	if err != nil {
		return nil, err
	}
	content, name := pictures.row(row - int(g.starts[page]))
	switch {
	case content != nil:
		*buffer = append((*buffer)[:0], content...)
		return *buffer, nil
	case name != "" && filepath.IsLocal(name):
		content, err := readPicture(filepath.Join(filepath.Dir(g.file.path), name), buffer)
		if err != nil {
			return nil, fmt.Errorf("names a file that cannot be read: %w", err)
		}
		return content, nil
	}
	return nil, errors.New("holds no picture; remove the row")
}
