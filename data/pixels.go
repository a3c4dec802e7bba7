package data

import (
	"fmt"
	"slices"
	"sync"

	"cone/codec"
	"cone/picture"
)

// Pixels makes a collection of encoded files one of pixels, of the given size
// and 1 or 3 channels: pictures of another size are resized to it (bilinear,
// antialiased, both sides), and one channel is the luma, as Pillow's
// convert("L") has it. It shares the collection, which stays the caller's.
func Pixels(s Source, size picture.Size, o codec.Options) Source {
	return &pixelSource{Source: s, size: size, tools: sync.Pool{New: func() any { return &pixelTools{decoder: codec.NewDecoder(o)} }}}
}

type pixelSource struct {
	Source
	size  picture.Size
	tools sync.Pool
}

// pixelTools are what one reader of pictures needs at a time.
type pixelTools struct {
	decoder         *codec.Decoder
	file            []byte
	decoded, scaled picture.Image
	scratch         picture.Scratch
}

func (s *pixelSource) Size() picture.Size { return s.size }

func (s *pixelSource) Read(i int, buffer *[]byte) ([]byte, error) {
	t := s.tools.Get().(*pixelTools)
	defer func() {
		t.decoder.Close() // what libjpeg holds is not the garbage collector's
		s.tools.Put(t)
	}()
	content, err := s.Source.Read(i, &t.file)
	if err != nil {
		return nil, err
	}
	file, err := t.decoder.Open(content)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.Name(i), err)
	}
	if done := admit(file.Shape()); done != nil {
		defer done()
	}
	if err := file.Decode(&t.decoded); err != nil {
		return nil, fmt.Errorf("%s %w", s.Name(i), err)
	}
	im := &t.decoded
	if s.size.Channels == 1 {
		picture.Grey(im)
	}
	if im.Height != s.size.Height || im.Width != s.size.Width {
		whole := picture.Box{Height: float64(im.Height), Width: float64(im.Width)}
		picture.Resize(&t.scaled, im, whole, s.size.Height, s.size.Width, picture.Bilinear, &t.scratch)
		im = &t.scaled
	}
	*buffer = slices.Grow((*buffer)[:0], s.size.Bytes())[:0]
	for at := 0; at < len(im.Pixels); at += im.Channels {
		*buffer = append(*buffer, im.Pixels[at:at+s.size.Channels]...)
	}
	return *buffer, nil
}
