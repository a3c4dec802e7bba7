package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// variants are tiny runs of every method, and of what the methods share.
var variants = []struct {
	name string
	set  []string
}{
	{"cone", nil},
	{"cone with two views, beside", []string{"method.cone.views=2", "model.head.placement=beside", "method.cone.consistency_from_epoch=2"}},
	{"cross-entropy", []string{"method.name=cross-entropy", "method.label_smoothing=0.1", "method.smoothing=all", "method.balance_classes=true"}},
	{"bce of mixed pictures", []string{"method.name=bce", "augment=[{random_crop: {padding: 1}}, {mix: {}}]"}},
	{"bce from equal probabilities", []string{"method.name=bce", "method.bce.prior_bias=true", "method.bce.sum_classes=true"}},
	{"supcon", []string{"method.name=supcon"}},
	{"supcon, joint, with a queue", []string{"method.name=supcon", "method.supcon.joint=true", "method.supcon.bank_size=48"}},
	{"paco", []string{"method.name=paco", "method.paco.bank_size=48", "model.head.placement=beside"}},
	{"triplet", []string{"method.name=triplet", "data.sampling.order=per-class", "data.sampling.per_class=5", "evaluate.knn.report=true"}},
	{"triplet by neighbours", []string{"method.name=triplet", "method.triplet.joint=false", "data.sampling.order=per-class", "data.sampling.per_class=10"}},
	{"arcface", []string{"method.name=margin", "method.margin.scale=8", "method.margin.margin=0.2"}},
	{"large-margin", []string{"method.name=margin", "method.margin.kind=large-margin", "method.margin.margin=2"}},
	{"frozen", []string{"method.name=cross-entropy", "model.freeze=[net.conv1, net.bn1, net.layer1]"}},
}

// variant is tiny with the settings.
func variant(t testing.TB, data string, set []string) recipe.Recipe {
	t.Helper()
	r := tiny(data)
	for _, s := range set {
		if err := recipe.Set(&r, s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// With a prior, BCE's classifier starts where every class has the probability
// 1/C, the other methods' where the network puts it.
func TestPriorBias(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	for _, name := range []string{"bce", "cross-entropy"} {
		r := variant(t, data, []string{"method.name=" + name, "method.bce.prior_bias=true"})
		withRun(t, r, func(r *run) {
			bias := tensor.To[float64](r.encoder().Tree.Get("fc.bias").Value.Detach().ToDType(tensor.Float64))
			for _, b := range bias {
				probability := 1 / (1 + math.Exp(-b))
				if got := math.Abs(probability-1.0/classCount) < 1e-6; got != (name == "bce") {
					t.Errorf("%s: a class starts with the probability %v of %d classes", name, probability, classCount)
				}
			}
		})
	}
}

// Every method learns, and a run that was stopped and resumed ends with the
// same bits as one that was not.
func TestEveryMethodLearnsAndResumes(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			r := variant(t, data, v.set)
			whole, want := start(t, r)
			if want.Last.Top1 < 0.5 {
				t.Errorf("top-1 is %v, chance is %v", want.Last.Top1, 1.0/classCount)
			}
			path := startUntil(t, r, perEpoch+3)
			got := resume(t, path)
			sameBits(t, open(t, checkpointFile(path, "last")), open(t, checkpointFile(whole, "last")))
			sameRecords(t, path, whole)
			if mustJSON(t, got.Last) != mustJSON(t, want.Last) {
				t.Errorf("the outcome is %+v, not %+v", got, want)
			}
			// The model is evaluated by the same protocol afterwards.
			again := evaluateLast(t, path)
			again.Mixed = nil // is for afterwards alone
			if mustJSON(t, again) != mustJSON(t, want.Last) {
				t.Errorf("evaluated again: %s, not %s", mustJSON(t, again), mustJSON(t, want.Last))
			}
		})
	}
}

func TestFiguresArePartOfTheRecords(t *testing.T) {
	path, _ := start(t, tiny(writeData(t, side, trainCount, testCount)))
	sum, n := 0.0, 0
	for _, record := range records(t, path) {
		share, ok := record["same_label_neighbors"].(float64)
		if began := record["epoch"].(float64) > 1; ok != began {
			t.Fatalf("epoch %v: same_label_neighbors is %v", record["epoch"], record["same_label_neighbors"])
		}
		switch {
		case !ok:
		case record["kind"] == "step":
			sum, n = sum+share, n+1
		default:
			if share != sum/float64(n) || share <= 0 || share > 1 {
				t.Errorf("epoch %v: the share is %v, its steps' mean %v", record["epoch"], share, sum/float64(n))
			}
			for _, name := range []string{"neighbor_probability", "target_entropy", "target_distance"} {
				if v, ok := record[name].(float64); !ok || v < 0 {
					t.Errorf("%s is %v", name, record[name])
				}
			}
			sum, n = 0, 0
		}
	}
}

func TestFrozenWeightsStay(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	first, _ := start(t, tiny(data))
	for freeze, frozen := range map[string][]string{
		"[net]":              {"net."},
		"[net, head]":        {"net.", "head."},
		"[net.layer1, head]": {"net.layer1.", "head."},
	} {
		r := variant(t, data, []string{"method.name=cross-entropy", "model.init=" + first, "model.freeze=" + freeze, "epochs=1"})
		path, _ := start(t, r)
		before, after := open(t, checkpointFile(first, "last")), open(t, checkpointFile(path, "last"))
		for _, name := range after.Names() {
			part, ok := strings.CutPrefix(name, "encoder_q.")
			if !ok {
				continue
			}
			stays := false
			for _, prefix := range frozen {
				stays = stays || strings.HasPrefix(part, prefix)
			}
			if same := sameTensor(t, before, after, name); same != stays {
				t.Errorf("freeze %s: %s is the same: %v", freeze, name, same)
			}
		}
	}
}

func sameTensor(t *testing.T, a, b *weights.File, name string) bool {
	t.Helper()
	x, err := a.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(x.Data) == string(y.Data)
}

// TestInitFromOtherPrograms: a ResNet's classifier looks at the features, so it
// is taken where ours does too.
func TestInitFromOtherPrograms(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	for _, c := range []struct {
		file   string
		recipe recipe.Recipe
		fresh  bool // the classifier
	}{
		{"resnet-2.pth", bare(data), false},
		{"resnet-1-legacy.pth", tiny(data), true},
		{"authors-1.tar", tiny(data), false},
	} {
		r := c.recipe
		r.Model.Init, r.Epochs = foreign(c.file), 1
		path, _ := start(t, r)
		log := string(mustRead(t, filepath.Join(path, "log.txt")))
		if !strings.Contains(log, c.file) || strings.Contains(log, "drawn afresh: ") != c.fresh || c.fresh && !strings.Contains(log, "head.head.0.weight is not there") {
			t.Errorf("%s: the log says\n%s", c.file, log)
		}
	}
}

func TestInit(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	first, want := start(t, tiny(data))

	// A run that does nothing is as good as the one that it started from.
	r := variant(t, data, []string{"model.init=" + first, "epochs=1", "optim.lr=1e-30", "method.name=cross-entropy", "model.freeze=[net, head]"})
	path, got := start(t, r)
	if got.Last.Top1 != want.Last.Top1 || got.Last.NLL != want.Last.NLL {
		t.Errorf("starting from a run with top-1 %v, a run that learns nothing has %v", want.Last.Top1, got.Last.Top1)
	}
	if saved, err := recipe.Load(filepath.Join(path, "recipe.yaml")); err != nil || saved.Model.Init != first {
		t.Errorf("recipe.yaml has model.init %q: %v", saved.Model.Init, err)
	}

	// Another head and so another classifier start afresh, and the log says so.
	r = variant(t, data, []string{"model.init=" + checkpointFile(first, "last"), "epochs=1", "model.head.dim=6"})
	path, _ = start(t, r)
	log := string(mustRead(t, filepath.Join(path, "log.txt")))
	for _, part := range []string{"starting from the weights in", "drawn afresh: ", "fc.weight is [4 8] there and [4 6] here"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not say %q:\n%s", part, log)
		}
	}

	// It is not asked for again when the run is taken up.
	moved := first + "-moved"
	path = startUntil(t, variant(t, data, []string{"model.init=" + first}), 3)
	if err := os.Rename(first, moved); err != nil {
		t.Fatal(err)
	}
	resume(t, path)

	broken := filepath.Join(t.TempDir(), "broken.safetensors")
	content := mustRead(t, checkpointFile(moved, "last"))
	content[len(content)-9]++
	write(t, broken, content)
	for name, c := range map[string]struct {
		set  []string
		says string
	}{
		"another backbone": {[]string{"model.init=" + moved, "model.width=8"}, "net.conv1.weight is [4 1 3 3] there and [8 1 3 3] here"},
		"nothing there":    {[]string{"model.init=nowhere"}, "nowhere"},
		"no run":           {[]string{"model.init=" + t.TempDir()}, "holds no checkpoint"},
		"no weights":       {[]string{"model.init=" + filepath.Join(moved, "recipe.yaml")}, "model.init cannot be used"},
		"damaged":          {[]string{"model.init=" + broken}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			run := filepath.Join(t.TempDir(), "run")
			_, err := Start(context.Background(), variant(t, data, c.set), run, testEngine(t))
			oneSentence(t, err, "model.init", c.says)
			if _, err := os.Stat(run); !errors.Is(err, os.ErrNotExist) {
				t.Error("a run folder was made")
			}
		})
	}
}

func TestWhatAMethodCannotLearnFromIsRefused(t *testing.T) {
	good := writeData(t, side, trainCount, testCount)
	triplet := []string{"method.name=triplet", "data.sampling.order=per-class", "data.sampling.per_class=2", "batch=4"}
	for _, c := range []struct {
		name   string
		labels []byte // of the training images
		set    []string
		says   []string
	}{
		{"a limit of one class", append(make([]byte, 37), 1, 2, 3), []string{"data.limit=20"}, []string{"data.limit is 20", "class 1"}},
		{"a class with one image", append(make([]byte, 35), 1, 2, 2, 3, 3), triplet, []string{"class 1 has one", "triplet"}},
		{"too many weights", nil, []string{"method.class_weights=[1, 2, 3]"}, []string{"method.class_weights has 3 values", "4 classes"}},
		{"more neighbours than images", nil, []string{"evaluate.classifier=knn", "evaluate.knn.k=251"}, []string{"evaluate.knn.k", "250"}},
		{"no such part", nil, []string{"model.freeze=[nett]"}, []string{"model.freeze", "nett"}},
		{"nothing left", nil, []string{"method.name=cross-entropy", "model.freeze=[net, head, fc]"}, []string{"model.freeze", "nothing to train"}},
		{"only the classifier left", nil, []string{"method.name=supcon", "model.freeze=[net.conv1, net.bn1, net.layer1, net.layer2, net.layer3, head.head]"}, []string{"model.freeze", "supcon"}},
		{"a second batch too large", nil, []string{"method.name=supcon", "linear.epochs=1", "linear.batch=251"}, []string{"linear.batch is 251", "250"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := good
			if c.labels != nil {
				data = writeData(t, side, len(c.labels), testCount)
				write(t, filepath.Join(data, "train-labels-idx1-ubyte"), append(idxHeader(0x801, len(c.labels)), c.labels...))
			}
			path := filepath.Join(t.TempDir(), "run")
			_, err := Start(context.Background(), variant(t, data, c.set), path, testEngine(t))
			oneSentence(t, err, c.says...)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Error("a run folder was made")
			}
		})
	}
}

func TestClassWeights(t *testing.T) {
	count := []int{10, 0, 30}
	for _, c := range []struct {
		m    recipe.Method
		want []float64
	}{
		{recipe.Method{}, nil},
		{recipe.Method{ClassWeights: []float64{1, 2, 3}}, []float64{1, 2, 3}},
		{recipe.Method{BalanceClasses: true}, []float64{40. / 30, 0, 40. / 90}},
	} {
		got, err := classWeights(c.m, count)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %v %v, want %v", c.m, got, err, c.want)
		}
	}
}
