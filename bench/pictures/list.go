package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"cone/data"
	"cone/recipe"
)

// opened is what it takes to open a list file and to begin an epoch. Bytes are
// per picture, and those of the names themselves are left out.
type opened struct {
	Images int `json:"images"`
	// Seconds from the call to the order of the first epoch.
	Seconds float64 `json:"seconds"`
	// Names is the length of a name, on average.
	Names float64 `json:"names"`
	// Live is what is kept on Go's heap while the epoch runs: list, labels and
	// the epoch's order.
	Live float64 `json:"live"`
	// Peak is by how much the process's resident memory grew at its height,
	// garbage and all.
	Peak float64 `json:"peak"`
}

func openList(path string) (o opened, err error) {
	dir, name := filepath.Split(path)
	// What the program takes whatever it opens is no matter of the list.
	if _, _, err := firstEpoch(dir, shortList); err != nil {
		return o, err
	}
	before, err := memory("VmRSS")
	if err != nil {
		return o, err
	}
	heap := heapInUse()
	start := time.Now()
	c, visits, err := firstEpoch(dir, name)
	if err != nil {
		return o, err
	}
	defer c.Close()
	o.Seconds = time.Since(start).Seconds()
	peak, err := memory("VmHWM")
	if err != nil {
		return o, err
	}
	live := heapInUse() - heap
	runtime.KeepAlive(visits)

	n := float64(c.Train.Len())
	for i := range c.Train.Len() {
		o.Names += float64(len(c.Train.Name(i))-len(filepath.Clean(dir))-1) / n
	}
	o.Images = c.Train.Len()
	o.Live = float64(live)/n - o.Names
	o.Peak = float64(peak-before)/n - o.Names
	return o, nil
}

// firstEpoch opens a list and makes the order in which training visits it.
func firstEpoch(dir, name string) (*data.Collection, []data.Visit, error) {
	c, err := data.Open(recipe.Data{Format: "list", Path: dir, Train: name, Test: shortList})
	if err != nil {
		return nil, nil, err
	}
	sampler, err := data.NewSampler(recipe.Default().Data.Sampling, 0, c.Train, batchSize)
	if err != nil {
		return nil, nil, err
	}
	return c, sampler.Visits(0), nil
}

// shortList is a list of few entries, for the part that is evaluated.
const shortList = "short.txt"

// heapInUse is the bytes of the objects that are still in use.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// memory is a figure of /proc/self/status, in bytes.
func memory(name string) (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, name+": %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", name)
}
