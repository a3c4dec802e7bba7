package main

import (
	"path/filepath"
	"testing"

	"cone/recipe"
	"cone/train"
)

// Both shipped recipes train on such a collection, made smaller.
func TestTrainsAndEvaluates(t *testing.T) {
	dir, fonts := t.TempDir(), fontFolder(t)
	engine, err := train.NewEngine("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets {
		s.characters = s.characters[:10]
		s.perFace = 4
		out := filepath.Join(dir, s.name)
		made, err := generate(options{set: s, out: out, fonts: fonts})
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Find(s.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range []string{"data.path=" + out, "epochs=2", "batch=16", "model.width=4", "model.depth=1", "model.head.hidden=16",
			"model.head.dim=8", "method.cone.bank_size=64", "method.cone.neighbors=4", "optim.warmup_epochs=1", "precision=float32"} {
			if err := recipe.Set(&r, set); err != nil {
				t.Fatal(err)
			}
		}
		run := filepath.Join(dir, s.name+"-run")
		if _, err := train.Start(t.Context(), r, run, engine); err != nil {
			t.Fatal(err)
		}
		checkpoint, err := train.FindCheckpoint(run, "last")
		if err != nil {
			t.Fatal(err)
		}
		defer checkpoint.Close()
		result, err := train.Evaluate(t.Context(), checkpoint, engine)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(len(made.test) * len(s.characters) * s.perFace); result.N != want {
			t.Errorf("%s: %d test pictures, not %d", s.name, result.N, want)
		}
		if result.Top1 <= 0 || result.Top1 > 1 {
			t.Errorf("%s: accuracy %v", s.name, result.Top1)
		}
	}
}
