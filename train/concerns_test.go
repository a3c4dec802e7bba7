package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
)

func TestConcerns(t *testing.T) {
	for _, c := range []struct {
		method       string
		crossEntropy float64
		guarded      float64
		classes      int
		want         map[string]string // by reason, what the sentence holds
	}{
		{"cross-entropy", 2.3, 0, 10, nil},
		{"cross-entropy", 3.5, 0, 10, map[string]string{blownUp: "worse than guessing (2.3)"}},
		{"cross-entropy", 3.5, 0, 400, nil},
		{"margin", 20, 0, 10, nil},
		{"cone", 0.5, 0.5, 10, nil},
		{"cone", 0.5, 0.92, 10, map[string]string{guarded: "left 92 %"}},
		{"cone", 1e9, 0.92, 10, map[string]string{blownUp: "1e+09", guarded: "left 92 %"}},
	} {
		got := concerns(recipe.Method{Name: c.method}, map[string]float64{"cross_entropy": c.crossEntropy},
			map[string]float64{"guarded_images": c.guarded}, c.classes)
		if len(got) != len(c.want) {
			t.Errorf("%+v: %q", c, got)
			continue
		}
		for reason, want := range c.want {
			if !strings.Contains(got[reason], want) {
				t.Errorf("%+v: %q does not say %q", c, got[reason], want)
			}
		}
	}
}

// A run that blows up ends like any other, but its log says so.
func TestBlownUpRunsSayIt(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	for _, rate := range []string{"0.01", "30"} {
		r := variant(t, data, []string{"method.name=cross-entropy", "optim.momentum=0", "optim.nesterov=false", "optim.warmup_epochs=0", "optim.clip_norm=1", "optim.lr=" + rate})
		path, _ := start(t, r)
		log, err := os.ReadFile(filepath.Join(path, "log.txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if rate == "30" {
			want = 1 // though every epoch is
		}
		if got := strings.Count(string(log), "worse than guessing"); got != want {
			t.Errorf("rate %s: the log says it %d times:\n%s", rate, got, log)
		}
	}
}
