// Command cone trains image classifiers with CoNe (arXiv 2308.10761).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cone/compare"
	"cone/internal/native"
	"cone/launch"
	"cone/tensor"
	"cone/train"
)

// Exit codes.
const (
	exitError       = 1   // a run failed, or the user's input cannot be used
	exitUsage       = 2   // the command line is wrong
	exitSomeFailed  = 3   // cone compare is done, but not every run could be finished
	exitInterrupted = 130 // stopped by Ctrl-C, everything saved
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func main() {
	native.Tune()
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	var quiet exitCode
	var failed *compare.FailedRuns
	switch {
	case err == nil:
		return 0
	case errors.Is(err, train.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &quiet):
		return int(quiet)
	case errors.Is(err, errTold):
		return exitError
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "cone: %v\nSee 'cone --help'.\n", err)
		return exitUsage
	case errors.As(err, &failed):
		fmt.Fprintf(os.Stderr, "cone: %v\n", err)
		return exitSomeFailed
	}
	fmt.Fprintf(os.Stderr, "cone: %s\n", explain(err))
	if terminal != nil {
		fmt.Fprintf(terminal, "cone: %s\n", explain(err))
	}
	return exitError
}

// explain turns an engine's failure into one sentence; the trace of an
// internal fault goes with it.
func explain(err error) string {
	e, ok := tensor.AsOpError(err)
	switch {
	case !ok:
		return err.Error()
	case e.OutOfMemory():
		wanted := ""
		if m := allocation.FindStringSubmatch(e.Message); m != nil {
			wanted = " (" + m[1] + " were asked for)"
		}
		return fmt.Sprintf("there is not enough memory for %s%s: lower batch, raise optim.accumulate, or choose a smaller network or bank", e.Operator, wanted)
	}
	return fmt.Sprintf("internal fault in %s\n%s", e.Error(), e.Stack)
}

// allocation finds in libtorch's message how much memory was not there.
var allocation = regexp.MustCompile(`(?i)tried to allocate ([0-9.]+ \w+)`)

// launcherEcho is how long after a Ctrl-C a launcher's own may come.
const launcherEcho = 3 * time.Second

// interruptible ends the context at the first Ctrl-C (or SIGTERM), so that a
// run can save itself; the second one leaves at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		w, err := launch.Detect(os.Environ())
		if err != nil || w.Rank == 0 && !launch.IsLocal(w) {
			fmt.Fprintln(os.Stderr, "\ncone: stopping after this step; once more leaves at once")
		}
		cancel()
		first := time.Now()
		for range signals {
			// A launcher passes on what the terminal has sent already.
			if !w.Distributed() || launch.IsLocal(w) || time.Since(first) > launcherEcho {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "cone",
		Short: "Train image classifiers that contrast their neighbours",
		Long: `cone trains image classifiers with CoNe (Contrast Your Neighbours for
Supervised Image Classification, arXiv 2308.10761): every image is supervised
by its class centre and by its nearest neighbours in a memory bank.`,
		Example: `  cone recipe list
  cone train fashion-mnist-quick
  cone eval runs/fashion-mnist-quick-001`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newTrain(), newLRFind(), newEval(), newCompare(), newPredict(), newNeighbors(), newEmbed(), newIndex(), newAudit(), newImport(), newExport(), newData(), newModel(), newRecipe(), newVersion())
	root.SetHelpCommand(newHelp(root))
	for _, c := range commands(root) {
		markUsage(c)
	}
	return root
}

// newHelp replaces cobra's help command, which takes an unknown command for a
// success.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Explain a command",
		Example: "  cone help train",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no help on %q: 'cone help' lists the commands", strings.Join(args, " "))}
			}
			return c.Help()
		},
	}
}

func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

// markUsage makes wrong arguments a usage error, and a group of commands
// without one of its names a mistake instead of a help page.
func markUsage(c *cobra.Command) {
	check := c.Args
	if c.HasSubCommands() {
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			known := []string{}
			for _, sub := range c.Commands() {
				known = append(known, sub.Name())
			}
			return usageError{fmt.Errorf("unknown command %q for %q: choose one of %s", args[0], c.CommandPath(), strings.Join(known, ", "))}
		}
		check = cobra.ArbitraryArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
