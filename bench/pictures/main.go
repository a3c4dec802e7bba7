// Command pictures is our side of the benchmarks of the data path. Where it
// takes turns with others it does a pass over all pictures per line "go" on
// standard input, by the protocol of the programs in bench/peers: a JSON line
// when ready and one per pass.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"syscall"
	"time"
)

// report is one line of output.
type report struct {
	Pictures int       `json:"batch"`
	Seconds  []float64 `json:"seconds_per_step"`
	CPU      []float64 `json:"cpu_seconds"`
}

func main() {
	task := flag.String("task", "training", "training or evaluation: the transform on one thread; loader: the training transform by the loader; "+
		"difference: what decoding at smaller scales changes; list: open a list file")
	dir := flag.String("pictures", "", "folder with *.jpg, at any depth")
	exact := flag.Bool("exact", false, "decode at full size")
	workers := flag.Int("workers", 1, "of the loader")
	list := flag.String("list", "", "the list file of task list")
	flag.Parse()
	if err := run(*task, *dir, *list, *exact, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(task, dir, list string, exact bool, workers int) error {
	switch task {
	case "training", "evaluation":
		files, err := readAll(dir)
		if err != nil {
			return err
		}
		p, err := newPreparation(steps(task == "evaluation"), exact)
		if err != nil {
			return err
		}
		defer p.close()
		return serve(len(files), func(pass int) error { return p.all(files, pass) })
	case "loader":
		l, err := newLoader(dir, workers)
		if err != nil {
			return err
		}
		defer l.close()
		return serve(l.pictures, l.pass)
	case "difference":
		files, err := readAll(dir)
		if err != nil {
			return err
		}
		d, err := measureDifference(files)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(d)
	case "list":
		o, err := openList(list)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(o)
	}
	return fmt.Errorf("there is no task %q; see -help", task)
}

// serve does a pass to warm up and then one per line "go".
func serve(pictures int, pass func(number int) error) error {
	if err := pass(0); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(report{Pictures: pictures}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for number := 1; lines.Scan() && lines.Text() != "quit"; number++ {
		start, cpu := time.Now(), processorTime()
		if err := pass(number); err != nil {
			return err
		}
		took, cpu := time.Since(start), processorTime()-cpu
		if err := out.Encode(report{pictures, []float64{took.Seconds()}, []float64{cpu.Seconds()}}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// processorTime is what the process has had of it, on all threads.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
