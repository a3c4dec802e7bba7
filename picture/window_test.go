package picture

import (
	"math/rand/v2"
	"runtime"
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

// The window of a line of pixels takes memory for its own columns only, though
// the whole line would be scaled to five million.
func TestWindowOfALine(t *testing.T) {
	for _, turned := range []bool{false, true} {
		src := &Image{}
		w := Window{Height: 1, Width: 20000, ToHeight: 256, ToWidth: 256 * 20000, Part: CenterRect(256, 256*20000, 224), Filter: Bilinear}
		if turned {
			w = Window{Height: 20000, Width: 1, ToHeight: 256 * 20000, ToWidth: 256, Part: CenterRect(256*20000, 256, 224), Filter: Bilinear}
		}
		src.Reset(Size{w.Height, w.Width, 3})
		for i := range src.Pixels {
			src.Pixels[i] = uint8(i / 3 / 100)
		}
		var s Scratch
		var got Image
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		needs := w.Needs(&s)
		ResizeWindow(&got, src, needs.Top, needs.Left, w, &s)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%v: %d bytes were allocated", src.Size, took)
		}
		if needs.Height*needs.Width > 4 || got.Height != 224 || got.Width != 224 {
			t.Errorf("%v: the window needs %+v and is %v", src.Size, needs, got.Size)
		}
		if low, high := slices.Min(got.Pixels), slices.Max(got.Pixels); low < 99 || high > 100 {
			t.Errorf("%v: values %d to %d, want those of the middle, 99 and 100", src.Size, low, high)
		}
	}
}
