package main

import (
	"fmt"
	"net"
	"runtime"

	"cone/tensor"
)

// processes measures what a second process gives where the cores stay the same:
// two with half of the threads each, against one with all of them, for ours and
// for PyTorch's DistributedDataParallel in turn. Then our whole CoNe step, with
// batch norm over both, and what it sends.
func (s *settings) processes() ([]row, error) {
	threads := runtime.NumCPU()
	ours := []string{"bin/step", "--precision", "float32", "--method", "cross-entropy"}
	sides := map[string][]string{"ours": ours}
	order := []string{"ours"}
	if knows(s.python, "torch, numpy", "DistributedDataParallel (apt-get install python3-torch python3-numpy)") {
		sides["peer"], order = []string{s.python, "bench/peers/ddp.py"}, []string{"ours", "peer"}
	}
	var rows []row
	for _, problem := range []string{"a", "c"} {
		found, err := s.efficiency("processes-"+problem, problem, threads, sides, order)
		rows = append(rows, found...)
		if err != nil {
			return rows, err
		}
	}
	cone := map[string][]string{"ours": {"bin/step", "--precision", "float32", "--sync-batch-norm"}}
	found, err := s.efficiency("processes-cone", "a", threads, cone, []string{"ours"})
	return append(rows, found...), err
}

// efficiency is the rate of two processes over that of one on the same cores.
func (s *settings) efficiency(name, problem string, threads int, sides map[string][]string, order []string) ([]row, error) {
	steps := map[string]string{"a": "8", "c": "2"}[problem]
	options := []string{"--case", problem, "--serve", "--steps-per-repetition", steps, "--warmup", "2", "--threads"}
	var turns []*program
	for _, side := range order {
		one, err := start(side, append(append(sides[side][:len(sides[side]):len(sides[side])], options...), fmt.Sprint(threads))...)
		if one != nil {
			defer one.stop()
		}
		if err != nil {
			return nil, err
		}
		two, err := startRanks(side, 2, append(append(sides[side][:len(sides[side]):len(sides[side])], options...), fmt.Sprint(max(1, threads/2)))...)
		if two != nil {
			defer two.stop()
		}
		if err != nil {
			return nil, err
		}
		turns = append(turns, one, two)
	}
	for range s.turns {
		for _, p := range turns {
			if err := p.turn(); err != nil {
				return nil, err
			}
		}
	}
	var rates, gains []float64
	for i := 0; i < len(turns); i += 2 {
		one, two := turns[i].rate(), turns[i+1].rate()
		rates, gains = append(rates, two), append(gains, two/one)
		note("%s: %s: 1 process with %d threads %.1f images/s, 2 with %d each %.1f; libtorch %s, n = %d steps each", name, order[i/2],
			threads, one, max(1, threads/2), two, turns[i].last.Torch, len(turns[i].seconds))
	}
	var rows []row
	if len(order) == 2 {
		rows = append(rows, compared(name+"/rate", "images/s of 2 processes", rates[0], rates[1]),
			compared(name+"/efficiency", "of 1 process's rate", gains[0], gains[1]))
	} else {
		rows = append(rows, row{Name: name + "/rate", Unit: "images/s of 2 processes", Ours: rates[0]},
			row{Name: name + "/efficiency", Unit: "of 1 process's rate", Ours: gains[0]})
	}
	return append(rows, traffic(name, turns[1])...), nil
}

// traffic are what a rank handed to collectives, and what it waited.
func traffic(name string, p *program) (rows []row) {
	if p.last.Traffic == nil {
		return nil
	}
	steps, t := float64(p.last.Steps), *p.last.Traffic
	for _, kind := range []struct {
		name string
		tensor.Traffic
	}{{"gradients", t.Gradients}, {"batch-norm", t.BatchNorm}, {"bank", t.Bank}, {"other", t.Other}} {
		if kind.Calls == 0 {
			continue
		}
		rows = append(rows, row{Name: name + "/sent/" + kind.name, Unit: "kB a step", Ours: float64(kind.Bytes) / steps / 1000},
			row{Name: name + "/waited/" + kind.name, Unit: "ms a step", Ours: 1000 * kind.Waited.Seconds() / steps})
	}
	hidden := max(0, t.Gradients.Busy-t.Gradients.Waited)
	return append(rows, row{Name: name + "/hidden/gradients", Unit: "% of their time", Ours: 100 * hidden.Seconds() / max(1e-9, t.Gradients.Busy.Seconds())})
}

// startRanks starts ranks of one group; the first stands for all.
func startRanks(name string, size int, command ...string) (*program, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var first *program
	for rank := range size {
		p, err := begin(name, []string{fmt.Sprintf("RANK=%d", rank), fmt.Sprintf("WORLD_SIZE=%d", size), fmt.Sprintf("MASTER_PORT=%d", port)}, command...)
		if err != nil {
			return first, err
		}
		if first == nil {
			first = p
		} else {
			first.others = append(first.others, p)
		}
	}
	for _, p := range append([]*program{first}, first.others...) {
		if err := p.read(); err != nil {
			return first, err
		}
	}
	return first, nil
}
