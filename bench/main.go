// Command bench times whole training steps of ours and of PyTorch programs in
// turn, in one run, and prints a table of ratios; rows also go to
// bench/out/*.json. See README.md beside it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"cone/report"
)

// row is one comparison.
type row struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Ours  float64 `json:"ours"`
	Peer  float64 `json:"peer"`
	Ratio float64 `json:"ratio"`
}

// program is one side: a process that runs a repetition per "go".
type program struct {
	name    string
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	seconds []float64
	last    answer
}

// answer is what a program prints, as bench/peers/common.py has it.
type answer struct {
	Batch   int         `json:"batch"`
	Torch   string      `json:"torch"`
	Threads int         `json:"threads"`
	Seconds []float64   `json:"seconds_per_step"`
	Losses  [][]float64 `json:"first_losses"`
	RSS     float64     `json:"peak_rss_mb"`
}

func start(name string, command ...string) (*program, error) {
	p := &program{name: name, process: exec.Command(command[0], command[1:]...)}
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
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, p.read() // ready
}

func (p *program) read() error {
	if !p.out.Scan() {
		return fmt.Errorf("%s ended early: %w", p.name, errors.Join(p.out.Err(), p.process.Wait()))
	}
	return json.Unmarshal(p.out.Bytes(), &p.last)
}

// turn runs one repetition.
func (p *program) turn() error {
	if _, err := io.WriteString(p.in, "go\n"); err != nil {
		return err
	}
	if err := p.read(); err != nil {
		return err
	}
	p.seconds = append(p.seconds, p.last.Seconds...)
	return nil
}

func (p *program) stop() {
	io.WriteString(p.in, "quit\n")
	p.in.Close()
	p.process.Wait()
}

// rate is images per second by the median step.
func (p *program) rate() float64 {
	s := append([]float64(nil), p.seconds...)
	sort.Float64s(s)
	return float64(p.last.Batch) / s[len(s)/2]
}

// duel is one pair to time.
type duel struct {
	name        string
	ours, peer  []string
	steps, warm int
}

func main() {
	cases := flag.String("cases", "ab", "a: ResNet-18 at 28×28; b: ResNet-50 at 224×224")
	turns := flag.Int("turns", 3, "repetitions of each side")
	python := flag.String("python", "/usr/bin/python3", "Debian's Python with python3-torch, for the authors' way")
	best := flag.String("best-python", os.Getenv("BEST_PYTHON"), "Python of a virtual environment with the newest PyTorch; needs --best-step")
	bestStep := flag.String("best-step", "bin/torch2/step", "our program built with TORCH_DIR at that PyTorch")
	flag.Parse()
	if err := run(*cases, *turns, *python, *best, *bestStep); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(cases string, turns int, python, best, bestStep string) error {
	var duels []duel
	for _, c := range strings.Split(cases, "") {
		steps, warm := 8, 3
		if c == "b" {
			steps, warm = 2, 1
		}
		authors := []string{python, "bench/peers/authors_way.py"}
		duels = append(duels,
			duel{"step-" + c + "/authors/float32", []string{"bin/step", "--precision", "float32"}, authors, steps, warm},
			duel{"step-" + c + "/authors/default", []string{"bin/step"}, authors, steps, warm})
		if best != "" {
			duels = append(duels, duel{"step-" + c + "/best/default", []string{bestStep}, []string{best, "bench/peers/best_way.py"}, steps, warm})
		}
		for i := range duels {
			if strings.HasPrefix(duels[i].name, "step-"+c) {
				more := []string{"--case", c, "--serve", "--steps-per-repetition", fmt.Sprint(steps), "--warmup", fmt.Sprint(warm)}
				duels[i].ours = append(duels[i].ours, more...)
				duels[i].peer = append(append([]string(nil), duels[i].peer...), more...)
			}
		}
	}
	var rows []row
	table := report.NewTable("step", "unit", "ours", "peer", "ratio")
	for _, d := range duels {
		found, err := d.fight(turns)
		if err != nil {
			return err
		}
		for _, r := range found {
			rows = append(rows, r)
			table.Row(r.Name, r.Unit, fmt.Sprintf("%.1f", r.Ours), fmt.Sprintf("%.1f", r.Peer), fmt.Sprintf("%.2f", r.Ratio))
		}
	}
	if _, err := table.WriteTo(os.Stdout); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join("bench", "out", "step-"+time.Now().UTC().Format("20060102T150405")+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o666)
}

// fight lets both sides run in turn; only one computes at a time.
func (d duel) fight(turns int) ([]row, error) {
	ours, err := start("ours", d.ours...)
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	peer, err := start("peer", d.peer...)
	if err != nil {
		return nil, err
	}
	defer peer.stop()
	for range turns {
		for _, p := range []*program{ours, peer} {
			if err := p.turn(); err != nil {
				return nil, err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%s: first losses (cross-entropy first) ours %.4f, peer %.4f; libtorch %s and %s, %d threads, n = %d steps each\n",
		d.name, ours.last.Losses[0][0], peer.last.Losses[0][0], ours.last.Torch, peer.last.Torch, peer.last.Threads, len(peer.seconds))
	return []row{
		{d.name, "images/s", ours.rate(), peer.rate(), ours.rate() / peer.rate()},
		{d.name + "/memory", "MB peak", ours.last.RSS, peer.last.RSS, ours.last.RSS / peer.last.RSS},
	}, nil
}
