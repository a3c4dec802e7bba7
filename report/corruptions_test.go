package report

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// The corruption error divides sums of errors, and the mean is over the common
// corruptions alone.
func TestCorruptionErrors(t *testing.T) {
	row := func(name string, common bool, top1 ...Float) Corruption {
		return Corruption{Name: name, Group: "noise", Common: common, Top1: top1}
	}
	base := &Corruptions{Rows: []Corruption{row("a", true, 0.5, 0.5, 0.5, 0.5, 0), row("b", true, 0.75, 0.75, 0.75, 0.75, 0.75), row("c", false, 0, 0, 0, 0, 0)}}
	base.Summarise()
	dir := t.TempDir()
	if err := base.WriteFile(dir); err != nil {
		t.Fatal(err)
	}
	b, err := ReadBaseline(filepath.Join(dir, "corruptions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Corruptions{Rows: []Corruption{row("a", true, 1, 1, 1, 0, 0), row("b", true, 0.5, 0.5, 0.5, 0.5, 0.5), row("c", false, 1, 1, 1, 1, 1)}}
	c.Summarise()
	c.Relate(b)
	for i, want := range []float64{0.4 / 0.6, 2, 0} {
		if got := float64(*c.Rows[i].Error); math.Abs(got-want) > 1e-6 {
			t.Errorf("row %d: error %v, want %v", i, got, want)
		}
	}
	if math.Abs(float64(c.MeanTop1)-0.55) > 1e-9 || math.Abs(float64(*c.MeanError)-(0.4/0.6+2)/2) > 1e-6 {
		t.Errorf("means %v and %v", c.MeanTop1, *c.MeanError)
	}
	if err := b.Has("d"); err == nil || !strings.Contains(err.Error(), "no d") {
		t.Errorf("a corruption that is not there: %v", err)
	}
}
