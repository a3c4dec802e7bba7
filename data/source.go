package data

import "cone/picture"

// Source is a collection of labelled pictures, each at hand by its index. Its
// methods may be called by any number of goroutines at once.
type Source interface {
	// Len is the number of pictures.
	Len() int
	// Classes are the names of the classes; labels index them.
	Classes() []string
	// Label is the class of picture i.
	Label(i int) int
	// Name says where picture i comes from, for people: a file's path, or an
	// entry of one.
	Name(i int) string
	// Size is the size of every picture of a collection that holds pixels;
	// where it is not Known, the collection holds encoded files.
	Size() picture.Size
	// Read returns picture i: its H×W×C pixels, or its encoded file. The
	// result may lie in buffer's memory, which it grows as needed, or in the
	// collection's own, so it is not to be written to and ends with the next
	// use of buffer. An error names the picture.
	Read(i int, buffer *[]byte) ([]byte, error)
	// Close lets go of open files.
	Close() error
}

// Channels is the number of channels of a collection's pictures; encoded files
// become RGB.
func Channels(s Source) int {
	if size := s.Size(); size.Known() {
		return size.Channels
	}
	return 3
}

// Sharded is a Source whose pictures lie in several files, best read in order.
type Sharded interface {
	Source
	// Shards are the indices at which the files begin, ascending, from 0.
	Shards() []int
}
