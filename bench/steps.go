package main

import (
	"fmt"
	"os"
)

// duel is a pair of programs that do the same steps.
type duel struct {
	name       string
	ours, peer []string
}

// steps lets ours and each peer that is at hand do training steps in turn.
func (s *settings) steps(problem string, steps, warm int) ([]row, error) {
	var duels []duel
	if knows(s.python, "torch, numpy", "the authors' way (apt-get install python3-torch python3-numpy)") {
		authors := []string{s.python, "bench/peers/authors_way.py"}
		duels = append(duels,
			duel{"authors/float32", []string{"bin/step", "--precision", "float32"}, authors},
			duel{"authors/default", []string{"bin/step"}, authors})
	}
	if knows(s.best, "torch, numpy", "the best way") {
		if _, err := os.Stat(s.bestStep); err != nil {
			note("skipped: the best way; %s is missing: build with TORCH_DIR at that PyTorch", s.bestStep)
		} else {
			duels = append(duels, duel{"best/default", []string{s.bestStep}, []string{s.best, "bench/peers/best_way.py"}})
		}
	}
	options := []string{"--case", problem, "--serve", "--steps-per-repetition", fmt.Sprint(steps), "--warmup", fmt.Sprint(warm)}
	var rows []row
	for _, d := range duels {
		d.name = "step-" + problem + "/" + d.name
		found, err := d.fight(s.turns, options)
		if err != nil {
			return rows, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

func (d duel) fight(turns int, options []string) ([]row, error) {
	sides, err := takeTurns(turns, map[string][]string{
		"ours": append(d.ours, options...),
		"peer": append(append([]string(nil), d.peer...), options...),
	}, []string{"ours", "peer"})
	if err != nil {
		return nil, err
	}
	ours, peer := sides["ours"], sides["peer"]
	note("%s: first losses (cross-entropy first) ours %.4f, peer %.4f; libtorch %s and %s, %d threads, n = %d steps each",
		d.name, ours.last.Losses[0][0], peer.last.Losses[0][0], ours.last.Torch, peer.last.Torch, peer.last.Threads, len(peer.seconds))
	return []row{
		compared(d.name, "images/s", ours.rate(), peer.rate()),
		compared(d.name+"/memory", "MB peak", ours.last.RSS, peer.last.RSS),
	}, nil
}
