package jpeg

/*
#include <stdlib.h>
#include "encoder.h"
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Encode writes height × width × channels bytes, grey or RGB, as a baseline
// JPEG with 4:2:0 chroma and libjpeg's tables for the quality.
func Encode(pixels []byte, height, width, channels, quality int) ([]byte, error) {
	var out *C.uchar
	var length C.ulong
	done := C.cone_jpeg_encode((*C.uchar)(unsafe.Pointer(unsafe.SliceData(pixels))),
		C.int(height), C.int(width), C.int(channels), C.int(quality), &out, &length)
	defer C.free(unsafe.Pointer(out))
	if done == 0 {
		return nil, errors.New("cannot be encoded as a JPEG: libjpeg has no memory, or a side is above 65500 pixels")
	}
	return C.GoBytes(unsafe.Pointer(out), C.int(length)), nil
}
