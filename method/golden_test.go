package method

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cone/dist"
	"cone/internal/golden"
	"cone/model"
	"cone/nn"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// TestKnownAnswers compares with numbers that the authors' own program
// computed, and with those of SupCon's. It reads every losses_*.safetensors,
// trajectory_*.json and supcon*.safetensors of the folder in CONE_GOLDEN, by
// default testdata/golden.
func TestKnownAnswers(t *testing.T) {
	dir := os.Getenv("CONE_GOLDEN")
	if dir == "" {
		dir = filepath.Join("testdata", "golden")
	}
	losses, _ := filepath.Glob(filepath.Join(dir, "losses_*.safetensors"))
	trajectories, _ := filepath.Glob(filepath.Join(dir, "trajectory_*.json"))
	if len(losses) == 0 || len(trajectories) == 0 {
		t.Fatalf("%s holds %d losses_*.safetensors and %d trajectory_*.json", dir, len(losses), len(trajectories))
	}
	check := func(path string, f func(*testing.T, string)) {
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		t.Run(name, func(t *testing.T) {
			if err := tensor.Run(func() error { f(t, path); return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, path := range losses {
		check(path, checkLosses)
	}
	for _, path := range trajectories {
		check(path, checkTrajectory)
	}
	contrasts, _ := filepath.Glob(filepath.Join(dir, "supcon*.safetensors"))
	if len(contrasts) == 0 {
		t.Errorf("%s holds no supcon*.safetensors", dir)
	}
	for _, path := range contrasts {
		check(path, checkSupCon)
	}
}

// arrays reads tensors of a safetensors file.
type arrays struct {
	t    *testing.T
	file *weights.File
}

func (a arrays) get(name string) tensor.Tensor {
	a.t.Helper()
	array, err := a.file.Read(name)
	if err != nil {
		a.t.Fatal(err)
	}
	shape := make([]int, len(array.Shape))
	for i, s := range array.Shape {
		shape[i] = int(s)
	}
	d := map[weights.DType]tensor.DType{"F32": tensor.Float32, "F64": tensor.Float64, "I64": tensor.Int64}[array.DType]
	return tensor.FromBytes(array.Data, d, shape...).ToDevice(golden.Device())
}

func (a arrays) setting(name string) float64 {
	a.t.Helper()
	v, err := strconv.ParseFloat(a.file.Metadata()[name], 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

func checkLosses(t *testing.T, path string) {
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := arrays{t, file}
	queue := a.get("queue") // D×K
	bank := NewBank(queue.Dim(1), queue.Dim(0), a.get("logits_q").Dim(1), tensor.Float32, golden.Device())
	defer bank.Free()
	bank.embedding.Value.CopyFrom(queue.Transpose(0, 1))
	bank.label.Value.CopyFrom(a.get("queue_label"))
	bank.probability.Value.CopyFrom(a.get("queue_label_prob").Transpose(0, 1))

	o := objective{bank: bank, targets: targets{smoothing: a.setting("label_smoothing")}, CoNe: recipe.CoNe{
		Neighbors:              int(a.setting("knn_k")),
		NeighborTemperature:    a.setting("t_sup"),
		ConsistencyTemperature: a.setting("t_dc"),
		CenterWeight:           1,
		NeighborWeight:         a.setting("alpha_sup"),
		ConsistencyWeight:      a.setting("alpha_dc"),
		Guards:                 true,
	}}
	embedding := a.get("embedding_q").SetRequiresGrad(true)
	logits := a.get("logits_q").SetRequiresGrad(true)
	labels := a.get("target")
	zKey := normalize(a.get("embedding_k"))

	if file.Metadata()["cone"] == "true" {
		got := o.losses(normalize(embedding), logits, zKey, labels)
		total := got.total().Total
		total.Backward()
		closeTo(t, "neighbour_prob", got.neighborProbability, a.get("neighbour_prob"))
		closeTo(t, "dc_target", got.target, a.get("dc_target"))
		closeTo(t, "loss_neighbour", got.neighbor, a.get("loss_neighbour"))
		closeTo(t, "loss_ce", got.centre, a.get("loss_ce"))
		closeTo(t, "loss_dc", got.consistency, a.get("loss_dc"))
		closeTo(t, "loss_total", total, a.get("loss_total"))
		closeTo(t, "grad_embedding_q", embedding.Grad(), a.get("grad_embedding_q"))
	} else {
		total := o.classCentres(logits.LogSoftmax(1), labels, tensor.Tensor{})
		total.Backward()
		closeTo(t, "loss_total", total, a.get("loss_total"))
	}
	closeTo(t, "grad_logits_q", logits.Grad(), a.get("grad_logits_q"))

	bank.Write(Entry{zKey, a.get("logits_k").Softmax(1), labels, labels})
	closeTo(t, "queue_after", bank.embedding.Value.Transpose(0, 1), a.get("queue_after"))
	closeTo(t, "queue_label_after", bank.label.Value, a.get("queue_label_after"))
	closeTo(t, "queue_label_prob_after", bank.probability.Value.Transpose(0, 1), a.get("queue_label_prob_after"))
	if want := a.get("queue_ptr_after").Item(); bank.position.Value.Item() != want {
		t.Errorf("position is %v, want %v", bank.position.Value.Item(), want)
	}
}

// closeTo wants 1e-5 relative or absolute.
func closeTo(t *testing.T, what string, got, want tensor.Tensor) {
	t.Helper()
	g := tensor.To[float64](got.Detach().ToDType(tensor.Float64))
	w := tensor.To[float64](want.ToDType(tensor.Float64))
	if len(g) != len(w) {
		t.Errorf("%s has %d elements, want %d", what, len(g), len(w))
		return
	}
	for i := range w {
		if d := math.Abs(g[i] - w[i]); !(d <= 1e-5 || d <= 1e-5*math.Abs(w[i])) {
			t.Errorf("%s[%d] is %v, want %v", what, i, g[i], w[i])
			return
		}
	}
}

// trajectory is a trajectory_*.json file.
type trajectory struct {
	Tag, DType, Backbone             string
	Batch, Resolution, Bank, Classes int
	Dim                              int
	HeadLayers                       int     `json:"head_layers"`
	HeadBN                           bool    `json:"head_bn"`
	Neighbors                        int     `json:"knn_k"`
	NeighborTemperature              float64 `json:"t_sup"`
	ConsistencyTemperature           float64 `json:"t_dc"`
	LabelSmoothing                   float64 `json:"label_smoothing"`
	NeighborWeight                   float64 `json:"alpha_sup"`
	ConsistencyWeight                float64 `json:"alpha_dc"`
	LR                               float64 `json:"lr"`
	WeightDecay                      float64 `json:"weight_decay"`
	Momentum                         float64 `json:"sgd_momentum"`
	KeyMomentum                      float64 `json:"ema_m0"`
	TotalSteps                       int     `json:"ema_total_steps"`
	Steps                            []struct {
		Cone          bool
		Momentum      float64
		Loss          float64
		LossNeighbor  float64 `json:"loss_neighbour"`
		LossCE        float64 `json:"loss_ce"`
		LossDC        float64 `json:"loss_dc"`
		GradNorm      float64 `json:"grad_norm"`
		ParamNormQ    float64 `json:"param_norm_q"`
		ParamNormK    float64 `json:"param_norm_k"`
		RunningQ      float64 `json:"running_mean_abs_sum_q"`
		RunningK      float64 `json:"running_mean_abs_sum_k"`
		QueueAbsSum   float64 `json:"queue_abs_sum"`
		QueueLabelSum float64 `json:"queue_label_sum"`
		QueuePtr      float64 `json:"queue_ptr"`
	}
	EvalLogits [][]float64      `json:"eval_logits"`
	StateDict  map[string][]int `json:"state_dict"`
}

func checkTrajectory(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tr trajectory
	if err := json.Unmarshal(raw, &tr); err != nil {
		t.Fatal(err)
	}
	c := newTrajectoryMethod(t, tr, nil)
	defer c.query.Free()
	defer c.key.Free()
	defer c.bank.Free()
	checkNames(t, c.query.Tree, tr.StateDict)
	sgd := optim.NewSGD(c.query.Tree, recipe.Optim{Momentum: tr.Momentum, WeightDecay: tr.WeightDecay, DecayNormAndBias: true})
	defer sgd.Free()

	for i, want := range tr.Steps {
		tensor.Scope(func() {
			near := func(what string, got, want float64) {
				t.Helper()
				if !(math.Abs(got-want) <= 1e-6*math.Abs(want)) {
					t.Errorf("step %d: %s is %.15g, want %.15g", i, what, got, want)
				}
			}
			s := Step{Epoch: 1, Number: i, Total: tr.TotalSteps}
			if !want.Cone {
				s.Epoch = 0
			}
			near("momentum", KeyMomentum(tr.KeyMomentum, i, tr.TotalSteps), want.Momentum)
			c.BeforeStep(s)
			loss := c.Loss(s, tr.batch(i))
			near("loss", loss.Total.Item(), want.Loss)
			near("loss_ce", loss.Terms[0].Value.Item(), want.LossCE)
			if want.Cone {
				near("loss_neighbour", loss.Terms[1].Value.Item(), want.LossNeighbor)
				near("loss_dc", loss.Terms[2].Value.Item(), want.LossDC)
			}
			loss.Total.Backward()
			near("grad_norm", sgd.GradientNorm(), want.GradNorm)
			sgd.Step(tr.LR)
			c.AfterBackward(s)
			near("param_norm_q", parameterNorm(c.query.Tree), want.ParamNormQ)
			near("param_norm_k", parameterNorm(c.key.Tree), want.ParamNormK)
			near("running_mean_abs_sum_q", runningSum(c.query.Tree), want.RunningQ)
			near("running_mean_abs_sum_k", runningSum(c.key.Tree), want.RunningK)
			near("queue_abs_sum", c.bank.embedding.Value.Abs().Sum().Item(), want.QueueAbsSum)
			near("queue_label_sum", c.bank.label.Value.Sum().Item(), want.QueueLabelSum)
			near("queue_ptr", c.bank.position.Value.Item(), want.QueuePtr)
		})
	}
	tensor.NoGrad(func() {
		_, logits := c.query.Forward(tr.images("eval", len(tr.EvalLogits)), false)
		got := tensor.To[float64](logits)
		for i, row := range tr.EvalLogits {
			for j, want := range row {
				if v := got[i*len(row)+j]; !(math.Abs(v-want) <= 1e-6*math.Abs(want)) {
					t.Errorf("eval_logits[%d][%d] is %.15g, want %.15g", i, j, v, want)
				}
			}
		}
	})
}

func newTrajectoryMethod(t *testing.T, tr trajectory, g *dist.Group) *CoNe {
	build := func() *model.Encoder {
		e, err := model.NewEncoder(recipe.Model{
			Backbone: tr.Backbone, Stem: "imagenet",
			Head: recipe.Head{Layers: tr.HeadLayers, BatchNorm: tr.HeadBN, Dim: tr.Dim},
		}, tr.Classes, 3, tensor.Float64, golden.Device())
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	query := build()
	golden.Fill(query.Tree)
	key := build()
	s := Setup{Precision: Precision{tensor.Float64, golden.Device()}, Classes: tr.Classes, Group: g, SyncBatchNorm: true, Method: recipe.Method{
		LabelSmoothing: tr.LabelSmoothing,
		CoNe: recipe.CoNe{
			BankSize: tr.Bank, Neighbors: tr.Neighbors, NeighborTemperature: tr.NeighborTemperature,
			ConsistencyTemperature: tr.ConsistencyTemperature, CenterWeight: 1, Views: 1, NeighborWeight: tr.NeighborWeight,
			ConsistencyWeight: tr.ConsistencyWeight, KeyMomentum: tr.KeyMomentum, WarmupEpochs: 1, Guards: true,
		},
	}}
	s.synchronize(query)
	s.synchronize(key)
	c := NewCoNe(query, key, s)
	golden.FillBank(tr.Tag, tr.Bank, tr.Dim, tr.Classes, func(embedding, probability, label tensor.Tensor) {
		c.bank.embedding.Value.CopyFrom(embedding)
		c.bank.probability.Value.CopyFrom(probability)
		c.bank.label.Value.CopyFrom(label)
	})
	return c
}

func (tr trajectory) images(name string, n int) tensor.Tensor {
	r := tr.Resolution
	x := golden.Uniform(fmt.Sprintf("%s/%s", tr.Tag, name), n*3*r*r, -2, 2)
	return tensor.From(x, n, 3, r, r).ToDType(tensor.Float64).ToDevice(golden.Device())
}

func (tr trajectory) batch(i int) Batch {
	labels := tensor.From(golden.Integers(fmt.Sprintf("%s/y%d", tr.Tag, i), tr.Batch, tr.Classes), tr.Batch).ToDevice(golden.Device())
	return Batch{Views: []tensor.Tensor{tr.images(fmt.Sprintf("x%d", i), tr.Batch)}, Labels: labels, Indices: labels}
}

func checkNames(t *testing.T, tree *nn.Tree, want map[string][]int) {
	for name, shape := range want {
		if e := tree.Get(name); e == nil {
			t.Errorf("there is no %s", name)
		} else if fmt.Sprint(e.Value.Shape()) != fmt.Sprint(shape) {
			t.Errorf("%s is %v, want %v", name, e.Value.Shape(), shape)
		}
	}
	if len(tree.Entries()) != len(want) {
		t.Errorf("%d entries, want %d", len(tree.Entries()), len(want))
	}
}

func parameterNorm(tree *nn.Tree) float64 {
	var all []tensor.Tensor
	for _, p := range tree.Parameters() {
		all = append(all, p.Value)
	}
	return tensor.L2Norm(all)
}

func runningSum(tree *nn.Tree) (sum float64) {
	for _, e := range tree.Entries() {
		if strings.HasSuffix(e.Name, "running_mean") {
			sum += e.Value.Abs().Sum().Item()
		}
	}
	return sum
}
