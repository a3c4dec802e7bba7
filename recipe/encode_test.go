package recipe

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestMarshalRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		r := randomRecipe(rng)
		text, err := r.Marshal()
		if err != nil {
			t.Fatalf("recipe %d: %v\n%+v", i, err, r)
		}
		again, err := Parse("again.yaml", text)
		if err != nil {
			t.Fatalf("recipe %d: %v\n%s", i, err, text)
		}
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("recipe %d: %q\n%s", i, Diff(r, again), text)
		}
	}
}

func TestMarshalWritesEveryKey(t *testing.T) {
	text, err := Default().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range dottedKeys() {
		if !strings.Contains(string(text), lastPart(key)+":") {
			t.Errorf("%s is missing in\n%s", key, text)
		}
	}
	r := valid()
	if text, err = r.Marshal(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"  mean: [0.485, 0.456, 0.406]\n",
		"augment:\n  - random_crop: {padding: 4, size: 0, border: black}\n",
		"    - resize: {size: 256, height: 0, width: 0, interpolation: bilinear}\n",
		"  limit: 0\n",
		"  min_lr_ratio: 0.001\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

func TestMarshalRefusesInvalidText(t *testing.T) {
	r := valid()
	r.Data.Path = "a\xffb"
	if _, err := r.Marshal(); err == nil || err.Error() != `data.path is not valid UTF-8: "a\xffb"` {
		t.Errorf("got %v", err)
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recipe.yaml")
	for _, epochs := range []int{3, 4} { // the second replaces the first
		r := valid()
		r.Epochs = epochs
		if err := r.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("loaded %+v, %v", again, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
	bad := valid()
	bad.Name = "\xff"
	if err := bad.Save(path); err == nil {
		t.Error("saved text that is not UTF-8")
	}
	if again, err := Load(path); err != nil || again.Epochs != 4 {
		t.Errorf("a failed save harmed the file: %v", err)
	}
	if err := valid().Save(filepath.Join(dir, "absent", "recipe.yaml")); err == nil ||
		!strings.HasPrefix(err.Error(), "cannot save the recipe: ") {
		t.Errorf("saved into a folder that does not exist: %v", err)
	}
}

func TestDiff(t *testing.T) {
	if d := Diff(valid(), valid()); len(d) != 0 {
		t.Errorf("equal recipes differ: %v", d)
	}
	a, b := valid(), valid()
	a.Augment, b.Augment = nil, []Step{}
	if d := Diff(a, b); len(d) != 0 {
		t.Errorf("a nil and an empty list differ: %v", d)
	}
	// Each setting alone is found, under its key or its list's.
	visit(reflect.ValueOf(valid()), "", func(key string, _ reflect.Value) {
		a, b := valid(), valid()
		visit(reflect.ValueOf(&b).Elem(), "", func(other string, v reflect.Value) {
			if other != key {
				return
			}
			switch v.Kind() {
			case reflect.String:
				v.SetString(v.String() + "!")
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.Int:
				v.SetInt(v.Int() + 1)
			case reflect.Uint64:
				v.SetUint(v.Uint() + 1)
			case reflect.Float64:
				v.SetFloat(math.Nextafter(v.Float(), 2))
			}
		})
		list, _, _ := strings.Cut(key, "[")
		if d := Diff(a, b); len(d) != 1 || !strings.HasPrefix(d[0], list+": ") {
			t.Errorf("%s changed, Diff says %q", key, d)
		}
	})
}
