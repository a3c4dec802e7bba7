package train

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"cone/data"
	"cone/infer"
	"cone/recipe"
	"cone/weights"
)

// newTrainLoader prepares the training images as the recipe and its method
// have it.
func newTrainLoader(s data.Source, r recipe.Recipe, views int, e Engine) (*data.Loader, error) {
	sampler, err := data.NewSampler(r.Data.Sampling, r.Seed, s, r.Batch)
	if err != nil {
		return nil, err
	}
	return data.NewLoader(s, data.Options{
		Batch: r.Batch, Seed: r.Seed, Sampler: sampler, DropLast: true, Views: views,
		Augment: r.Augment, Exact: r.Data.Exact, Codec: infer.CodecOptions(r.Data),
		OnError: policy(r.Data, data.Substitute), CacheBytes: cacheBytes(r.Data), Workers: e.workers(r.Data),
		Rank: e.group().Rank(), World: e.group().Size(), Parts: r.Optim.Accumulate,
	})
}

// newTestLoader prepares the test images as the recipe has it: each once,
// exactly, on one of the ranks.
func newTestLoader(s data.Source, r recipe.Recipe, e Engine) (*data.Loader, error) {
	o := infer.LoaderOptions(r)
	o.OnError, o.CacheBytes, o.Workers = policy(r.Data, data.LeaveOut), cacheBytes(r.Data), e.workers(r.Data)
	o.Rank, o.World = e.group().Rank(), e.group().Size()
	l, err := data.NewLoader(s, o)
	if err != nil {
		return nil, fmt.Errorf("the test images cannot be prepared: %w", err)
	}
	return l, nil
}

// newIndexLoader prepares the training images as test images are: each once,
// for their embeddings. It keeps no pictures beside those that training keeps.
func newIndexLoader(s data.Source, r recipe.Recipe, e Engine) (*data.Loader, error) {
	r.Data.CacheMB = 0
	return newTestLoader(s, r, e)
}

// workers is how many goroutines prepare batches; 0 means one per core.
func (e Engine) workers(d recipe.Data) int {
	if d.Workers == 0 {
		return e.Workers
	}
	return d.Workers
}

func cacheBytes(d recipe.Data) int64 { return int64(d.CacheMB) << 20 }

// policy is what becomes of pictures that cannot be decoded, where skipping
// them means skip.
func policy(d recipe.Data, skip data.Policy) data.Policy {
	if d.OnError == "fail" {
		return data.Fail
	}
	return skip
}

// describeData tells what is being trained on.
func (r *run) describeData() string {
	kept := ""
	if r.loader.Cached() {
		kept = ", decoded pictures kept in memory"
	}
	held := ""
	if r.data.Held != nil {
		held = fmt.Sprintf(", %d held out", r.data.Held.Len())
	}
	return fmt.Sprintf("%s: %d training and %d test images of %d classes%s (%s%s)%s", r.recipe.Data.Path,
		r.data.Train.Len(), r.data.Test.Len(), len(r.data.Train.Classes()), held, r.data.Format, kept, withoutImages(r.data.Train))
}

// noiseFile lists the labels that were made wrong on purpose.
const noiseFile = "label_noise.csv"

// recordNoise tells of wrong labels, and lists them in the run's folder.
func (r *run) recordNoise() error {
	noise := r.data.Noise()
	if noise == nil {
		return nil
	}
	path := r.folder.file(noiseFile)
	r.say("%d of %d training labels are wrong on purpose (data.label_noise): %s lists them", len(noise.Flipped()), noise.Len(), path)
	if err := weights.WriteFileAtomic(path, noise.WriteRecord); err != nil {
		return fmt.Errorf("cannot list the wrong labels: %w", err)
	}
	return nil
}

// withoutImages names a class that has no training images, which may be meant
// or come from labels that count from 1.
func withoutImages(s data.Source) string {
	for class, n := range countClasses(s) {
		if n == 0 {
			return fmt.Sprintf("; class %s has no training images", s.Classes()[class])
		}
	}
	return ""
}

// listLost writes the pictures that could not be decoded into the run's
// folder, when there are new ones.
func (r *run) listLost() error {
	trained, tested := r.loader.Lost(), r.testLoader.Lost()
	if len(trained)+len(tested) == r.lost || !r.first() {
		return nil
	}
	r.lost = len(trained) + len(tested)
	r.say("%d pictures cannot be decoded so far: see %s", r.lost, r.folder.file(lostFile))
	var text strings.Builder
	for _, part := range []struct {
		name string
		lost []data.Lost
	}{{lostTraining, trained}, {lostTest, tested}} {
		for _, l := range part.lost {
			fmt.Fprintf(&text, "%s\t%d\t%s\n", part.name, l.Index, strings.ReplaceAll(l.Reason, "\n", " "))
		}
	}
	err := weights.WriteFileAtomic(r.folder.file(lostFile), func(w io.Writer) error {
		_, err := io.WriteString(w, text.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot list the pictures that cannot be decoded: %w", err)
	}
	return nil
}

// recallLost takes up the list of an earlier part of the run.
func (r *run) recallLost() {
	text, err := os.ReadFile(r.folder.file(lostFile))
	if err != nil {
		return // there is none, mostly
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(fields) != 3 {
			continue
		}
		index, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		met := []data.Lost{{Index: index, Reason: fields[2]}}
		switch fields[0] {
		case lostTraining:
			r.loader.Recall(met)
		case lostTest:
			r.testLoader.Recall(met)
		}
	}
	r.lost = len(r.loader.Lost()) + len(r.testLoader.Lost())
}

// lostFile lists pictures that could not be decoded: part, index, reason.
const (
	lostFile     = "undecodable.tsv"
	lostTraining = "training"
	lostTest     = "test"
)
