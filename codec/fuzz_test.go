package codec

import (
	"bytes"
	"testing"

	"cone/picture"
)

// FuzzDecode gives any bytes to the door through which all pictures come. What
// decodes without warnings must give the same pixels for each part.
// The seeds are the pictures of testdata, some cut short.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		content := read(f, g.name)
		if len(content) > 5000 {
			continue
		}
		f.Add(content, uint16(3), uint16(5), uint16(9), uint16(11), uint8(0))
		f.Add(content, uint16(0), uint16(1), uint16(700), uint16(2), uint8(1))
		f.Add(content[:len(content)*2/3], uint16(0), uint16(0), uint16(20), uint16(20), uint8(1))
	}
	f.Fuzz(func(t *testing.T, content []byte, top, left, height, width uint16, size uint8) {
		d := NewDecoder(Options{Exif: true, MaxPixels: 1 << 18})
		defer d.Close()
		file, err := d.Open(content)
		if err != nil {
			return
		}
		s := file.Shape()
		if s.Height < 1 || s.Width < 1 || s.Height*s.Width > 1<<18 {
			t.Fatalf("shape %v", s)
		}
		var whole, im picture.Image
		damaged := file.Decode(&whole) != nil || file.Warnings() > 0
		p := picture.Rect{Top: int(top) % s.Height, Left: int(left) % s.Width}
		p.Height, p.Width = 1+int(height)%(s.Height-p.Top), 1+int(width)%(s.Width-p.Left)
		box, err := file.Region(&im, p, int(size), int(size))
		if err != nil {
			if !damaged {
				t.Fatalf("the whole picture decodes, the part %+v fails: %v", p, err)
			}
			return
		}
		if box.Top < 0 || box.Left < 0 || box.Top+box.Height > float64(im.Height) || box.Left+box.Width > float64(im.Width) {
			t.Fatalf("part %+v: box %+v in %v", p, box, im.Size)
		}
		if size == 0 && !damaged && !bytes.Equal(cut(&im, int(box.Top), int(box.Left), p.Height, p.Width),
			cut(&whole, p.Top, p.Left, p.Height, p.Width)) {
			t.Fatalf("the part %+v has other pixels than the whole picture", p)
		}
	})
}
