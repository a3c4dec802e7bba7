package report

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type step struct {
	Step int64 `json:"step"`
	Loss Float `json:"loss"`
}

func openMetrics(t *testing.T, path string) *Metrics {
	t.Helper()
	m, err := OpenMetrics(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func writeSteps(t *testing.T, m *Metrics, from, to int64) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := m.Write(step{i, Float(1 / float64(i))}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMetricsAppearAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	m := openMetrics(t, path)
	records := []any{
		step{1, 0.5},
		map[string]any{"step": 2, "nan": math.NaN(), "list": []float64{1, math.Inf(-1)}, "deep": map[string]float32{"x": float32(math.Inf(1))}},
		map[string]float64{"top1": 0.25},
		step{3, Float(math.NaN())},
	}
	want := `{"step":1,"loss":0.5}
{"deep":{"x":null},"list":[1,null],"nan":null,"step":2}
{"top1":0.25}
{"step":3,"loss":null}
`
	for i, r := range records {
		if err := m.Write(r); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(want, "\n")
		if got := readFile(t, path); got != strings.Join(lines[:i+1], "") {
			t.Errorf("after record %d: %q", i, got)
		}
	}
	if err := m.Write(struct{ X float64 }{math.NaN()}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("NaN in a plain struct field: %v", err)
	}
	if err := m.Write(func() {}); err == nil {
		t.Error("a function was written")
	}
	if err := m.Write(strings.Repeat("x", maxRecord)); err == nil {
		t.Error("a record too long to read back was written")
	}
	if got := readFile(t, path); got != want {
		t.Errorf("refused records left something: %q", got)
	}
}

// A run that was killed, its last line torn, and resumed from step 5.
func TestResumedMetricsEqualUninterrupted(t *testing.T) {
	dir := t.TempDir()
	straight := filepath.Join(dir, "straight.jsonl")
	writeSteps(t, openMetrics(t, straight), 1, 12)

	resumed := filepath.Join(dir, "resumed.jsonl")
	m := openMetrics(t, resumed)
	writeSteps(t, m, 1, 9)
	m.Close()
	appendText(t, resumed, `{"step":10,"lo`)
	m = openMetrics(t, resumed)
	if err := m.Keep(upTo(5)); err != nil {
		t.Fatal(err)
	}
	writeSteps(t, m, 6, 12)
	if got, want := readFile(t, resumed), readFile(t, straight); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := m.Sync(); err != nil {
		t.Error(err)
	}
}

func TestKeepLeavesOtherRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	appendText(t, path, `{"note":"start"}
{"step":2,"x":"kept as it is"   }
{"step":3}
{"note":"late"}
`)
	if err := openMetrics(t, path).Keep(upTo(2)); err != nil {
		t.Fatal(err)
	}
	want := `{"note":"start"}
{"step":2,"x":"kept as it is"   }
{"note":"late"}
`
	if got := readFile(t, path); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTornTails(t *testing.T) {
	whole := "{\"step\":1}\n"
	for _, tail := range []string{"", "{", `{"step":2}`, "\x00\x00\x00", strings.Repeat("x", 200_000)} {
		path := filepath.Join(t.TempDir(), "metrics.jsonl")
		for _, head := range []string{"", whole, whole + whole} {
			if err := os.WriteFile(path, []byte(head+tail), 0o666); err != nil {
				t.Fatal(err)
			}
			records, err := ReadMetrics[step](path)
			if err != nil || len(records) != len(head)/len(whole) {
				t.Errorf("tail %.20q: %d records, %v", tail, len(records), err)
			}
			openMetrics(t, path)
			if got := readFile(t, path); got != head {
				t.Errorf("tail %.20q: file holds %.60q, want %q", tail, got, head)
			}
		}
	}
}

func TestDamagedMetricsAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	appendText(t, path, "{\"step\":1}\n{oops}\n{\"step\":3}\n")
	before := readFile(t, path)
	_, err := ReadMetrics[step](path)
	truncateErr := openMetrics(t, path).Keep(upTo(1))
	for _, err := range []error{err, truncateErr} {
		if err == nil || !strings.Contains(err.Error(), "line 2 of "+path) {
			t.Errorf("got %v", err)
		}
	}
	if readFile(t, path) != before {
		t.Error("a failed Keep changed the file")
	}
	long := filepath.Join(t.TempDir(), "long.jsonl")
	appendText(t, long, strings.Repeat(" ", maxRecord+1)+"\n")
	if _, err := ReadMetrics[step](long); err == nil {
		t.Error("a line of more than maxRecord bytes was read")
	}
}

func TestReadMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	writeSteps(t, openMetrics(t, path), 1, 2)
	got, err := ReadMetrics[step](path)
	if want := []step{{1, 1}, {2, 0.5}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadMetrics[step](path + ".missing"); err == nil || !strings.Contains(err.Error(), ".missing") {
		t.Errorf("missing file: %v", err)
	}
}

// upTo keeps the steps up to last.
func upTo(last int64) func(string, int64) bool {
	return func(_ string, step int64) bool { return step <= last }
}

func appendText(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprint(f, text); err != nil {
		t.Fatal(err)
	}
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte("{\"step\":1}\n{\"step\":2}\n{\"st"), int64(1))
	f.Add([]byte("\n\n"), int64(0))
	f.Add([]byte("{\"step\":null}\n[1]\n"), int64(-1))
	f.Fuzz(func(t *testing.T, content []byte, last int64) {
		path := filepath.Join(t.TempDir(), "metrics.jsonl")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		m := openMetrics(t, path)
		if err := m.Keep(upTo(last)); err != nil {
			return
		}
		if err := m.Write(map[string]int64{"step": last}); err != nil {
			t.Fatal(err)
		}
		records, err := ReadMetrics[json.RawMessage](path)
		if err != nil || len(records) == 0 {
			t.Fatalf("%d records, %v", len(records), err)
		}
		steps, err := ReadMetrics[struct{ Step *int64 }](path)
		for _, s := range steps {
			if s.Step != nil && *s.Step > last {
				t.Fatalf("step %d is still there, %v", *s.Step, err)
			}
		}
	})
}
