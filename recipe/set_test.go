package recipe

import (
	"reflect"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	flip := []Step{{HorizontalFlip: &HorizontalFlip{Probability: 0.25}}}
	for _, c := range []struct {
		in   string
		want func(r *Recipe)
	}{
		{"optim.lr=0.2", func(r *Recipe) { r.Optim.LR = 0.2 }},
		{" optim.lr = 2e-1 ", func(r *Recipe) { r.Optim.LR = 0.2 }},
		{"seed=18446744073709551615", func(r *Recipe) { r.Seed = 1<<64 - 1 }},
		{"method.cone.guards=false", func(r *Recipe) { r.Method.CoNe.Guards = false }},
		{"data.mean=[0.5]", func(r *Recipe) { r.Data.Mean = []float64{0.5} }},
		{"augment=[{horizontal_flip: {probability: 0.25}}]", func(r *Recipe) { r.Augment = flip }},
		{"augment=[]", func(r *Recipe) { r.Augment = nil }},
		{"augment=", func(r *Recipe) { r.Augment = nil }},
		{"augment[0]={horizontal_flip: {probability: 0.25}}", func(r *Recipe) { r.Augment[0] = flip[0] }},
		{"augment[0].random_crop.padding=2", func(r *Recipe) { r.Augment[0].RandomCrop.Padding = 2 }},
		{"augment[1].random_resized_crop.scale=[0.2, 1]", func(r *Recipe) { r.Augment[1].RandomResizedCrop.Scale = []float64{0.2, 1} }},
		{"augment[1].random_resized_crop.scale[0]=0.2", func(r *Recipe) { r.Augment[1].RandomResizedCrop.Scale[0] = 0.2 }},
		{"data.std[2]=7", func(r *Recipe) { r.Data.Std[2] = 7 }},
		{"model.head={layers: 2, dim: 64}", func(r *Recipe) { r.Model.Head.Layers, r.Model.Head.Dim = 2, 64 }},
		{"data.path=/a dir/with: colon # and = signs", func(r *Recipe) { r.Data.Path = "/a dir/with: colon # and = signs" }},
		{"name=123", func(r *Recipe) { r.Name = "123" }},
		{"name=null", func(r *Recipe) { r.Name = "null" }},
		{`name="a\tb"`, func(r *Recipe) { r.Name = "a\tb" }},
		{"name=' a '", func(r *Recipe) { r.Name = " a " }},
		{"description=", func(r *Recipe) { r.Description = "" }},
	} {
		got, want := valid(), valid()
		c.want(&want)
		if err := Set(&got, c.in); err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", c.in, Diff(got, want))
		}
	}
}

func TestSetErrors(t *testing.T) {
	for in, want := range map[string]string{
		"optim.lr":                       `"optim.lr" is not of the form key=value, such as optim.lr=0.2`,
		"":                               `"" is not of the form key=value`,
		"=1":                             `unknown key ""; known keys: name, `,
		"method.cone.neighbours=3":       `unknown key "method.cone.neighbours"; did you mean "method.cone.neighbors"?`,
		"cone.neighbors=3":               `unknown key "cone.neighbors"; did you mean "method.cone.neighbors"?`,
		"neighbors=3":                    `unknown key "neighbors"; did you mean "method.cone.neighbors"?`,
		"lr=3":                           `unknown key "lr"; did you mean "optim.lr"?`,
		"epoch=3":                        `unknown key "epoch"; did you mean "epochs"?`,
		"checkpoint.frequency=3":         `unknown key "checkpoint.frequency"; known keys in checkpoint: every_steps, every_epochs`,
		"optim.lr.foo=3":                 `unknown key "optim.lr.foo"`,
		"zzz.yyy.xxx=3":                  `unknown key "zzz.yyy.xxx"; known keys: name, `,
		"augment[0].random_crop.pad=3":   `unknown key "augment[0].random_crop.pad"; did you mean "augment[0].random_crop.padding"?`,
		"augment[9].random_crop=3":       `augment[9] does not exist: the list has 3 elements, counted from 0`,
		"augment[99999999999999999999]=": `augment[99999999999999999999] does not exist`,
		"augment[0].resize.size=3":       `augment[0].resize is not in this recipe: set the whole list of steps instead`,
		"augment[-1]=3":                  `unknown key "augment[-1]"`,
		"augment.random_crop=3":          `unknown key "augment.random_crop"`,
		"optim[0]=3":                     `optim is not a list: write it without [0]`,
		"epochs[0]=3":                    `epochs is not a list: write it without [0]`,
		"epochs=many":                    `epochs: expected an integer, got the text "many"`,
		"epochs=":                        `epochs has no value: expected an integer`,
		"optim=":                         `optim has no value: write keys and values such as {key: value}`,
		"optim=sgd":                      `optim: expected keys and values, got the text "sgd"`,
		"optim={lr: 3, momentun: 4}":     `unknown key "momentun" in optim; did you mean "momentum"?`,
		"data.mean=0.5":                  `data.mean: expected a list such as [0.5], got "0.5"`,
		"data.mean=[0.5":                 `not valid YAML`,
		"name='open":                     `not valid YAML`,
		"seed=1\n---\n2":                 `a second document begins here`,
		"augment[0]={random_crop: {padding: 3}, resize: 4}": `augment[0].resize: expected keys and values, got "4"`,
		"augment[0].random_crop={padding: x}":               `augment[0].random_crop.padding: expected an integer, got the text "x"`,
		"name=" + strings.Repeat("x", maxSize+1):            `the value for "name" is larger than 1 MiB`,
	} {
		r := valid()
		err := Set(&r, in)
		if err == nil {
			t.Errorf("%.60s: accepted", in)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s:\n got %v\nwant %s", in, err, want)
		}
		if !reflect.DeepEqual(r, valid()) {
			t.Errorf("%.60s: the recipe changed: %v", in, Diff(r, valid()))
		}
	}
}

func FuzzSet(f *testing.F) {
	for _, seed := range []string{"optim.lr=0.2", "augment[0].random_crop.padding=2", "augment=[{resize: {size: 3}}]", "a[0][1].b="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, assignment string) {
		r := valid()
		if err := Set(&r, assignment); err != nil && !reflect.DeepEqual(r, valid()) {
			t.Errorf("%q failed but changed the recipe: %v", assignment, Diff(r, valid()))
		}
	})
}
