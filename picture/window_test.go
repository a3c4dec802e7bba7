package picture

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestResizeWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	var s Scratch
	for range 400 {
		src := &Image{}
		src.Reset(Size{1 + random.IntN(60), 1 + random.IntN(60), 1 + 2*random.IntN(2)})
		noise(src, random)
		w := Window{Height: src.Height, Width: src.Width, ToHeight: 1 + random.IntN(50), ToWidth: 1 + random.IntN(50), Filter: Bilinear}
		if random.IntN(2) == 0 {
			w.Filter = Bicubic
		}
		w.Part.Height, w.Part.Width = 1+random.IntN(w.ToHeight), 1+random.IntN(w.ToWidth)
		w.Part.Top, w.Part.Left = random.IntN(w.ToHeight-w.Part.Height+1), random.IntN(w.ToWidth-w.Part.Width+1)
		var scaled, want, part, got Image
		Resize(&scaled, src, whole(src), w.ToHeight, w.ToWidth, w.Filter, &s)
		Crop(&want, &scaled, w.Part)
		// Only what the window needs is there, with a border that must not count.
		needs := w.Needs(&s)
		part.Reset(Size{needs.Height + 3, needs.Width + 2, src.Channels})
		for i := range part.Pixels {
			part.Pixels[i] = uint8(random.IntN(256))
		}
		for y := range needs.Height {
			from := ((needs.Top+y)*src.Width + needs.Left) * src.Channels
			to := ((2+y)*part.Width + 1) * src.Channels
			copy(part.Pixels[to:], src.Pixels[from:from+needs.Width*src.Channels])
		}
		ResizeWindow(&got, &part, 2, 1, w, &s)
		if got.Size != want.Size || !slices.Equal(got.Pixels, want.Pixels) {
			t.Fatalf("%+v of %v, which needs %+v: other pixels than the whole's", w, src.Size, needs)
		}
	}
}
