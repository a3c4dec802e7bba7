package dialect

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"cone/weights"
)

// source is a safetensors file with these tensors of one byte an element.
func source(t *testing.T, metadata map[string]string, shapes map[string][]int64) weights.Source {
	t.Helper()
	var arrays []weights.Array
	for name, shape := range shapes {
		size := int64(1)
		for _, n := range shape {
			size *= n
		}
		arrays = append(arrays, weights.Array{Name: name, DType: weights.U8, Shape: shape, Data: make([]byte, size)})
	}
	var b bytes.Buffer
	if err := weights.Write(&b, metadata, arrays); err != nil {
		t.Fatal(err)
	}
	f, err := weights.NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()), "x")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var wanted = []Want{
	{"encoder_q.net.conv1.weight", []int64{2, 3}}, {"encoder_q.net.bn1.num_batches_tracked", nil},
	{"encoder_q.fc.weight", []int64{4, 2}}, {"bank.embedding", []int64{5, 2}}, {"bank.image", []int64{5}},
}

// TestPlan: which name goes where, by dialect.
func TestPlan(t *testing.T) {
	conv, fc := []int64{2, 3}, []int64{4, 2}
	for name, c := range map[string]struct {
		metadata map[string]string
		shapes   map[string][]int64
		o        Options
		want     Plan
	}{
		"ours": {map[string]string{"cone.format": "1"}, map[string][]int64{"encoder_q.net.conv1.weight": conv, "encoder_q.fc.weight": fc, "bank.embedding": {5, 2}, "bank.image": {5}}, Options{},
			Plan{Dialect: Cone, Takes: []Take{{"encoder_q.net.conv1.weight", "encoder_q.net.conv1.weight", false}, {"encoder_q.fc.weight", "encoder_q.fc.weight", false}, {"bank.embedding", "bank.embedding", false}, {"bank.image", "bank.image", false}},
				Fresh: []string{"encoder_q.net.bn1.num_batches_tracked"}}},
		"authors": {nil, map[string][]int64{"encoder_q.net.conv1.weight": conv, "encoder_q.net.bn1.num_batches_tracked": {1}, "encoder_q.fc.weight": {9, 2}, "queue": {2, 5}}, Options{},
			Plan{Dialect: Authors, Takes: []Take{{"encoder_q.net.conv1.weight", "encoder_q.net.conv1.weight", false}, {"encoder_q.net.bn1.num_batches_tracked", "encoder_q.net.bn1.num_batches_tracked", false}, {"bank.embedding", "queue", true}},
				Fresh: []string{"bank.image"}, Unfit: []Unfit{{"encoder_q.fc.weight", "encoder_q.fc.weight", []int64{9, 2}, fc}}}},
		"resnet": {nil, map[string][]int64{"conv1.weight": conv, "fc.weight": fc}, Options{Direct: true},
			Plan{Dialect: Network, Takes: []Take{{"encoder_q.net.conv1.weight", "conv1.weight", false}, {"encoder_q.fc.weight", "fc.weight", false}},
				Fresh: []string{"encoder_q.net.bn1.num_batches_tracked", "bank.embedding", "bank.image"}}},
		"a network with a classifier of another name": {nil, map[string][]int64{"conv1.weight": conv, "classifier.2.weight": fc}, Options{Direct: true, Classifier: "classifier.2"},
			Plan{Dialect: Network, Takes: []Take{{"encoder_q.net.conv1.weight", "conv1.weight", false}, {"encoder_q.fc.weight", "classifier.2.weight", false}},
				Fresh: []string{"encoder_q.net.bn1.num_batches_tracked", "bank.embedding", "bank.image"}}},
		"resnet under a head": {nil, map[string][]int64{"conv1.weight": conv, "fc.weight": fc}, Options{},
			Plan{Dialect: Network, Takes: []Take{{"encoder_q.net.conv1.weight", "conv1.weight", false}},
				Fresh: []string{"encoder_q.net.bn1.num_batches_tracked", "encoder_q.fc.weight", "bank.embedding", "bank.image"}, Dropped: []string{"fc.weight"}}},
		"encoder without its classifier": {nil, map[string][]int64{"net.conv1.weight": conv, "fc.weight": {1, 1}}, Options{DropClassifier: true},
			Plan{Dialect: Encoder, Takes: []Take{{"encoder_q.net.conv1.weight", "net.conv1.weight", false}},
				Fresh: []string{"encoder_q.net.bn1.num_batches_tracked", "encoder_q.fc.weight", "bank.embedding", "bank.image"}, Dropped: []string{"fc.weight"}}},
	} {
		got, err := NewPlan(source(t, c.metadata, c.shapes), wanted, c.o)
		if got != nil {
			got.classifier = "" // what the options say
		}
		if err != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// TestErr: what does not fit is said in one sentence, shortened.
func TestErr(t *testing.T) {
	p := Plan{Unfit: []Unfit{{"encoder_q.fc.weight", "fc.weight", []int64{9, 2}, []int64{4, 2}}}}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "fc.weight is [9 2] there and [4 2] here") || !strings.Contains(err.Error(), "--drop-classifier") {
		t.Error(err)
	}
	for range 20 {
		p.Missing = append(p.Missing, "net.x")
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "net.x is missing there") || !strings.Contains(err.Error(), "and 13 more") || strings.Contains(err.Error(), "--drop") {
		t.Error(err)
	}
	if err := (&Plan{Fresh: []string{"x"}}).Err(); err != nil {
		t.Error(err)
	}
	if _, err := NewPlan(source(t, nil, map[string][]int64{"a\nb": {1}}), nil, Options{}); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), `"a\nb"`) {
		t.Error(err)
	}
}
