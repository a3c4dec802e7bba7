package codec

import (
	"bytes"
	"errors"
	"fmt"
)

// signatures are the first bytes of the formats; a dot stands for any byte.
var signatures = []struct{ start, format string }{
	{"\xff\xd8\xff", "JPEG"},
	{"\x89PNG\r\n\x1a\n", "PNG"},
	{"GIF87a", "GIF"},
	{"GIF89a", "GIF"},
	{"BM", "BMP"},
	{"II*\x00", "TIFF"},
	{"MM\x00*", "TIFF"},
	{"RIFF....WEBP", "WebP"},
}

// strangers are what is often found under a picture's name.
var strangers = []struct{ start, what string }{
	{"....ftypavif", "is an AVIF picture, which cone does not decode: convert it to JPEG or PNG"},
	{"....ftyphei", "is a HEIC picture, which cone does not decode: convert it to JPEG or PNG"},
	{"....ftypmif1", "is a HEIF picture, which cone does not decode: convert it to JPEG or PNG"},
	{"\x00\x00\x00\x0cJXL ", "is a JPEG XL picture, which cone does not decode: convert it to JPEG or PNG"},
	{"\x00\x00\x00\x0cjP  ", "is a JPEG 2000 picture, which cone does not decode: convert it to JPEG or PNG"},
	{"<!DOCTYPE", "is a web page, not a picture"},
	{"<!doctype", "is a web page, not a picture"},
	{"<html", "is a web page, not a picture"},
	{"<?xml", "is an XML file, not a picture"},
	{"<svg", "is an SVG drawing, which cone does not decode"},
	{"%PDF", "is a PDF, not a picture"},
	{"version https://git-lfs", "is a pointer of Git LFS, not the picture: run git lfs pull"},
}

func startsWith(content []byte, pattern string) bool {
	if len(content) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '.' && content[i] != pattern[i] {
			return false
		}
	}
	return true
}

// Known says whether a file that begins so is of a format that is decoded, as
// far as one can tell by its first 16 bytes.
func Known(start []byte) bool {
	_, err := sniff(start)
	return err == nil
}

// sniff finds a file's format by its first bytes.
func sniff(content []byte) (string, error) {
	if len(content) == 0 {
		return "", errors.New("is empty")
	}
	for _, s := range signatures {
		if startsWith(content, s.start) {
			return s.format, nil
		}
	}
	if len(content) > 2 && content[0] == 'P' && content[1] >= '1' && content[1] <= '6' && isSpace(content[2]) {
		return "PNM", nil
	}
	for _, s := range strangers {
		if startsWith(content, s.start) {
			return "", errors.New(s.what)
		}
	}
	start := content[:min(len(content), 8)]
	if len(bytes.Trim(content, "\x00")) == 0 {
		return "", errors.New("holds nothing but zeros")
	}
	return "", fmt.Errorf("is not a picture that can be decoded (starts with %q)", start)
}
