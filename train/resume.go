package train

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cone/recipe"
	"cone/weights"
)

// Resume continues the run in the folder from its newest sound checkpoint, or
// from its start where it never came to one. Overrides, when not nil, is the
// recipe that the user asked for; it must say the same as the run's, except
// where that cannot change the numbers.
func Resume(ctx context.Context, path string, overrides func(recipe.Recipe) (recipe.Recipe, error), e Engine) (Outcome, error) {
	if !e.group().First() {
		return follow(ctx, path, e)
	}
	f, err := openRun(path)
	if err != nil {
		return Outcome{}, err
	}
	defer f.close()
	c, err := f.newestCheckpoint(f.warn)
	if err != nil {
		return Outcome{}, err
	}
	var run recipe.Recipe
	if c != nil {
		defer c.Close()
		run = c.Recipe
	} else if run, err = recipe.Load(f.file("recipe.yaml")); err != nil {
		return Outcome{}, fmt.Errorf("the run in %s was stopped before it began: remove the folder and start again (%w)", path, err)
	}
	asked := run
	if err := run.Validate(); err != nil {
		return Outcome{}, err
	}
	if overrides != nil {
		if asked, err = overrides(run.Clone()); err != nil {
			return Outcome{}, err
		}
		if err := sameNumbers(asked, run, path); err != nil {
			return Outcome{}, err
		}
	}
	text, err := asked.Marshal()
	if err != nil {
		return Outcome{}, err
	}
	if _, err := FromFirst(e.group(), "resume", string(text)); err != nil {
		return Outcome{}, err
	}
	if asked.HasStages() {
		return resumeStages(ctx, asked, f, e, c)
	}
	return plan{recipe: asked, whole: asked}.run(ctx, e, func() (folder, error) { return f, nil }, c)
}

// follow continues a run of which rank 0 reads the folder.
func follow(ctx context.Context, path string, e Engine) (Outcome, error) {
	text, err := FromFirst(e.group(), "resume", "")
	if err != nil {
		return Outcome{}, err
	}
	asked, err := recipe.Parse("rank 0's recipe", []byte(text))
	if err != nil {
		return Outcome{}, err
	}
	f := e.followed(path)
	if asked.HasStages() {
		return resumeStages(ctx, asked, f, e, nil)
	}
	return plan{recipe: asked, whole: asked}.run(ctx, e, func() (folder, error) { return f, nil }, nil)
}

// warn tells people on the terminal and in the log.
func (f folder) warn(warning string) {
	fmt.Fprintln(os.Stderr, warning)
	f.log(warning)
}

// free are the settings that may differ between the parts of a run.
var free = map[string]bool{
	"name": true, "description": true, "data.path": true, "data.train": true, "data.test": true, "data.workers": true,
	"checkpoint.every_steps": true, "checkpoint.every_epochs": true, "early_stopping.patience": true,
	"dist.overlap": true, "dist.check_every": true,
}

// sameNumbers refuses a recipe that would not continue the same run.
func sameNumbers(asked, run recipe.Recipe, path string) error {
	// What the user leaves open is as the run found it.
	asked.Optim, run.Optim = asked.Optim.Resolved(), run.Optim.Resolved()
	asked.Linear.Optim, run.Linear.Optim = asked.Linear.Optim.Resolved(), run.Linear.Optim.Resolved()
	if asked.Model.ImageSize == 0 {
		asked.Model.ImageSize = run.Model.ImageSize
	}
	open, found := &asked.Method.CoNe, run.Method.CoNe
	if open.BankSize == 0 {
		open.BankSize = found.BankSize
	}
	if open.Neighbors == 0 {
		open.Neighbors = found.Neighbors
	}
	var different []string
	for _, d := range recipe.Diff(asked, run) {
		if key, _, _ := strings.Cut(d, ":"); !free[key] {
			different = append(different, d)
		}
	}
	if len(different) == 0 {
		return nil
	}
	return fmt.Errorf("the run in %s was started with other settings (%s): resume it without them, or start a new run",
		path, strings.Join(different, "; "))
}

// newestCheckpoint opens the run's newest sound checkpoint; nil if the run
// has none at all. Damaged ones are passed over, each with a warning.
func (f folder) newestCheckpoint(warn func(string)) (*Checkpoint, error) {
	found := f.byAge()
	if len(found) == 0 {
		return nil, nil
	}
	var damaged []os.FileInfo
	for _, c := range found {
		// A second name of a damaged file is no news.
		if slices.ContainsFunc(damaged, func(d os.FileInfo) bool { return os.SameFile(c.info, d) }) {
			continue
		}
		opened, err := OpenCheckpoint(c.path)
		if err == nil {
			return opened, nil
		}
		warn(fmt.Sprintf("warning: skipping a checkpoint: %v", err))
		damaged = append(damaged, c.info)
	}
	return nil, fmt.Errorf("%s has no usable checkpoint: start the run anew with cone train %s", f.path, filepath.Join(f.run(), "recipe.yaml"))
}

// found is a file that should be a checkpoint.
type found struct {
	path string
	info os.FileInfo
	at   position
}

// byAge lists the run's checkpoints, the furthest first. The files' times do
// not count, because copying a run changes them.
func (f folder) byAge() []found {
	var all []found
	for _, name := range f.checkpoints() {
		c := found{path: f.checkpoint(name)}
		var err error
		if c.info, err = os.Stat(c.path); err != nil {
			continue
		}
		if c.at, err = peek(c.path); err != nil {
			c.at.Step = math.MaxInt // perhaps the newest: it deserves a warning
		}
		all = append(all, c)
	}
	rank := func(c found) int {
		switch {
		case c.at.atEpochEnd(): // before the epoch was closed
			return 2
		case c.path != f.checkpoint("last"):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.at.Step, a.at.Step), cmp.Compare(rank(a), rank(b)))
	})
	return all
}

// peek reads where a run stood, without checking the file as a whole.
func peek(path string) (at position, err error) {
	file, err := weights.Open(path)
	if err != nil {
		return at, err
	}
	defer file.Close()
	err = json.Unmarshal([]byte(file.Metadata()[keyPosition]), &at)
	return at, err
}

// restore takes the run to where the checkpoint was made, and makes that
// checkpoint the last one.
func (r *run) restore(c *Checkpoint) error {
	if c.images != r.data.Train.Len() {
		return fmt.Errorf("the run in %s was started on %d training images, but %s has %d: resume it with the same data",
			r.folder.path, c.images, r.recipe.Data.Path, r.data.Train.Len())
	}
	if is := r.data.Train.Classes(); len(is) != len(c.Classes) || firstDifference(is, c.Classes) >= 0 {
		return fmt.Errorf("the run in %s was started on other classes than those of %s: resume it with the same data", r.folder.path, r.recipe.Data.Path)
	}
	// "auto" may mean something else on another machine.
	if was, is := c.file.Metadata()[keyCompute], r.precision.Compute.String(); was != is {
		return fmt.Errorf("the run in %s computed in %s, but here precision %s means %s: resume it on a machine like the first, or start a new run",
			r.folder.path, was, r.recipe.Precision, is)
	}
	if err := c.load(r.state()); err != nil {
		return err
	}
	r.at = c.at
	// A damaged file under that name must not push a sound one out.
	if c.Path != r.folder.checkpoint("last") {
		name := strings.TrimSuffix(filepath.Base(c.Path), checkpointSuffix)
		if err := r.folder.copyCheckpoint(name, "last"); err != nil {
			return err
		}
	}
	return r.nameCheckpoint()
}

// dropLater removes what an interrupted part of the run wrote after the
// checkpoint that is being resumed.
func (r *run) dropLater() error {
	closed := !r.at.atEpochEnd()
	return r.metrics.Keep(func(kind string, step int64) bool {
		return step < int64(r.at.Step) || step == int64(r.at.Step) && (closed || kind != "epoch")
	})
}
