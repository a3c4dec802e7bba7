package recipe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// valid returns a recipe that Validate accepts and that holds every kind of step.
func valid() Recipe {
	r := Default()
	r.Data.Path = "images"
	s := defaultStep()
	s.RandomResizedCrop.Size, s.Resize.Size, s.CenterCrop.Size = 224, 256, 224
	r.Augment = []Step{
		{RandomCrop: s.RandomCrop},
		{RandomResizedCrop: s.RandomResizedCrop},
		{HorizontalFlip: s.HorizontalFlip},
	}
	r.Evaluate.Transform = []Step{{Resize: s.Resize}, {CenterCrop: s.CenterCrop}}
	return r
}

// words are texts that YAML could take for something else.
var words = []string{
	"", " ", "plain", "123", "0x1F", "1e3", "1:30", "true", "yes", "null", "~", ".nan", "2001-01-01", "<<", "=",
	"a: b", "# c", "- d", "[e", "{f", "*g", "&h", "!i", "%j", "@k", "`l", "'m", `"n`, "o\np", " q ", "\tr", "\n\n", "s\n",
	"\x00", "\u0085", "\u2028", "\ufeff", "…é漢🙂", "|", ">", "---", "...", "? t", strings.Repeat("long words ", 30),
}

// randomise fills every setting below v with anything its type allows; NaN,
// which is not equal to itself, is left out.
func randomise(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			randomise(rng, v.Field(i))
		}
	case reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomise(rng, v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		for range rng.IntN(4) {
			e := reflect.New(v.Type().Elem()).Elem()
			randomise(rng, e)
			v.Set(reflect.Append(v, e))
		}
	case reflect.String:
		v.SetString(words[rng.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int:
		v.SetInt(int64(rng.Uint64()) >> rng.IntN(64))
	case reflect.Uint64:
		v.SetUint(rng.Uint64() >> rng.IntN(64))
	case reflect.Float64:
		x := math.Float64frombits(rng.Uint64())
		if rng.IntN(3) == 0 || math.IsNaN(x) {
			x = []float64{0, 1, -2, 0.1, 1e-4, 1e300, 5e-324, math.Inf(1), math.Inf(-1)}[rng.IntN(9)]
		}
		v.SetFloat(x)
	default:
		panic("no random value for " + v.Type().String())
	}
}

func randomRecipe(rng *rand.Rand) Recipe {
	var r Recipe
	randomise(rng, reflect.ValueOf(&r).Elem())
	return r
}

func TestDefault(t *testing.T) {
	r := Default()
	// The method's published values; the rest is pinned down by the ImageNet recipe.
	want := CoNe{BankSize: 65536, Neighbors: 512, NeighborTemperature: 0.1, ConsistencyTemperature: 0.07,
		CenterWeight: 1, NeighborWeight: 0.7, ConsistencyWeight: 0.4, KeyMomentum: 0.996, WarmupEpochs: 1, Views: 1, Guards: true}
	if r.Method.CoNe != want {
		t.Errorf("method.cone is %+v, want %+v", r.Method.CoNe, want)
	}
	// All that is missing is the place of the images.
	if err := r.Validate(); err == nil || err.Error() != "data.path is empty: name the folder that holds the images" {
		t.Errorf("Validate of the defaults: %v", err)
	}
	r.Data.Path = "images"
	if err := r.Validate(); err != nil {
		t.Errorf("Validate with a path: %v", err)
	}
}

func TestDefaultStepHasEveryKind(t *testing.T) {
	if got, want := defaultStep().kinds(), siblings(reflect.TypeFor[Step]()); !reflect.DeepEqual(got, want) {
		t.Errorf("defaultStep holds %v, want %v", got, want)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	original, untouched := valid(), valid()
	clone := original.Clone()
	if !reflect.DeepEqual(clone, original) {
		t.Fatalf("the clone differs:\n%+v\n%+v", clone, original)
	}
	changed := 0
	visit(reflect.ValueOf(&clone).Elem(), "", func(_ string, v reflect.Value) {
		v.SetZero()
		changed++
	})
	if changed < len(dottedKeys())/2 {
		t.Fatalf("only %d settings were changed", changed)
	}
	if !reflect.DeepEqual(original, untouched) {
		t.Errorf("changing the clone changed the original:\n%+v", original)
	}
}

func TestKeys(t *testing.T) {
	docs := map[string]KeyDoc{}
	for _, k := range Keys() {
		if _, again := docs[k.Key]; again {
			t.Errorf("%s is listed twice", k.Key)
		}
		docs[k.Key] = k
		if k.Doc == "" || k.Type == "" {
			t.Errorf("%s has no type or explanation: %+v", k.Key, k)
		}
	}
	for _, want := range []KeyDoc{
		{Key: "name", Type: "string", Doc: "Name is the recipe's name, by default its file's base name."},
		{Key: "seed", Type: "uint64", Default: "0",
			Doc: "Seed starts every random stream: initial weights, data order, augmentation."},
		{Key: "model.stem", Type: "string", Default: "imagenet", Choices: []string{"imagenet", "small"},
			Doc: `Stem of a ResNet: "imagenet" (7×7 stride 2, max pooling) or "small" (3×3 stride 1, no pooling; the only one of wrn-28-10). Other networks have one of their own, and "imagenet" stands for it.`},
		{Key: "data.std", Type: "[]float64", Default: "[0.229, 0.224, 0.225]",
			Doc: "Mean and Std normalise a channel as (x/255 − mean)/std; one value per channel, or one for all."},
		{Key: "augment[].random_crop.padding", Type: "int", Default: "4",
			Doc: "RandomCrop pads every side by Padding pixels and cuts Size×Size pixels, or the original size when that is 0, at a uniformly random place."},
		{Key: "augment[].resize.size", Type: "int", Doc: "Resize scales the short side to Size pixels or, with Height and Width, the picture to that size; always with antialiasing, as Pillow."},
	} {
		if got := docs[want.Key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", want.Key, got, want)
		}
	}
	if got := docs["method.cone.neighbor_weight"].Default; got != "0.7" {
		t.Errorf("default of method.cone.neighbor_weight is %q", got)
	}
	if got := docs["augment"]; got.Type != "[]Step" || got.Default != "[]" ||
		!strings.HasPrefix(got.Doc, "Augment is what happens to every training image") {
		t.Errorf("augment: %+v", got)
	}
	for key := range stepChoices {
		if _, ok := docs["augment[]."+key]; !ok {
			t.Errorf("stepChoices has %s, which is no step's key", key)
		}
	}
	for key, doc := range docs {
		// A step's setting that is a name must say which there are, and the default be one.
		if strings.HasPrefix(key, "augment[]") && doc.Type == "string" && key != "augment[].rand_augment.config" {
			if !slices.Contains(doc.Choices, doc.Default) {
				t.Errorf("%s may be %v, and is %q by default", key, doc.Choices, doc.Default)
			}
			for _, c := range doc.Choices {
				if !strings.Contains(doc.Doc, strconv.Quote(c)) {
					t.Errorf("the explanation of %s does not name %q: %s", key, c, doc.Doc)
				}
			}
		}
	}
	for key := range choices {
		if _, ok := docs[key]; !ok {
			t.Errorf("choices has %s, which is no key", key)
		}
	}
	// Every key but those inside steps can be Set to its own default.
	for _, k := range Keys() {
		if strings.Contains(k.Key, "[]") || k.Default == "" {
			continue
		}
		r := Default()
		if err := Set(&r, k.Key+"="+k.Default); err != nil {
			t.Errorf("Set %s to its default: %v", k.Key, err)
		} else if d := Diff(r, Default()); len(d) != 0 {
			t.Errorf("Set %s to its default changed %v", k.Key, d)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"epochs", "batch", "resnet50", "resnet18", "cosine-epoch", "cosine-step"}
	for word, want := range map[string]string{
		"epoch": "epochs", "Epochs": "epochs", "epohcs": "epochs", "resnet-50": "resnet50", "resnet5": "resnet50",
		"cosine": "cosine-epoch", "bathc": "batch", "optimizer": "", "": "", "b": "", strings.Repeat("batch", 1<<18): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest to %.20q is %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1},
		{"neighbours", "neighbors", 1}, {"abcd", "acbd", 1}, {"ca", "abc", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func ExampleDiff() {
	here, run := Default(), Default()
	run.Optim.LR = 0.2
	run.Augment = []Step{{HorizontalFlip: &HorizontalFlip{Probability: 0.5}}}
	for _, line := range Diff(here, run) {
		fmt.Println(line)
	}
	// Output:
	// augment: [] here, [{horizontal_flip: {probability: 0.5}}] in the run
	// optim.lr: 0.1 here, 0.2 in the run
}

// What is left at 0 becomes the other programs' default; what is given stays.
func TestResolvedOptim(t *testing.T) {
	for name, want := range map[string][2]float64{
		"sgd": {0, 0}, "adamw": {1e-8, 0}, "lamb": {1e-6, 0}, "lars": {1e-8, 0},
		"rmsprop": {1e-8, 0.99}, "rmsprop-tf": {1e-10, 0.9},
	} {
		o := Default().Optim
		o.Name = name
		if got := o.Resolved(); got.Epsilon != want[0] || got.Alpha != want[1] {
			t.Errorf("%s: epsilon %v and alpha %v, want %v", name, got.Epsilon, got.Alpha, want)
		}
		o.Epsilon, o.Alpha = 0.5, 0.25
		if got := o.Resolved(); !reflect.DeepEqual(got, o) {
			t.Errorf("%s: given values became %+v", name, got)
		}
	}
}
