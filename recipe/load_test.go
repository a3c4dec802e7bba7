package recipe

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseStartsFromTheDefaults(t *testing.T) {
	r, err := Parse("runs/mine.yaml", []byte(`
seed: 18446744073709551615
data: {path: 2024, mean: [0.5], std: [1]}
augment:
  - random_crop:
  - random_resized_crop: {size: 32, scale: [0.5, 1.0]}
  - horizontal_flip: {}
model:
optim: {lr: 1, weight_decay: 5e-4}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Name = "mine"
	want.Seed = math.MaxUint64
	want.Data.Path = "2024"
	want.Data.Mean, want.Data.Std = []float64{0.5}, []float64{1}
	want.Augment = []Step{
		{RandomCrop: &RandomCrop{Padding: 4, Border: "black"}},
		{RandomResizedCrop: &RandomResizedCrop{32, []float64{0.5, 1}, []float64{0.75, 4.0 / 3}, "bilinear"}},
		{HorizontalFlip: &HorizontalFlip{0.5}},
	}
	want.Optim.LR, want.Optim.WeightDecay = 1, 5e-4
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got\n%+v\nwant\n%+v\n%v", r, want, Diff(r, want))
	}
}

func TestParseErrors(t *testing.T) {
	bomb := "a: &a [x, x]\n"
	for c := 'b'; c < 'p'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c, *%c]\n", c, c, c-1, c-1)
	}
	for _, c := range []struct{ name, in, want string }{
		{"nearest sibling", "seed: 1\nmethod:\n  cone:\n    neighbours: 3\n",
			`r.yaml:4: unknown key "neighbours" in method.cone; did you mean "neighbors"?`},
		{"top level", "epoch: 3", `r.yaml:1: unknown key "epoch"; did you mean "epochs"?`},
		{"elsewhere", "\nlr: 3", `r.yaml:2: unknown key "lr"; did you mean "optim.lr"?`},
		{"two elsewhere", "warmup_epochs: 3",
			`r.yaml:1: unknown key "warmup_epochs"; did you mean "method.cone.warmup_epochs" or "optim.warmup_epochs"?`},
		{"nothing near", "checkpoint: {frequency: 3}",
			`r.yaml:1: unknown key "frequency" in checkpoint; known keys: every_steps, every_epochs`},
		{"step", "augment:\n- rand_crop: {padding: 1}",
			`r.yaml:2: unknown key "rand_crop" in augment[0]; did you mean "random_crop"?`},
		{"step's key", "augment:\n- random_crop: {pading: 1}",
			`r.yaml:2: unknown key "pading" in augment[0].random_crop; did you mean "padding"?`},
		{"merge key", "<<: {seed: 1}", `r.yaml:1: unknown key "<<"; known keys: name, `},
		{"text for integer", "epochs: many", `r.yaml:1: epochs: expected an integer, got the text "many"`},
		{"quoted integer", "epochs: '8'", `r.yaml:1: epochs: expected an integer, got the text "8"`},
		{"fraction for integer", "epochs: 1.5", `r.yaml:1: epochs: expected an integer, got "1.5"`},
		{"large integer", "epochs: 9223372036854775808", `r.yaml:1: epochs: expected an integer, got "9223372036854775808", which is out of range`},
		{"larger integer", "epochs: 99999999999999999999", `r.yaml:1: epochs: expected an integer, got "99999999999999999999"`},
		{"negative seed", "seed: -1", `r.yaml:1: seed: expected an integer from 0 to 18446744073709551615, got "-1", which is out of range`},
		{"large number", "optim: {lr: 1e999}", `r.yaml:1: optim.lr: expected a number, got the text "1e999"`},
		{"old boolean", "method: {cone: {guards: yes}}", `r.yaml:1: method.cone.guards: expected true or false, got the text "yes"`},
		{"boolean for number", "optim: {lr: true}", `r.yaml:1: optim.lr: expected a number, got "true"`},
		{"list for text", "name: [a]", `r.yaml:1: name: expected text, got a list`},
		{"mapping for text", "model: {backbone: {a: 1}}", `r.yaml:1: model.backbone: expected text, got keys and values`},
		{"binary for text", "name: !!binary YQ==", `r.yaml:1: name: expected text, got "YQ=="`},
		{"no value", "seed:", `r.yaml:1: seed has no value: expected an integer from 0`},
		{"text for section", "optim: sgd", `r.yaml:1: optim: expected keys and values, got the text "sgd"`},
		{"number for list", "data: {mean: 0.5}", `r.yaml:1: data.mean: expected a list such as [0.5], got "0.5"`},
		{"mapping for steps", "augment: {random_crop: {}}", `r.yaml:1: augment: expected a list such as [{horizontal_flip: {probability: 0.5}}], got keys and values`},
		{"list element", "data: {mean: [0.5, x]}", `r.yaml:1: data.mean[1]: expected a number, got the text "x"`},
		{"empty element", "data: {mean: [0.5, ]}\naugment:\n- \n", `r.yaml:3: augment[0] has no value`},
		{"word as step", "augment:\n- horizontal_flip\n", `r.yaml:2: augment[0]: expected keys and values, got the text "horizontal_flip"`},
		{"duplicate", "seed: 1\noptim:\n  lr: 1\n  lr: 2\n", `r.yaml:4: key "optim.lr" is given twice, first on line 3: remove one`},
		{"list as key", "[a, b]: 1", `r.yaml:1: a key must be a plain word, got a list`},
		{"empty", "", `r.yaml is empty: `},
		{"comments", "# nothing\n\n", `r.yaml is empty: `},
		{"null", "~", `r.yaml is empty: `},
		{"document mark", "---\n", `r.yaml is empty: `},
		{"list at top", "- a\n", `r.yaml:1: expected keys and values, got a list`},
		{"text at top", "hello", `r.yaml:1: expected keys and values, got the text "hello"`},
		{"two documents", "seed: 1\n---\nseed: 2\n", `a second document begins here: keep one recipe per file`},
		{"broken second", "seed: 1\n---\n[\n", `not valid YAML`},
		{"syntax", "seed: 1\ndata: [1\n", `not valid YAML: `},
		{"tab", "data:\n\tpath: x\n", `not valid YAML: `},
		{"undefined alias", "seed: *x", `r.yaml is not valid YAML: unknown anchor 'x' referenced`},
		{"alias", "seed: &x 1\nepochs: *x", `r.yaml:2: epochs: aliases such as *x are not supported: write the value out`},
		{"alias bomb", bomb + "augment: *o\n", `augment: aliases such as *o are not supported`},
		{"alias to itself", "data: &x\n  mean: *x", `data.mean: aliases such as *x are not supported`},
		{"not text", "\xff\xfe\x00", `not valid YAML: `},
		{"long list", "data: {mean: [" + strings.Repeat("1,", maxElements+1) + "]}",
			`r.yaml:1: data.mean: the list has 1001 elements: give at most 1000`},
		{"huge", "name: " + strings.Repeat("x", maxSize), `r.yaml is larger than 1 MiB: this is not a recipe`},
		{"long word", strings.Repeat("é", 1000) + ": 1", `r.yaml:1: unknown key "` + strings.Repeat("é", 40) + `…"; known keys: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Parse("r.yaml", []byte(c.in))
			if err == nil {
				t.Fatalf("accepted: %+v", r)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if !strings.HasPrefix(err.Error(), "r.yaml") || strings.HasSuffix(err.Error(), "\n") {
				t.Errorf("not a message that begins with the file and ends without a newline: %q", err)
			}
		})
	}
}

func TestParseReportsSeveralMistakes(t *testing.T) {
	_, err := Parse("r.yaml", []byte("epoch: 1\nseed: x\noptim: {lr: y}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three mistakes give: %v", err)
	}
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "k%d:\n", i)
	}
	_, err = Parse("r.yaml", []byte(many.String()))
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != maxProblems+1 || lines[maxProblems] != "r.yaml:41: and more problems after these" {
		t.Errorf("a hundred thousand mistakes give %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// Files of the largest accepted size that are built to cost time.
func TestParseIsBounded(t *testing.T) {
	repeat := func(s string) string { return strings.Repeat(s, maxSize/len(s)) }
	for name, in := range map[string]string{
		"open lists":  repeat("["),
		"open maps":   repeat("{a: "),
		"nested rows": repeat("- "),
		"questions":   repeat("? "),
		"comments":    repeat("#\n"),
		"anchors":     repeat("&a "),
		"one key":     repeat("a"),
		"numbers":     "data: {mean: [" + repeat("1,")[:maxSize-20] + "]}",
		"steps":       "augment: [" + repeat("{},")[:maxSize-20] + "]",
	} {
		start := time.Now()
		r, err := Parse("r.yaml", []byte(in))
		if err == nil && r.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
		// A quadratic step takes minutes at this size; the rest is left to slow machines.
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestLoadAndFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, f := range []string{"mine.yaml", "other.yml", "bare", "fashion-mnist", filepath.Join("runs", "saved.txt")} {
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte("epochs: 77\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for in, name := range map[string]string{
		"mine.yaml": "mine", "other.yml": "other", "bare": "bare", filepath.Join("runs", "saved.txt"): "saved",
		"./fashion-mnist": "fashion-mnist", // a path, not the shipped one
	} {
		r, err := Find(in)
		if err != nil || r.Epochs != 77 || r.Name != name {
			t.Errorf("Find(%q): name %q, epochs %d, %v", in, r.Name, r.Epochs, err)
		}
	}
	if r, err := Find("fashion-mnist"); err != nil || r.Epochs == 77 {
		t.Errorf("a file hides the shipped recipe: %v", err)
	}
	list := strings.Join(Shipped(), ", ")
	for in, want := range map[string]string{
		"fashion_mnist": `there is no recipe "fashion_mnist"; shipped are ` + list + `; did you mean "fashion-mnist"?`,
		"imagenet":      `there is no recipe "imagenet"; shipped are ` + list + `; did you mean "imagenet-resnet50-100ep"?`,
		"zzz":           `there is no recipe "zzz"; shipped are ` + list,
		"absent.yaml":   `there is no recipe file absent.yaml`,
		"a/b":           `there is no recipe file a/b`,
		"runs":          `cannot read the recipe: `,
	} {
		if _, err := Find(in); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Find(%q):\n got %v\nwant %s", in, err, want)
		}
	}
	if err := os.WriteFile("large.yaml", make([]byte, maxSize+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load("large.yaml"); err == nil || err.Error() != "large.yaml is larger than 1 MiB: this is not a recipe" {
		t.Errorf("large file: %v", err)
	}
}

func TestShipped(t *testing.T) {
	want := []string{"cifar10-cone", "cifar10-cross-entropy", "cifar10-supcon",
		"cifar100-cone", "cifar100-cross-entropy", "cifar100-supcon",
		"fashion-mnist", "fashion-mnist-bce", "fashion-mnist-cross-entropy", "fashion-mnist-margin", "fashion-mnist-paco",
		"fashion-mnist-quick", "fashion-mnist-supcon", "fashion-mnist-timm", "fashion-mnist-triplet", "glyphs-10", "glyphs-400",
		"imagenet-resnet50-100ep", "imagenet-resnet50-a1", "imagenet-resnet50-a2", "imagenet-resnet50-a3",
		"imagenet-resnet50-cone-strong", "imagenet-resnet50-cross-entropy", "imagenet-resnet50-supcon",
		"imagenet-resnet50-torchvision", "photos"}
	if got := Shipped(); !reflect.DeepEqual(got, want) {
		t.Fatalf("shipped: %v, want %v", got, want)
	}
	for _, name := range Shipped() {
		r, err := Find(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r.Name != name || len(r.Description) < 20 {
			t.Errorf("%s: name %q, description %q", name, r.Name, r.Description)
		}
		source, err := Source(name)
		if err != nil || !strings.HasPrefix(string(source), "# ") {
			t.Errorf("%s: the source has no opening comment: %v", name, err)
		}
	}
}

// The authors' values, written out here and not taken from Default.
func TestImageNetRecipe(t *testing.T) {
	r, err := Find("imagenet-resnet50-100ep")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"78.7 %", "arXiv 2308.10761"} {
		if !strings.Contains(r.Description, part) {
			t.Errorf("the description lacks %q: %s", part, r.Description)
		}
	}
	other := Default() // the other methods' settings, which do not matter
	want := Recipe{
		Name: "imagenet-resnet50-100ep", Description: r.Description,
		Epochs: 100, Batch: 1024, Precision: "auto",
		Data: Data{Format: "folder", Path: "imagenet",
			Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225},
			Exif: false, Exact: true, // as torchvision's ImageFolder and transforms
			TestShare: 0.1, Fraction: 1, LabelNoise: LabelNoise{Kind: "symmetric"}, OnError: "skip", MaxPixels: 89478485, CacheMB: 1024,
			Sampling: Sampling{Order: "shuffle", Buffer: 10000, Power: 0.5, Repeats: 1}},
		Augment: []Step{
			{RandomResizedCrop: &RandomResizedCrop{224, []float64{0.08, 1}, []float64{3. / 4, 4. / 3}, "bilinear"}},
			{HorizontalFlip: &HorizontalFlip{0.5}},
		},
		Evaluate: Evaluate{Every: 1, Classifier: "auto", KNN: other.Evaluate.KNN, Transform: []Step{
			{Resize: &Resize{Size: 256, Interpolation: "bilinear"}}, {CenterCrop: &CenterCrop{224}}}},
		Model:  Model{Backbone: "resnet50", Stem: "imagenet", Head: Head{Layers: 1, Dim: 256, Placement: "inside", BatchNorm: true}},
		Linear: other.Linear,
		Method: Method{Name: "cone", Smoothing: "others", BCE: other.Method.BCE, SupCon: other.Method.SupCon,
			Triplet: other.Method.Triplet, Margin: other.Method.Margin, PaCo: other.Method.PaCo, CoNe: CoNe{BankSize: 65536, Neighbors: 512,
				NeighborTemperature: 0.1, ConsistencyTemperature: 0.07, CenterWeight: 1, NeighborWeight: 0.7, ConsistencyWeight: 0.4,
				KeyMomentum: 0.996, WarmupEpochs: 1, Views: 1, Guards: true}},
		Optim: Optim{Name: "sgd", LR: 0.1, ReferenceBatch: 256, Momentum: 0.9, WeightDecay: 1e-4,
			DecayNormAndBias: true, Schedule: "cosine-epoch", WarmupEpochs: 5, MinLRRatio: 0.001, Accumulate: 1,
			Beta1: 0.9, Beta2: 0.999, TrustCoefficient: 0.001, LayerDecay: 1, Gamma: 0.1}, // of no effect here
		EMA:  EMA{EverySteps: 1},
		Dist: Dist{SyncBatchNorm: true, Overlap: true, CheckEvery: 1000},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("differs from the published recipe: %v", Diff(r, want))
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Shipped() {
		source, err := Source(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Add([]byte("a: &a [*a]\n---\n"))
	f.Add([]byte("augment: [{random_crop: }, {resize: {size: 1}}]\nseed: 0x10"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse("r.yaml", data)
		if err != nil {
			return
		}
		_ = r.Validate()
		text, err := r.Marshal()
		if err != nil {
			t.Fatalf("%v\n%+v", err, r)
		}
		again, err := Parse("again.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if d := Diff(r, again); len(d) != 0 {
			t.Fatalf("round trip: %q\n%s", d, text)
		}
	})
}
