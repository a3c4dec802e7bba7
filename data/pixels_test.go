package data

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
	"testing"

	"cone/codec"
	"cone/picture"
)

// Pictures become grey, by ITU-R 601, and of one size.
func TestPixels(t *testing.T) {
	im := image.NewRGBA(image.Rect(0, 0, 4, 2))
	for y := range 2 {
		for x := range 4 {
			im.Set(x, y, color.RGBA{200, 100, 50, 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, im); err != nil {
		t.Fatal(err)
	}
	var buffer []byte
	for _, c := range []struct {
		size picture.Size
		want []byte
	}{
		{picture.Size{Height: 3, Width: 3, Channels: 1}, slices.Repeat([]byte{124}, 9)}, // 0.299·200 + 0.587·100 + 0.114·50
		{picture.Size{Height: 1, Width: 2, Channels: 3}, []byte{200, 100, 50, 200, 100, 50}},
	} {
		s := Pixels(Encoded("x", file.Bytes()), c.size, codec.Options{})
		got, err := s.Read(0, &buffer)
		if err != nil || !slices.Equal(got, c.want) || s.Size() != c.size {
			t.Errorf("%v gives %v, want %v: %v", c.size, got, c.want, err)
		}
	}
	if _, err := Pixels(Encoded("x", []byte("GIF89a")), picture.Size{Height: 1, Width: 1, Channels: 1}, codec.Options{}).Read(0, &buffer); err == nil {
		t.Error("a broken picture is read")
	}
}
