package augment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/picture"
	"cone/recipe"
)

// answers reads what a script in testdata wrote.
func answers(t testing.TB, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

// synthetic is the picture of that name in testdata/stream.py.
func synthetic(size picture.Size) *picture.Image {
	im := &picture.Image{}
	im.Reset(size)
	for i := range im.Pixels {
		noise := int(uint32(i+1) * 2654435761 >> 24)
		pixel := i / size.Channels
		slope := (pixel/size.Width*3 + pixel%size.Width*2 + i%size.Channels*60) % 256
		im.Pixels[i] = uint8((noise + 3*slope) / 4)
	}
	return im
}

// sized3 is a size as the scripts write it.
func sized3(s [3]int) picture.Size { return picture.Size{Height: s[0], Width: s[1], Channels: s[2]} }

// digest is that of testdata/stream.py.
func digest(images ...[]byte) string {
	h := sha256.New()
	for _, im := range images {
		h.Write(im)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// steps reads steps as a recipe lists them, each "name: {setting: value}".
func steps(t testing.TB, list ...string) []recipe.Step {
	t.Helper()
	text := "data: {path: none}\naugment:\n"
	for _, s := range list {
		text += "  - " + s + "\n"
	}
	r, err := recipe.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r.Augment
}

// wholeSteps compares transforms of pictures with a peer's that drew the same.
func wholeSteps(t *testing.T, seed uint64, epoch int, size [3]int, list, want []string) {
	s := sized3(size)
	t.Run(strings.Join(list, " ")+" "+s.String(), func(t *testing.T) {
		transform := compile(t, s, steps(t, list...)...)
		if len(want) == 0 {
			t.Error("there is no answer")
		}
		for i, w := range want {
			got := apply(t, transform, synthetic(s).Pixels, Key{Seed: seed, Epoch: epoch, Index: i})
			if digest(got) != w {
				t.Errorf("image %d comes out otherwise", i)
			}
		}
	})
}

// operationNames are the peers' names. What increases with the magnitude is
// the same operation.
var operationNames = map[operation]string{
	identity: "Identity", autoContrast: "AutoContrast", equalize: "Equalize", invert: "Invert", rotate: "Rotate",
	posterize: "Posterize", solarize: "Solarize", solarizeAdd: "SolarizeAdd", color: "Color", contrast: "Contrast",
	brightness: "Brightness", sharpness: "Sharpness", shearX: "ShearX", shearY: "ShearY", translateX: "TranslateX",
	translateY: "TranslateY", translateRelX: "TranslateXRel", translateRelY: "TranslateYRel",
}

// perform does one operation to a copy of the picture, and returns its pixels.
func perform(t testing.TB, im *picture.Image, a act, fill [3]uint8) []byte {
	t.Helper()
	var w work
	w.start(im, Stream{}, false)
	if err := w.perform(a, fill); err != nil {
		t.Fatal(err)
	}
	if err := w.load(); err != nil {
		t.Fatal(err)
	}
	return w.image.Pixels
}
