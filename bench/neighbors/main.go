// Command neighbors measures what a run's embeddings know beyond its classes:
// how well familiarity tells Fashion-MNIST's test images from other pictures,
// beside the classifier's largest softmax probability and its energy score
// (Liu et al. 2020, https://arxiv.org/abs/2010.03759), and how far a calibration
// on images that training has seen is off. With --dump it writes the training
// images' embeddings and labels for bench/peers/cleanlab_audit.py.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"cone/data"
	"cone/internal/native"
	"cone/knn"
	"cone/report"
	"cone/train"
)

func main() {
	native.Tune()
	var run, glyphs, dump string
	var n int
	flag.StringVar(&run, "run", "", "a run on Fashion-MNIST")
	flag.StringVar(&glyphs, "glyphs", "", "a folder of glyphs (make glyphs), for pictures of letters")
	flag.StringVar(&dump, "dump", "", "write features of the training images into this folder")
	flag.IntVar(&n, "n", 2000, "pictures of each kind")
	flag.Parse()
	if err := measure(context.Background(), run, glyphs, dump, n); err != nil {
		fmt.Fprintln(os.Stderr, "neighbors:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, run, glyphs, dump string, n int) error {
	e, err := train.NewEngine("cpu", 0)
	if err != nil {
		return err
	}
	c, err := train.FindCheckpoint(run, "last")
	if err != nil {
		return err
	}
	defer c.Close()
	r := c.Recipe.FinalStage()
	collection, err := data.Open(r.Data)
	if err != nil {
		return err
	}
	defer collection.Close()
	test, err := first(collection.Test, n)
	if err != nil {
		return err
	}
	others, err := foreign(test, glyphs)
	if err != nil {
		return err
	}
	sources := []data.Source{collection.Train, test}
	for _, o := range others {
		sources = append(sources, o)
	}
	if collection.Held != nil {
		sources = append(sources, collection.Held)
	}
	all, err := train.ModelFeatures(ctx, c, e, true, sources...)
	if err != nil {
		return err
	}
	if dump != "" {
		if err := write(dump, all[0]); err != nil {
			return err
		}
	}
	m := measurement{index: all[0], k: r.Evaluate.KNN.K, classes: len(c.Classes), engine: e}
	fmt.Printf("%s: %d training images, k %d, %d pictures of each kind\n\n", c.Path, m.index.Len(), m.k, test.Len())
	table := report.NewTable("pictures", "familiarity AUROC", "largest softmax AUROC", "energy AUROC", "unfamiliar %")
	inside, err := m.scores(all[1])
	if err != nil {
		return err
	}
	seen, err := m.seen(5000)
	if err != nil {
		return err
	}
	calibration := seen
	if collection.Held != nil {
		held, err := m.near(all[len(all)-1])
		if err != nil {
			return err
		}
		if calibration, err = knn.CalibrateFamiliarity(held, m.k, true); err != nil {
			return err
		}
	}
	for i, o := range others {
		outside, err := m.scores(all[2+i])
		if err != nil {
			return err
		}
		table.Row(o.Origin, auroc(inside.familiar, outside.familiar), auroc(inside.softmax, outside.softmax),
			auroc(inside.energy, outside.energy), below(calibration, outside.familiar, knn.Unfamiliar))
	}
	if _, err := table.WriteTo(os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	table = report.NewTable("calibrated on", "images", "test images below 0.01 %", "below 0.05 %", "below 0.5 %")
	for _, f := range []knn.Familiarity{seen, calibration} {
		name := "training images, leave-one-out"
		if f.HeldOut {
			name = "held-out images"
		}
		table.Row(name, f.N, below(f, inside.familiar, 0.01), below(f, inside.familiar, 0.05), below(f, inside.familiar, 0.5))
		if collection.Held == nil {
			break
		}
	}
	_, err = table.WriteTo(os.Stdout)
	return err
}

// measurement is what pictures are compared with.
type measurement struct {
	index      train.Features
	k, classes int
	engine     train.Engine
}

// scores are large for pictures that belong.
type scores struct{ familiar, softmax, energy []float64 }

func (m measurement) near(f train.Features) (knn.Neighbors, error) {
	return train.Nearest(f, m.index, m.k, m.engine)
}

func (m measurement) scores(f train.Features) (out scores, err error) {
	near, err := m.near(f)
	if err != nil {
		return out, err
	}
	for _, s := range knn.MeanSimilarity(near, m.k) {
		out.familiar = append(out.familiar, float64(s))
	}
	p := knn.Softmax(f.Logits, m.classes)
	for i := 0; i < len(p); i += m.classes {
		top := knn.Top(p[i : i+m.classes])
		out.softmax = append(out.softmax, p[i+top])
		// The logarithm of the sum of exponentials.
		out.energy = append(out.energy, float64(f.Logits[i+top])-math.Log(p[i+top]))
	}
	return out, nil
}

// seen calibrates on about most training images, each by its neighbours but
// itself.
func (m measurement) seen(most int) (knn.Familiarity, error) {
	every, d := (m.index.Len()+most-1)/most, m.index.Width()
	var some train.Features
	for i := 0; i < m.index.Len(); i += every {
		some.Embeddings = append(some.Embeddings, m.index.Embeddings[i*d:(i+1)*d]...)
		some.Labels = append(some.Labels, m.index.Labels[i])
	}
	near, err := train.Nearest(some, m.index, m.k+1, m.engine)
	if err != nil {
		return knn.Familiarity{}, err
	}
	near = near.Keep(m.k, func(i int, place int64) bool { return place != int64(i*every) })
	return knn.CalibrateFamiliarity(near, m.k, false)
}

func auroc(inside, outside []float64) string { return fmt.Sprintf("%.4f", knn.AUROC(inside, outside)) }

// below is the share of pictures, in %, whose familiarity is below a bound.
func below(f knn.Familiarity, means []float64, bound float64) string {
	n := 0
	for _, m := range means {
		if f.Of(float32(m)) < bound {
			n++
		}
	}
	return fmt.Sprintf("%.2f", 100*float64(n)/float64(len(means)))
}

// write leaves embeddings.f32, logits.f32 (row by row) and labels.txt.
func write(dir string, f train.Features) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, values := range map[string][]float32{"embeddings.f32": f.Embeddings, "logits.f32": f.Logits} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := binary.Write(file, binary.LittleEndian, values); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	file, err := os.Create(filepath.Join(dir, "labels.txt"))
	if err != nil {
		return err
	}
	for _, label := range f.Labels {
		if _, err := io.WriteString(file, strconv.FormatInt(label, 10)+"\n"); err != nil {
			return err
		}
	}
	return file.Close()
}
