package picture

import (
	"fmt"
	"path/filepath"
	"testing"

	"cone/picture/internal/kernel"
	"cone/weights"
)

// golden reads every array of a file in testdata as a picture.
func golden(t testing.TB, name string) map[string]*Image {
	t.Helper()
	file, err := weights.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	images := map[string]*Image{}
	for _, key := range file.Names() {
		a, err := file.Read(key)
		if err != nil {
			t.Fatal(err)
		}
		size := Size{int(a.Shape[0]), int(a.Shape[1]), 1}
		if len(a.Shape) == 3 {
			size.Channels = int(a.Shape[2])
		}
		images[key] = &Image{size, a.Data}
	}
	return images
}

// same fails the test unless got equals want to the bit.
func same(t *testing.T, got, want *Image) {
	t.Helper()
	if got.Size != want.Size {
		t.Errorf("size is %v, want %v", got.Size, want.Size)
		return
	}
	different, first := 0, ""
	for i, g := range got.Pixels {
		if w := want.Pixels[i]; g != w {
			if different++; first == "" {
				pixel := i / got.Channels
				first = fmt.Sprintf("first at y=%d x=%d channel %d: %d, want %d",
					pixel/got.Width, pixel%got.Width, i%got.Channels, g, w)
			}
		}
	}
	if different > 0 {
		t.Errorf("%d of %d bytes differ, %s", different, len(got.Pixels), first)
	}
}

// clone is a copy of im.
func (im *Image) clone() *Image {
	return &Image{im.Size, append([]uint8(nil), im.Pixels...)}
}

// whole is all of im.
func whole(im *Image) Box { return Rect{0, 0, im.Height, im.Width}.Box() }

// levels runs a test with every variant of the kernels that this processor has.
func levels(t *testing.T, test func(*testing.T)) {
	defer func() { kernel.Active = kernel.Best }()
	for level := kernel.Portable; level <= kernel.Best; level++ {
		kernel.Active = level
		t.Run(level.String(), test)
	}
}

func TestTransforms(t *testing.T) {
	levels(t, testTransforms)
}

func testTransforms(t *testing.T) {
	images := golden(t, "transforms.safetensors")
	src := images["image"]
	filters := map[string]Filter{"bilinear": Bilinear, "bicubic": Bicubic}
	var s Scratch
	resize := func(box Box, height, width int, f Filter) *Image {
		var dst Image
		Resize(&dst, src, box, height, width, f, &s)
		return &dst
	}
	got := map[string]*Image{"image": src}
	for name, f := range filters {
		got["resize_48x40_"+name] = resize(whole(src), 40, 48, f)
		got["resize_200x130_"+name] = resize(whole(src), 130, 200, f)
		height, width := ShortSide(src.Height, src.Width, 40)
		short := resize(whole(src), height, width, f)
		got["short_side_40_"+name] = short
		got["eval_40_crop_32_"+name] = &Image{}
		Crop(got["eval_40_crop_32_"+name], short, CenterRect(height, width, 32))
		key := "resized_crop_top7_left11_h37_w53_to_32_" + name
		got[key] = &Image{}
		ResizedCrop(got[key], src, Rect{7, 11, 37, 53}.Box(), 32, 32, f, &s)
	}
	got["hflip"] = src.clone()
	Flip(got["hflip"])
	got["center_crop_80_pads"] = &Image{}
	Crop(got["center_crop_80_pads"], src, CenterRect(src.Height, src.Width, 80))
	compare(t, got, images)
}

// compare checks that every known answer was asked for, and met.
func compare(t *testing.T, got, want map[string]*Image) {
	t.Helper()
	for key, image := range want {
		t.Run(key, func(t *testing.T) {
			if got[key] == nil {
				t.Fatal("no test computes this")
			}
			same(t, got[key], image)
		})
	}
	if len(got) != len(want) {
		t.Errorf("%d pictures for %d known answers", len(got), len(want))
	}
}
