package data

import (
	"context"

	"golang.org/x/sync/semaphore"

	"cone/picture"
)

const (
	// largePixels is what makes a picture large: a few of them at once would
	// take more memory than all else.
	largePixels = 16 << 20
	// largeBytes bounds the memory that large pictures in preparation take at
	// the same time, unless one alone takes more.
	largeBytes = 2 << 30
	// largeCopies is how often a decoder and a transform hold a picture at
	// most: a progressive JPEG's coefficients (two bytes a value), its pixels
	// as stored, upright, and on their way.
	largeCopies = 5
)

var large = semaphore.NewWeighted(largeBytes)

// admit waits until there is memory for a large picture of the given size. The
// function it returns gives that back; nil for pictures that are not large.
func admit(s picture.Size) (done func()) {
	if s.Height*s.Width <= largePixels {
		return nil
	}
	weight := min(int64(s.Bytes())*largeCopies, largeBytes)
	if large.Acquire(context.Background(), weight) != nil {
		return nil // only a context that ends is an error
	}
	return func() { large.Release(weight) }
}
