package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// FailedRuns are those that broke off after they had begun to learn, such as
// those whose losses left the numbers.
type FailedRuns struct {
	Of     int      // so many runs were asked for
	Failed []string // name, seed and what is known of the reason
}

func (e *FailedRuns) Error() string {
	return fmt.Sprintf("%d of %d runs failed, and the tables are without them: %s", len(e.Failed), e.Of, strings.Join(e.Failed, "; "))
}

// FinishAll finishes the runs in their order, so many at a time, and calls after
// when one is done, never twice at once. A run that fails after it began to learn
// is told in a FailedRuns, when all others are done; one that cannot begin
// ends them all, as ctx does, for then somebody has something to mend.
func (c Commands) FinishAll(ctx context.Context, runs []Run, jobs int, after func() error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if jobs > 1 {
		c.quiet = true // for their progress would mix
	}
	failed := &FailedRuns{Of: len(runs)}
	var one sync.Mutex // of failed, after and the messages
	finish := func(i int) {
		r, started := runs[i], time.Now()
		one.Lock()
		fmt.Fprintf(c.Stderr, "run %d of %d: %v\n", i+1, len(runs), r)
		one.Unlock()
		err := c.Finish(ctx, r)
		one.Lock()
		defer one.Unlock()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !r.begun():
			stop(err)
			return
		case err != nil:
			failed.Failed = append(failed.Failed, fmt.Sprintf("%v (%s; its log ends with: %s)", r, state(err), r.lastWords()))
			fmt.Fprintf(c.Stderr, "%v failed; going on without it\n", r)
		case jobs > 1:
			fmt.Fprintf(c.Stderr, "%v is done (%.0f s)\n", r, time.Since(started).Seconds())
		}
		if err := after(); err != nil {
			stop(err)
		}
	}
	work := make(chan int)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			for i := range work {
				finish(i)
			}
		})
	}
	for i, r := range runs {
		if r.Finished() {
			continue
		}
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(failed.Failed) > 0 {
		return failed
	}
	return nil
}

// state is how the process ended that err tells of.
func state(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.String()
	}
	return err.Error()
}

// String names the run for people.
func (r Run) String() string {
	return fmt.Sprintf("%s, seed %d", filepath.Base(r.Recipe.Name), r.Recipe.Seed)
}

// parts are the folders of a run that write a log: of two stages, the second is
// the run's own and the first lies inside.
func (r Run) parts() []string { return []string{r.Folder, filepath.Join(r.Folder, "stage-1")} }

// begun says whether the run did a step.
func (r Run) begun() bool {
	return slices.ContainsFunc(r.parts(), func(part string) bool {
		info, err := os.Stat(filepath.Join(part, "metrics.jsonl"))
		return err == nil && info.Size() > 0
	})
}

// lastWords is how the run's log ends, behind the time, or "".
func (r Run) lastWords() string {
	for _, part := range r.parts() {
		text, err := os.ReadFile(filepath.Join(part, "log.txt"))
		if err != nil || len(text) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		_, said, _ := strings.Cut(lines[len(lines)-1], " ")
		return said
	}
	return ""
}
