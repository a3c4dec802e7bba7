package train

import (
	"context"
	"os"
	"path/filepath"

	"cone/recipe"
)

// A recipe with a second stage lies in two runs. The first stage is a complete
// run of its own in RUN/stage-1; RUN itself is the run of the second, which
// starts from the first's last checkpoint. Whatever was interrupted, the
// checkpoints say where: RUN has none before the first stage is complete.

const firstStage = "stage-1"

// stage makes or opens the first stage's folder.
func (f folder) stage(open func(string) (folder, error)) (folder, error) {
	inner, err := open(f.file(firstStage))
	inner.outer = f.path
	return inner, err
}

// startStages trains both stages in a new folder.
func startStages(ctx context.Context, whole recipe.Recipe, path string, e Engine) (Outcome, error) {
	var f folder
	first := whole.FirstStage()
	out, err := plan{recipe: first, whole: first, nextBatch: whole.Linear.Batch}.run(ctx, e, func() (_ folder, err error) {
		if f, err = e.createFolder(path); err != nil {
			return f, err
		}
		if e.group().First() {
			if err := whole.Save(f.file("recipe.yaml")); err != nil {
				return f, err
			}
		}
		return f.stage(e.createFolder)
	}, nil)
	if f.path == "" {
		return out, err // refused before it began
	}
	defer f.close()
	if err != nil {
		return out, err
	}
	return secondStage(ctx, whole, f, e, nil)
}

// resumeStages goes on in the folder of a run with two stages, where c is the
// newest checkpoint of the second, or nil.
func resumeStages(ctx context.Context, whole recipe.Recipe, f folder, e Engine, c *Checkpoint) (Outcome, error) {
	within, err := FromFirst(e.group(), "stage", c == nil)
	if err != nil {
		return Outcome{}, err
	}
	if within {
		if out, err := finishFirst(ctx, whole, f, e); err != nil {
			return out, err
		}
	}
	return secondStage(ctx, whole, f, e, c)
}

// finishFirst brings the first stage to its end, from wherever it stands.
func finishFirst(ctx context.Context, whole recipe.Recipe, f folder, e Engine) (out Outcome, err error) {
	first := whole.FirstStage()
	p := plan{recipe: first, whole: first, nextBatch: whole.Linear.Batch}
	if !e.group().First() {
		complete, err := FromFirst(e.group(), "first stage", false)
		if err != nil || complete {
			return out, err
		}
		return p.run(ctx, e, func() (folder, error) { return f.stage(e.createFolder) }, nil)
	}
	if _, err := os.Stat(filepath.Join(f.file(firstStage), checkpointFolder)); err != nil {
		if _, err := FromFirst(e.group(), "first stage", false); err != nil {
			return out, err
		}
		return p.run(ctx, e, func() (folder, error) { return f.stage(e.createFolder) }, nil)
	}
	inner, err := f.stage(openRun)
	if err != nil {
		return out, err
	}
	defer inner.close()
	c, err := inner.newestCheckpoint(inner.warn)
	if err != nil {
		return out, err
	}
	complete := c != nil && c.at.Epoch >= first.Epochs && !c.at.atEpochEnd()
	if c != nil {
		defer c.Close()
	}
	if _, err := FromFirst(e.group(), "first stage", complete); err != nil || complete {
		return out, err
	}
	return p.run(ctx, e, func() (folder, error) { return inner, nil }, c)
}

// secondStage trains the classifier on the first stage's features.
func secondStage(ctx context.Context, whole recipe.Recipe, f folder, e Engine, c *Checkpoint) (Outcome, error) {
	second := whole.FinalStage()
	second.Model.Init = f.file(firstStage)
	return plan{recipe: second, whole: whole}.run(ctx, e, func() (folder, error) { return f, nil }, c)
}
