package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"cone/dist"
)

// program is one side: a process that prints a JSON line when it is ready and,
// for every line "go" that it is given, runs a repetition and prints another.
type program struct {
	name    string
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	seconds []float64
	cpu     []float64 // seconds of processor time, from programs that tell
	last    answer
	others  []*program // further ranks of the same steps
}

// answer is what a program prints: bench/peers/common.py describes it for steps.
type answer struct {
	// Batch is the number of images of a step, or of pictures of a pass.
	Batch    int         `json:"batch"`
	Torch    string      `json:"torch"`
	Versions string      `json:"versions"`
	Threads  int         `json:"threads"`
	Seconds  []float64   `json:"seconds_per_step"`
	CPU      []float64   `json:"cpu_seconds"`
	Losses   [][]float64 `json:"first_losses"`
	RSS      float64     `json:"peak_rss_mb"`
	Traffic  *dist.Stats `json:"traffic"`
	Steps    int         `json:"steps_so_far"`
}

func start(name string, command ...string) (*program, error) {
	p, err := begin(name, nil, command...)
	if err != nil {
		return p, err
	}
	return p, p.read() // ready
}

// begin starts a program with further variables of the environment.
func begin(name string, environment []string, command ...string) (*program, error) {
	p := &program{name: name, process: exec.Command(command[0], command[1:]...)}
	p.process.Env = append(os.Environ(), environment...)
	p.process.Stderr = os.Stderr
	var err error
	if p.in, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started (make bench builds our side): %w", name, err)
	}
	return p, nil
}

func (p *program) read() error {
	if !p.out.Scan() {
		return fmt.Errorf("%s ended early: %w", p.name, errors.Join(p.out.Err(), p.process.Wait()))
	}
	return json.Unmarshal(p.out.Bytes(), &p.last)
}

// turn runs one repetition, on all ranks at once.
func (p *program) turn() error {
	for _, q := range append([]*program{p}, p.others...) {
		if _, err := io.WriteString(q.in, "go\n"); err != nil {
			return err
		}
	}
	for _, q := range p.others {
		if err := q.read(); err != nil {
			return err
		}
	}
	if err := p.read(); err != nil {
		return err
	}
	p.seconds = append(p.seconds, p.last.Seconds...)
	p.cpu = append(p.cpu, p.last.CPU...)
	return nil
}

func (p *program) stop() {
	for _, q := range p.others {
		io.WriteString(q.in, "quit\n")
		defer q.stop()
	}
	io.WriteString(p.in, "quit\n")
	p.in.Close()
	p.process.Wait()
}

// rate is images per second by the median step.
func (p *program) rate() float64 { return float64(p.last.Batch) / median(p.seconds) }

// takeTurns starts programs and lets them run in turn; only one computes at a
// time.
func takeTurns(turns int, commands map[string][]string, order []string) (map[string]*program, error) {
	programs := map[string]*program{}
	for _, name := range order {
		p, err := start(name, commands[name]...)
		if p != nil {
			defer p.stop()
		}
		if err != nil {
			return nil, err
		}
		programs[name] = p
	}
	for range turns {
		for _, name := range order {
			if err := programs[name].turn(); err != nil {
				return nil, err
			}
		}
	}
	return programs, nil
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// pinned is a command on one core, where the system can do that.
func (s *settings) pinned(command ...string) []string {
	if _, err := exec.LookPath("taskset"); err != nil {
		return command
	}
	return append([]string{"taskset", "-c", strconv.Itoa(s.core)}, command...)
}

// knows says whether a Python can import modules, and if not, what is left out
// for want of it.
func knows(python, modules, leftOut string) bool {
	if python == "" {
		note("skipped: %s; set BEST_PYTHON to a Python that has %s", leftOut, modules)
		return false
	}
	if err := exec.Command(python, "-c", "import "+modules).Run(); err != nil {
		note("skipped: %s; %s cannot import %s", leftOut, python, modules)
		return false
	}
	return true
}
