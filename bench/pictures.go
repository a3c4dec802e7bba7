package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"cone/internal/samples"
)

// pictures is our program for the data path.
const pictures = "bin/pictures"

// The set of pictures that everything but scaling uses.
const (
	pictureCount = 256
	classCount   = 8
	// passes over it are short, so each turn has several.
	passesPerTurn = 5
)

// photographs makes the set of pictures, if it is not there, and lists of it:
// all.txt, and train.txt and val.txt for training, which repeat pictures.
func photographs() (dir string, err error) {
	dir = filepath.Join(out, "photographs")
	paths, err := samples.Photographs(dir, pictureCount, classCount, samples.PhotographHeight, samples.PhotographWidth)
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for i, path := range paths {
		fmt.Fprintf(&list, "%s %d\n", path, i%classCount)
	}
	for name, times := range map[string]int{"all.txt": 1, "val.txt": 1, "train.txt": epochRepeats} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(list.String(), times)), 0o666); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// largePhotographs are those of which decoding at smaller scales makes use.
func largePhotographs() (dir string, err error) {
	dir = filepath.Join(out, "large-photographs")
	_, err = samples.Photographs(dir, 32, 1, 768, 1024)
	return dir, err
}

// pass is a program that does a pass over a set per turn.
type pass struct {
	name    string
	command []string
}

// passes lets programs go over a set of pictures in turn, each on one core.
func (s *settings) passes(all []pass) (map[string]*program, error) {
	commands := map[string][]string{}
	var order []string
	for _, p := range all {
		commands[p.name] = s.pinned(p.command...)
		order = append(order, p.name)
	}
	found, err := takeTurns(s.turns*passesPerTurn, commands, order)
	if err != nil {
		return nil, err
	}
	for _, name := range order {
		p := found[name]
		about := p.last.Versions
		if about != "" {
			about = " (" + about + ")"
		}
		n, fastest, slowest := float64(p.last.Batch), slices.Min(p.seconds), slices.Max(p.seconds)
		// Where the two differ, something else ran on the core.
		note("  %s%s: %.0f pictures/s (%.0f to %.0f), by processor time %.0f; n = %d passes over %d pictures", name, about,
			p.rate(), n/slowest, n/fastest, n/median(p.cpu), len(p.seconds), p.last.Batch)
	}
	return found, nil
}

// transforms compares ours with the ways of torchvision users that are at hand.
func (s *settings) transforms() ([]row, error) {
	dir, err := photographs()
	if err != nil {
		return nil, err
	}
	type way struct{ name, python, way string }
	var ways []way
	if knows(s.best, "torch, torchvision, PIL", "the newest torchvision") {
		ways = append(ways, way{"pillow", s.best, "pillow"}, way{"tensor", s.best, "tensor"})
	}
	if knows(s.python, "torch, torchvision, PIL", "Debian's torchvision (apt-get install python3-torchvision)") {
		ways = append(ways, way{"debian", s.python, "pillow"})
	}
	var rows []row
	for _, task := range []struct {
		name, flag string
		ours       []pass
	}{
		{"training", "", []pass{
			{"default", []string{pictures, "-task", "training", "-pictures", dir}},
			{"exact", []string{pictures, "-task", "training", "-exact", "-pictures", dir}},
		}},
		{"evaluation", "--evaluate", []pass{
			{"exact", []string{pictures, "-task", "evaluation", "-pictures", dir}},
		}},
	} {
		all := slices.Clone(task.ours)
		for _, w := range ways {
			command := []string{w.python, "bench/peers/pictures.py", "--way", w.way, "--pictures", dir, "--serve"}
			if task.flag != "" {
				command = append(command, task.flag)
			}
			all = append(all, pass{w.name, command})
		}
		found, err := s.passes(all)
		if err != nil {
			return rows, err
		}
		for _, ours := range task.ours {
			name, rate := "transform/"+task.name+"/"+ours.name, found[ours.name].rate()
			if len(ways) == 0 {
				rows = append(rows, row{Name: name, Unit: "pictures/s", Ours: rate})
			}
			for _, w := range ways {
				rows = append(rows, compared(name+"/"+w.name, "pictures/s", rate, found[w.name].rate()))
			}
		}
	}
	return rows, nil
}

// scaling compares decoding at smaller scales, the default, with decoding at
// full size: pixels and speed.
func (s *settings) scaling() ([]row, error) {
	var rows []row
	for _, set := range []struct {
		name string
		make func() (string, error)
	}{{"500x375", photographs}, {"1024x768", largePhotographs}} {
		dir, err := set.make()
		if err != nil {
			return rows, err
		}
		var d struct {
			Pictures, Changed int
			Mean, PSNR        float64
			Max               int
			ChangedMean       float64 `json:"changed_mean"`
			ChangedPSNR       float64 `json:"changed_psnr"`
		}
		if err := ask(&d, pictures, "-task", "difference", "-pictures", dir); err != nil {
			return rows, err
		}
		name := "scaling/" + set.name
		rows = append(rows, row{Name: name + "/changed", Unit: "% of pictures", Ours: 100 * float64(d.Changed) / float64(d.Pictures)})
		if d.Changed == 0 {
			continue // and so as fast
		}
		rows = append(rows,
			row{Name: name + "/mean", Unit: "|Δ| of 255, all", Ours: d.Mean},
			row{Name: name + "/mean-changed", Unit: "|Δ| of 255, changed", Ours: d.ChangedMean},
			row{Name: name + "/max", Unit: "|Δ| of 255", Ours: float64(d.Max)},
			row{Name: name + "/psnr", Unit: "dB, all", Ours: d.PSNR},
			row{Name: name + "/psnr-changed", Unit: "dB, changed", Ours: d.ChangedPSNR})
		found, err := s.passes([]pass{
			{"default", []string{pictures, "-task", "training", "-pictures", dir}},
			{"exact", []string{pictures, "-task", "training", "-exact", "-pictures", dir}},
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows, compared(name+"/default-against-exact", "pictures/s", found["default"].rate(), found["exact"].rate()))
	}
	return rows, nil
}

// loader compares the loader with two workers with itself with one.
func (s *settings) loader() ([]row, error) {
	dir, err := photographs()
	if err != nil {
		return nil, err
	}
	commands := map[string][]string{}
	for _, workers := range []string{"1", "2"} {
		commands[workers] = []string{pictures, "-task", "loader", "-workers", workers, "-pictures", dir}
	}
	found, err := takeTurns(s.turns*passesPerTurn, commands, []string{"1", "2"})
	if err != nil {
		return nil, err
	}
	one, two := found["1"].rate(), found["2"].rate()
	return []row{
		{Name: "loader/1-worker", Unit: "pictures/s", Ours: one},
		compared("loader/2-workers-against-1", "pictures/s", two, one),
	}, nil
}

// ask runs a program of ours and reads the JSON that it prints.
func ask(answer any, command ...string) error {
	run := exec.Command(command[0], command[1:]...)
	run.Stderr = os.Stderr
	raw, err := run.Output()
	if err != nil {
		return fmt.Errorf("%s (make bench builds it): %w", command[0], err)
	}
	return json.Unmarshal(raw, answer)
}
