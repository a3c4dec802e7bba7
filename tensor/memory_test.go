package tensor_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"cone/tensor"
)

// TestBytesAreRowMajor however the tensor lies in memory, and without a copy
// where it lies so already.
func TestBytesAreRowMajor(t *testing.T) {
	run(t, func() {
		values := make([]int32, 2*3*2*2)
		for i := range values {
			values[i] = int32(i)
		}
		x := tensor.From(values, 2, 3, 2, 2)
		want := binary.LittleEndian.AppendUint32(nil, 0)[:0]
		for _, v := range values {
			want = binary.LittleEndian.AppendUint32(want, uint32(v))
		}
		last := x.ChannelsLast()
		if got := last.Strides(); !reflect.DeepEqual(got, []int{12, 1, 6, 3}) {
			t.Errorf("channels last has strides %v", got)
		}
		for name, y := range map[string]tensor.Tensor{
			"row-major": x, "channels last": last,
			"permuted back": x.Permute(3, 1, 0, 2).Contiguous().Permute(2, 1, 3, 0),
			"expanded":      x.Unsqueeze(0).Expand(1, 2, 3, 2, 2),
		} {
			y.Bytes(func(b []byte) {
				if !bytes.Equal(b, want) {
					t.Errorf("%s: bytes % x, want % x", name, b, want)
				}
			})
			if got := tensor.To[int32](y); !reflect.DeepEqual(got, values) {
				t.Errorf("%s: %v, want %v", name, got, values)
			}
		}
		if got := tensor.To[int32](last.Select(1, 2).Select(2, 0)); !reflect.DeepEqual(got, []int32{8, 10, 20, 22}) {
			t.Errorf("a view of channels last holds %v", got)
		}
		x.Bytes(func(b []byte) { b[0] = 99 })
		if got := tensor.To[int32](x)[0]; got != 99 {
			t.Errorf("writing to the bytes of a row-major tensor left %v", got)
		}
		last.Bytes(func(b []byte) { b[0] = 77 })
		if got := tensor.To[int32](last)[0]; got != 0 {
			t.Errorf("writing to the bytes' copy changed the tensor to %v", got)
		}
	})
}

func TestEmptyTensors(t *testing.T) {
	run(t, func() {
		x := tensor.From([]float32{}, 0, 3)
		if x.Len() != 0 || len(tensor.To[float32](x)) != 0 {
			t.Errorf("%v has elements", x)
		}
		x.Bytes(func(b []byte) {
			if len(b) != 0 {
				t.Errorf("%d bytes", len(b))
			}
		})
		if got := tensor.FromBytes(nil, tensor.BFloat16, 2, 0).String(); got != "bfloat16[2 0]" {
			t.Errorf("%s from no bytes", got)
		}
		scalar := tensor.From([]float64{4})
		if scalar.Len() != 1 || scalar.Item() != 4 || len(scalar.Shape()) != 0 {
			t.Errorf("the scalar is %v with %v", scalar, scalar.Item())
		}
	})
}

// TestRoundTrips through every element type that a slice can have.
func TestRoundTrips(t *testing.T) {
	run(t, func() {
		roundTrip(t, []uint8{0, 1, 255}, tensor.Uint8)
		roundTrip(t, []int32{math.MinInt32, 0, math.MaxInt32}, tensor.Int32)
		roundTrip(t, []int64{math.MinInt64, -1, math.MaxInt64}, tensor.Int64)
		roundTrip(t, []float32{-0.1, math.MaxFloat32, math.SmallestNonzeroFloat32}, tensor.Float32)
		roundTrip(t, []float64{-0.1, math.MaxFloat64, math.Inf(-1)}, tensor.Float64)
	})
}

func roundTrip[E tensor.Element](t *testing.T, v []E, d tensor.DType) {
	t.Helper()
	x := tensor.From(v, len(v))
	if got := tensor.To[E](x); x.DType() != d || !reflect.DeepEqual(got, v) {
		t.Errorf("%v came back as %v of %v", v, got, x.DType())
	}
	x.Bytes(func(b []byte) {
		if len(b) != len(v)*d.Size() {
			t.Errorf("%v has %d bytes per element, not %d", d, len(b)/len(v), d.Size())
		}
		if again := tensor.FromBytes(b, d, len(v)); !reflect.DeepEqual(tensor.To[E](again), v) {
			t.Errorf("%v from its bytes is %v", v, tensor.To[E](again))
		}
	})
	v[0]++
	if got := tensor.To[E](x); reflect.DeepEqual(got, v) {
		t.Errorf("%v: From shares the slice's memory", d)
	}
}

// TestBFloat16: the upper half of a float32, rounded to even.
func TestBFloat16(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		value float32
		bits  uint16
		back  float32
	}{
		{0, 0x0000, 0}, {float32(math.Copysign(0, -1)), 0x8000, 0}, {1, 0x3F80, 1}, {-2.5, 0xC020, -2.5},
		{1 + 1.0/256, 0x3F80, 1}, {1 + 3.0/256, 0x3F82, 1 + 4.0/256}, // ties go to even
		{1 + 1.01/256, 0x3F81, 1 + 2.0/256},
		{3.140625, 0x4049, 3.140625}, {1e-40, 0x0001, 9.1835e-41},
		{math.MaxFloat32, 0x7F80, inf}, {inf, 0x7F80, inf}, {-inf, 0xFF80, -inf},
	} {
		run(t, func() {
			x := tensor.From([]float32{c.value}, 1).ToDType(tensor.BFloat16)
			x.Bytes(func(b []byte) {
				if got := binary.LittleEndian.Uint16(b); got != c.bits {
					t.Errorf("%v is %04x, want %04x", c.value, got, c.bits)
				}
			})
			raw := binary.LittleEndian.AppendUint16(nil, c.bits)
			got := tensor.To[float32](tensor.FromBytes(raw, tensor.BFloat16, 1).ToDType(tensor.Float32))[0]
			if got != c.back && math.Abs(float64(got/c.back-1)) > 1e-4 {
				t.Errorf("%04x is %v, want %v", c.bits, got, c.back)
			}
		})
	}
	run(t, func() {
		nan := tensor.From([]float32{float32(math.NaN())}, 1).ToDType(tensor.BFloat16)
		if got := nan.ToDType(tensor.Float64).Item(); !math.IsNaN(got) {
			t.Errorf("NaN became %v", got)
		}
	})
}

func TestFloat64Conversions(t *testing.T) {
	run(t, func() {
		values := []float64{0.1, -1e300, 1e-300, 16777217, math.Pi}
		x := tensor.From(values, 5)
		for i, got := range tensor.To[float32](x.ToDType(tensor.Float32)) {
			if got != float32(values[i]) {
				t.Errorf("%v became the float32 %v", values[i], got)
			}
		}
		if back := tensor.To[float64](x.ToDType(tensor.Float32).ToDType(tensor.Float64)); back[0] != float64(float32(0.1)) {
			t.Errorf("0.1 came back as %v", back[0])
		}
		if got := tensor.To[int64](tensor.From([]float64{-1.9, 2.9}, 2).ToDType(tensor.Int64)); got[0] != -1 || got[1] != 2 {
			t.Errorf("-1.9 and 2.9 became %v", got)
		}
		if x.ToDType(tensor.Float64) != x {
			t.Error("converting to the same type made another tensor")
		}
	})
}

// TestViewHoldsThePlace: the collector may run while a view looks at memory.
func TestViewHoldsThePlace(t *testing.T) {
	run(t, func() {
		var pin runtime.Pinner
		data := make([]float64, 1000)
		for i := range data {
			data[i] = float64(i)
		}
		v := tensor.View(&pin, data, 10, 100)
		runtime.GC()
		if got := v.Sum().Item(); got != 499500 {
			t.Errorf("the view sums to %v", got)
		}
		v.Zero()
		pin.Unpin()
		if data[999] != 0 {
			t.Error("zeroing the view left the slice as it was")
		}
	})
}

func TestItems(t *testing.T) {
	run(t, func() {
		for _, on := range devices() {
			got := tensor.Items([]tensor.Tensor{
				tensor.Full(1.5, tensor.Float32, on), tensor.Full(-2, tensor.Float64, on, 1), tensor.Full(1, tensor.Bool, on),
			})
			if want := []float64{1.5, -2, 1}; !slices.Equal(got, want) {
				t.Errorf("on %v: %v, want %v", on, got, want)
			}
		}
		if got := tensor.Items(nil); len(got) != 0 {
			t.Errorf("of nothing: %v", got)
		}
	})
}

// devices are those that this machine has.
func devices() []tensor.Device {
	if tensor.HasCUDA() {
		return []tensor.Device{tensor.CPU, tensor.CUDA(0)}
	}
	return []tensor.Device{tensor.CPU}
}
