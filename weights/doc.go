// Package weights reads and writes tensors as files: the safetensors format
// (https://github.com/huggingface/safetensors), checkpoints that carry their
// own checksum, files of Python's torch.save (see Torch), and files that appear
// whole or not at all. OpenAny opens whichever of them a file is.
//
// A safetensors file is
//
//	8 bytes   header length L, little-endian, at most 100,000,000
//	L bytes   JSON header, starting with '{', padded with spaces to 8 bytes
//	the rest  the tensors' elements, little-endian, row-major, without gaps
//
// The header maps every tensor's name to its dtype, shape and byte range in
// the data; the key "__metadata__" maps strings to strings.
package weights
