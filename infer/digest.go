package infer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"cone/codec"
	"cone/recipe"
)

// CodecOptions say how the recipe has files become pictures.
func CodecOptions(d recipe.Data) codec.Options {
	return codec.Options{Exif: d.Exif, MaxPixels: d.MaxPixels}
}

// Digest is the SHA-256, in hexadecimal, of the weights that make embeddings:
// names, types, shapes and bytes of backbone and head. The classifier and the
// counters of batches, which change no embedding, are left out.
func (m *Model) Digest() string {
	sum := sha256.New()
	for _, e := range m.Encoder.Tree.Entries() {
		if strings.HasPrefix(e.Name, "fc.") || strings.HasSuffix(e.Name, "num_batches_tracked") {
			continue
		}
		v := e.Value.Detach()
		fmt.Fprintf(sum, "%s %v %v\n", e.Name, v.DType(), v.Shape())
		v.Bytes(func(b []byte) { sum.Write(b) })
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Preparation says in words how pictures are prepared for the model, for
// embeddings can only be compared when it was done alike.
func (m *Model) Preparation() string {
	return fmt.Sprintf("%s; mean %v, std %v", recipe.Line(m.Recipe.Evaluate.Transform), m.Recipe.Data.Mean, m.Recipe.Data.Std)
}
