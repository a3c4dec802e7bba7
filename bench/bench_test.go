package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/dist"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct{ arguments, want string }{
		{"", "step-a step-b transform scaling loader list processes model training"},
		{"data", "transform scaling loader list training"},
		{"list step-b", "step-b list"},
		{"steps loader step-a", "step-a step-b loader"},
	} {
		chosen, err := choose(strings.Fields(c.arguments))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range chosen {
			names = append(names, p.name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%q chooses %s, want %s", c.arguments, got, c.want)
		}
	}
	if _, err := choose([]string{"data", "lists"}); err == nil || !strings.Contains(err.Error(), `"lists"`) {
		t.Errorf("an unknown part gives the error %v", err)
	}
}

func TestMedian(t *testing.T) {
	values := []float64{5, 1, 9}
	if got := median(values); got != 5 {
		t.Errorf("the median of three is %g, want 5", got)
	}
	if got := median([]float64{4, 1, 9, 2}); got != 3 {
		t.Errorf("the median of four is %g, want 3", got)
	}
	if values[0] != 5 {
		t.Error("the values were put in another order")
	}
}

func TestRowsWithoutPeer(t *testing.T) {
	raw, err := json.Marshal([]row{{Name: "a", Unit: "s", Ours: 2}, compared("b", "images/s", 6, 4)})
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"a","unit":"s","ours":2},{"name":"b","unit":"images/s","ours":6,"peer":4,"ratio":1.5}]`
	if string(raw) != want {
		t.Errorf("rows are\n%s, want\n%s", raw, want)
	}
}

func TestEpochsOfARun(t *testing.T) {
	dir := t.TempDir()
	lines := `{"kind":"step","step":15,"epoch":1}
{"kind":"epoch","step":15,"epoch":1,"seconds":20,"data_wait_seconds":0.5}
{"kind":"epoch","step":30,"epoch":2,"seconds":10,"data_wait_seconds":0.25}
`
	if err := os.WriteFile(filepath.Join(dir, "metrics.jsonl"), []byte(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	epochs, err := epochsOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(epochs) != 2 || epochs[0].steps != 15 || epochs[1].steps != 15 || epochs[1].Seconds != 10 || epochs[0].Waited != 0.5 {
		t.Errorf("the epochs are %+v", epochs)
	}
}

// The lists have as many lines as they should, each a name and its class.
func TestWriteList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := writeList(path, 1002); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 1002 || lines[1001] != "train/class-001/photograph-0001001.jpg 1" {
		t.Errorf("there are %d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
}

// TestModel: by hand for two ranks, one layer and round numbers.
func TestModel(t *testing.T) {
	step := dist.Step{Parameters: 1000, Value: 4, Norms: []int{10}, Networks: 2, Rows: 5, Dim: 3, Classes: 2}
	gradients, batchNorm, bank := step.Bytes()
	if gradients != 4000 || batchNorm != 8*(2*21+20) || bank != 5*(4*5+16) {
		t.Errorf("%d, %d and %d bytes", gradients, batchNorm, bank)
	}
	l := link{bits: 8000, latency: 0.25} // 1000 bytes a second
	want := (4 + 0.5) - 3.0/2 + (0.18 + 0.25) + 2*(0.084+0.25) + (0.08 + 0.5)
	if got := l.seconds(step, 2, 3); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v seconds are lost, want %v", got, want)
	}
	if got := l.seconds(step, 2, 100); math.Abs(got-(want-3)) > 1e-12 {
		t.Errorf("with gradients hidden %v seconds are lost, want %v", got, want-3)
	}
	if dist.Summed(800, 8) != 1400 || dist.Gathered(100, 8) != 700 {
		t.Error("a ring of eight sends something else")
	}
}
