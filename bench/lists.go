package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// lists measures what it takes to open list files. The pictures need not exist.
func (s *settings) lists() ([]row, error) {
	dir := filepath.Join(out, "lists")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if err := writeList(filepath.Join(dir, "short.txt"), 1000); err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range []int{10_000, 1_000_000} {
		path := filepath.Join(dir, fmt.Sprintf("%d.txt", n))
		if err := writeList(path, n); err != nil {
			return rows, err
		}
		var seconds, live, peak []float64
		for range s.turns * passesPerTurn {
			var a struct{ Seconds, Live, Peak float64 }
			if err := ask(&a, pictures, "-task", "list", "-list", path); err != nil {
				return rows, err
			}
			seconds, live, peak = append(seconds, a.Seconds), append(live, a.Live), append(peak, a.Peak)
		}
		name := fmt.Sprintf("list/%d", n)
		rows = append(rows,
			row{Name: name + "/start", Unit: "s", Ours: median(seconds)},
			row{Name: name + "/live", Unit: "bytes/picture beside names", Ours: median(live)},
			row{Name: name + "/peak", Unit: "bytes/picture beside names", Ours: median(peak)})
	}
	return rows, nil
}

// writeList writes a list of n pictures in 1000 classes.
func writeList(path string, n int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text := bufio.NewWriter(file)
	for i := range n {
		fmt.Fprintf(text, "train/class-%03d/photograph-%07d.jpg %d\n", i%1000, i, i%1000)
	}
	if err := text.Flush(); err != nil {
		return err
	}
	return file.Close()
}
