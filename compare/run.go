package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"cone/recipe"
	"cone/weights"
)

// Run is one recipe with one seed, and where it lies.
type Run struct {
	Recipe recipe.Recipe // with the seed
	Folder string        // of the run
	asked  string        // the recipe's file beside it
}

// Evaluation is the file that a finished run's evaluation is kept in.
func (r Run) Evaluation() string { return filepath.Join(r.Folder, "comparison.json") }

// Finished says whether the run was trained to its end and evaluated.
func (r Run) Finished() bool {
	_, err := os.Stat(r.Evaluation())
	return err == nil
}

// Outcome reads what the finished run told; the weights are counted by the
// caller.
func (r Run) Outcome() (Outcome, error) {
	return readOutcome(r.Folder, r.Evaluation(), r.Recipe.Seed)
}

// Folder is where a comparison lies: recipes/, runs/, tables and plots. One
// process works in it at a time.
type Folder struct {
	path string
	lock *os.File
}

// OpenFolder makes or opens a comparison's folder.
func OpenFolder(path string) (*Folder, error) {
	for _, sub := range []string{"recipes", "runs"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o777); err != nil {
			return nil, fmt.Errorf("cannot make the comparison's folder: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the comparison's folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another process is working on the comparison in %s: wait for it or stop it first", path)
	}
	return &Folder{path, lock}, nil
}

// Close lets other processes in.
func (f *Folder) Close() { f.lock.Close() }

// File is the path of a file in the folder.
func (f *Folder) File(name string) string { return filepath.Join(f.path, name) }

// Run plans a recipe's run. What an earlier call planned under its name must
// have been the same.
func (f *Folder) Run(r recipe.Recipe) (Run, error) {
	name := fmt.Sprintf("%s-seed-%d", filepath.Base(r.Name), r.Seed)
	run := Run{Recipe: r, Folder: f.File(filepath.Join("runs", name)), asked: f.File(filepath.Join("recipes", name+".yaml"))}
	if _, err := os.Stat(run.asked); errors.Is(err, os.ErrNotExist) {
		return run, r.Save(run.asked)
	}
	before, err := recipe.Load(run.asked)
	if err != nil {
		return run, err
	}
	before.Name, before.Description = r.Name, r.Description
	if different := recipe.Diff(r, before); len(different) > 0 {
		return run, fmt.Errorf("%s holds runs of %s with other settings (%s): give another --out, or remove %s and %s",
			f.path, r.Name, strings.Join(different, "; "), run.Folder, run.asked)
	}
	return run, nil
}

// Commands run cone itself in a process of its own for each run, so that
// memory is each run's own and a run's death is no other's.
type Commands struct {
	Program string
	Flags   []string // of where to compute
	Env     []string // besides this process's own
	Stderr  io.Writer
	// Quiet keeps the runs' progress from Stderr: that of several would mix.
	Quiet bool
}

// Finish trains the run from where it stands and evaluates it.
func (c Commands) Finish(ctx context.Context, r Run) error {
	args := []string{"train", r.asked, "--out", r.Folder}
	saved, err := filepath.Glob(filepath.Join(r.Folder, "checkpoints", "*.safetensors"))
	if err != nil {
		return err
	}
	stages, _ := filepath.Glob(filepath.Join(r.Folder, "stage-*")) // the pattern is sound
	if len(saved)+len(stages) > 0 {
		args = []string{"train", "--resume", r.Folder}
	} else if err := os.RemoveAll(r.Folder); err != nil { // of a run that was killed before it saved anything
		return err
	}
	if _, err := c.call(ctx, args...); err != nil {
		return err
	}
	args = []string{"eval", r.Folder, "--knn", "--json"}
	if r.Recipe.EMA.Decay > 0 {
		args = append(args, "--ema")
	}
	result, err := c.call(ctx, args...)
	if err != nil {
		return err
	}
	return weights.WriteFileAtomic(r.Evaluation(), func(w io.Writer) error {
		_, err := w.Write(result)
		return err
	})
}

// call runs the program and returns what it prints.
func (c Commands) call(ctx context.Context, args ...string) ([]byte, error) {
	// The kernel ends the child with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command := exec.CommandContext(ctx, c.Program, append(args, c.Flags...)...)
	if !c.Quiet {
		command.Stderr = c.Stderr
	}
	command.Env = append(os.Environ(), c.Env...)
	// In a process group of its own, for Ctrl-C reaches it from here: twice
	// would make it leave without saving.
	command.SysProcAttr = attributes()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	out, err := command.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitError):
		return nil, ctx.Err() // it saved itself, or had nothing to save yet
	case errors.As(err, &exit):
		return nil, fmt.Errorf("cone %s: %s", args[0], said(exit))
	}
	return out, err
}

// exitError is what cone ends with when something went wrong, and not because it
// was told to stop.
const exitError = 1

// said is the sentence with which a process of ours ended, or what ended it where
// the sentence was shown or there is none.
func said(exit *exec.ExitError) string {
	for line := range strings.Lines(string(exit.Stderr)) {
		if sentence, ok := strings.CutPrefix(line, "cone: "); ok {
			return strings.TrimSpace(sentence)
		}
	}
	return exit.String()
}
