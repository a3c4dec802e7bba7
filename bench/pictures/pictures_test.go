package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/internal/samples"
)

const pictures = 3

func files(t *testing.T, height, width int) [][]byte {
	t.Helper()
	dir := t.TempDir()
	if _, err := samples.Photographs(dir, pictures, 2, height, width); err != nil {
		t.Fatal(err)
	}
	found, err := readAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != pictures {
		t.Fatalf("%d files were found, want %d", len(found), pictures)
	}
	return found
}

// Small pictures are never scaled; of large ones some are, and stay alike.
func TestDifference(t *testing.T) {
	d, err := measureDifference(files(t, 120, 160))
	if err != nil {
		t.Fatal(err)
	}
	if d.Pictures != pictures || d.Changed != 0 || d.Mean != 0 || d.Max != 0 || d.PSNR != 0 {
		t.Errorf("small pictures give %+v", d)
	}
	d, err = measureDifference(files(t, 700, 900))
	if err != nil {
		t.Fatal(err)
	}
	if d.Changed == 0 || d.Mean <= 0 || d.Mean > 4 || d.Max < 1 || d.PSNR < 30 {
		t.Errorf("large pictures give %+v", d)
	}
	share := float64(d.Changed) / float64(d.Pictures)
	if math.Abs(d.ChangedMean*share-d.Mean) > 1e-9 || math.Abs(d.ChangedPSNR-10*math.Log10(share)-d.PSNR) > 1e-9 {
		t.Errorf("figures of all and of changed pictures contradict each other: %+v", d)
	}
}

func TestOpenList(t *testing.T) {
	const n = 20_000
	dir := t.TempDir()
	for name, times := range map[string]int{shortList: 1, "list.txt": n / 2} {
		text := strings.Repeat("class/one.jpg 0\nclass/three.jpg 1\n", times)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o, err := openList(filepath.Join(dir, "list.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if o.Images != n || math.Abs(o.Names-14) > 1e-6 || o.Seconds <= 0 {
		t.Errorf("the list gives %+v", o)
	}
	// An end, a label and a visit of 8 bytes, less what else the collector finds; the aim is 100.
	if o.Live < 14 || o.Live > 100 {
		t.Errorf("%.1f bytes are kept for a picture beside its name, want 14 to 100", o.Live)
	}
}

// An epoch of the loader is whole batches of the list.
func TestLoaderPass(t *testing.T) {
	dir := t.TempDir()
	paths, err := samples.Photographs(dir, 2, 2, 30, 40)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for range batchSize/2 + 5 {
		text += paths[0] + " 0\n" + paths[1] + " 1\n"
	}
	if err := os.WriteFile(filepath.Join(dir, allList), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := newLoader(dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if l.pictures != batchSize {
		t.Errorf("an epoch has %d pictures, want %d", l.pictures, batchSize)
	}
	for number := range 2 {
		if err := l.pass(number); err != nil {
			t.Fatal(err)
		}
	}
}
