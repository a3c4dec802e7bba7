package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FailedRuns are those that broke off after they had begun to learn, such as
// those whose losses left the numbers.
type FailedRuns struct {
	Of     int      // so many runs were asked for
	Failed []string // name, seed and reason of each
}

func (e *FailedRuns) Error() string {
	return fmt.Sprintf("%d of %d runs failed, and the tables are without them: %s", len(e.Failed), e.Of, strings.Join(e.Failed, "; "))
}

// FinishAll finishes the runs in their order, so many at a time, and calls after
// when one is done, never twice at once. A run that fails after it went on
// learning is told in a FailedRuns, when all others are done; one that cannot begin
// ends them all, as ctx does, for then somebody has something to mend.
func (c Commands) FinishAll(ctx context.Context, runs []Run, jobs int, after func() error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	failed := &FailedRuns{Of: len(runs)}
	var unsaved []error // of runs that ctx stopped
	var one sync.Mutex  // of these, after and the messages
	finish := func(i int) {
		if ctx.Err() != nil {
			return
		}
		r, started, before := runs[i], time.Now(), runs[i].told()
		one.Lock()
		fmt.Fprintf(c.Stderr, "run %d of %d: %v\n", i+1, len(runs), r)
		one.Unlock()
		err := c.Finish(ctx, r)
		one.Lock()
		defer one.Unlock()
		switch {
		case err != nil && ctx.Err() != nil:
			if !errors.Is(err, context.Canceled) {
				unsaved = append(unsaved, err)
			}
			return
		case err != nil && r.told() == before:
			stop(err)
			return
		case err != nil:
			reason := fmt.Sprintf("%v (%v)", r, err)
			failed.Failed = append(failed.Failed, reason)
			fmt.Fprintf(c.Stderr, "%s failed; going on without it\n", reason)
		case c.Quiet:
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
		if !r.Finished() && ctx.Err() == nil {
			work <- i
		}
	}
	close(work)
	workers.Wait()
	switch cause := context.Cause(ctx); {
	case len(unsaved) > 0:
		return errors.Join(unsaved...)
	case cause != nil:
		return cause
	case len(failed.Failed) > 0:
		return failed
	}
	return nil
}

// String names the run for people.
func (r Run) String() string {
	return fmt.Sprintf("%s, seed %d", filepath.Base(r.Recipe.Name), r.Recipe.Seed)
}

// told is when the run last wrote of a step, so that a run that went on is told
// from one that could not.
func (r Run) told() (last time.Time) {
	for _, part := range []string{"", "stage-1"} {
		info, err := os.Stat(filepath.Join(r.Folder, part, "metrics.jsonl"))
		if err == nil && info.Size() > 0 && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
