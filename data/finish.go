package data

import "cone/picture"

// Finish changes an image, in its place, after everything else that the loader
// does to it. Index is the image's in the collection. Any number of goroutines
// call it at a time.
type Finish func(im *picture.Image, index int) error

// Finish has every image of later epochs finished by f, or by nothing if f is
// nil. Only call it between epochs, when no batch of the last is outstanding.
func (l *Loader) Finish(f Finish) { l.finish = f }
