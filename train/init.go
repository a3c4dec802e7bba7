package train

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/weights"
	"cone/weights/dialect"
)

// openWeights opens the weights at a path: a run's folder, a checkpoint, a
// safetensors file, or one of torch.save.
func openWeights(path string) (weights.Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model.init names %s, but there is nothing: give a run's folder, or a safetensors or .pth file", path)
	}
	if info.IsDir() {
		run := path
		path = folder{path: run}.checkpoint("last")
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("model.init names %s, which holds no checkpoint: give the folder of a run that has saved itself", run)
		}
	}
	source, err := weights.OpenAny(path)
	if err != nil {
		return nil, fmt.Errorf("model.init cannot be used: %w", err)
	}
	if _, ours := source.(*weights.File); ours {
		if err := weights.Verify(path); err != nil && !errors.Is(err, weights.ErrNoChecksum) {
			source.Close()
			return nil, fmt.Errorf("model.init cannot be used: %w", err)
		}
	}
	return source, nil
}

// initialise overwrites the encoder's weights by those at the path. The whole
// backbone must be there; what does not fit of head and classifier stays as it
// was drawn, and the notes say so.
func initialise(e *model.Encoder, m recipe.Model, path string) (notes []string, err error) {
	file, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var entries []*nn.Entry
	for _, entry := range e.Tree.Entries() {
		entries = append(entries, &nn.Entry{Name: dialect.Query + entry.Name, Value: entry.Value})
	}
	plan, err := dialect.NewPlan(file, wants(entries), namesOf(m))
	if err != nil {
		return nil, fmt.Errorf("model.init names %s, but %w", path, err)
	}
	fresh, misfits := notTaken(plan, entries)
	if len(misfits) > 0 {
		return nil, fmt.Errorf("model.init: the backbone in %s is not the recipe's (%s): choose the same model", path, few(misfits))
	}
	if err := fillAll(entries, file, path, plan.Takes); err != nil {
		return nil, err
	}
	notes = append(notes, fmt.Sprintf("starting from the weights in %s", path))
	if len(fresh) > 0 {
		notes = append(notes, "drawn afresh: "+few(fresh))
	}
	return notes, nil
}

// notTaken says what of head and classifier stays as it was drawn, and what of the
// backbone a file lacks or has in another shape.
func notTaken(plan *dialect.Plan, entries []*nn.Entry) (fresh, misfits []string) {
	problems := map[string]string{}
	for _, u := range plan.Unfit {
		problems[u.Want] = fmt.Sprintf("is %v there and %v here", u.There, u.Here)
	}
	taken := map[string]bool{}
	for _, t := range plan.Takes {
		taken[t.Want] = true
	}
	for _, entry := range entries {
		name := strings.TrimPrefix(entry.Name, dialect.Query)
		// Old files lack counters, and nothing is computed from them.
		if taken[entry.Name] || strings.HasSuffix(name, ".num_batches_tracked") {
			continue
		}
		problem := name + " is not there"
		if p, ok := problems[entry.Name]; ok {
			problem = name + " " + p
		}
		if strings.HasPrefix(name, "net.") {
			misfits = append(misfits, problem)
		} else {
			fresh = append(fresh, problem)
		}
	}
	return fresh, misfits
}

// few lists the first of many.
func few(all []string) string {
	const most = 6
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}
