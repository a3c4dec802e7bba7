// Package codec decodes pictures: JPEG by libjpeg-turbo, PNG, WebP, BMP, TIFF
// and GIF (its first frame) by Go libraries. Whatever the file holds, grey,
// palette, CMYK, YCCK or 16 bits, comes out as RGB.
package codec
