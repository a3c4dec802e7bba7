package picture

import "cone/picture/internal/kernel"

// Window is a part of a resized picture: the picture of Height×Width pixels is
// scaled to ToHeight×ToWidth, of which only the pixels of Part are wanted.
type Window struct {
	Height, Width     int
	ToHeight, ToWidth int
	Part              Rect // within the scaled picture
	Filter            Filter
}

// Needs is the part of the picture that the window's pixels are made of.
func (w Window) Needs(s *Scratch) Rect {
	y, x := w.axes(s)
	top, bottom := reach(y)
	left, right := reach(x)
	return Rect{top, left, bottom - top, right - left}
}

// axes are the weights of the window's rows and columns, and of no others: a
// picture of one row, scaled to a usual height, has millions of columns.
func (w Window) axes(s *Scratch) (y, x kernel.Axis) {
	s.y.fill(line{in: w.Height, end: float32(w.Height), out: w.ToHeight, first: w.Part.Top, n: w.Part.Height, filter: w.Filter})
	s.x.fill(line{in: w.Width, end: float32(w.Width), out: w.ToWidth, first: w.Part.Left, n: w.Part.Width, filter: w.Filter})
	return s.y.Axis, s.x.Axis
}

// reach is the run of inputs that an axis reads. Its starts ascend.
func reach(a kernel.Axis) (from, to int) {
	last := len(a.Start) - 1
	return int(a.Start[0]), int(a.Start[last] + a.Count[last])
}

// ResizeWindow makes dst the window of a picture of which src holds what the
// window needs, beginning at pixel (top, left) of src: to the bit what Resize
// of the whole picture followed by Crop gives, for Bilinear and Bicubic.
func ResizeWindow(dst, src *Image, top, left int, w Window, s *Scratch) {
	y, x := w.axes(s)
	y.Start, s.starts[0] = shift(y.Start, s.starts[0])
	x.Start, s.starts[1] = shift(x.Start, s.starts[1])
	_, rows := reach(y)
	_, columns := reach(x)
	stride := src.Width * src.Channels
	pixels := src.Pixels[top*stride+left*src.Channels : src.Bytes()]
	dst.Reset(Size{w.Part.Height, w.Part.Width, src.Channels})
	s.memory = resized(s.memory, kernel.Memory(&x, rows, columns, src.Channels))
	kernel.Resize(dst.Pixels, w.Part.Height, w.Part.Width, pixels, stride, rows, columns, src.Channels, &x, &y, s.memory)
}

// shift makes starts count from the first one, in memory of their own.
func shift(starts, memory []int32) (shifted, kept []int32) {
	memory = resized(memory, len(starts))
	for i, start := range starts {
		memory[i] = start - starts[0]
	}
	return memory, memory
}
