package compare

import (
	"math"
	"strings"
	"testing"

	"cone/report"
)

func outcome(seed uint64, top1, knn float64) Outcome {
	k := report.Float(knn)
	return Outcome{
		Seed: seed, Weights: 1234, Rate: 100, Memory: math.NaN(),
		Result: report.Result{N: 10, Top1: report.Float(top1), NLL: 0.25, ECE: 0.0125, KNNTop1: &k},
	}
}

func withTerms(o Outcome, sameLabel float64) Outcome {
	p, distance, entropy, guarded := 0.95, 0.1, 0.25, 0.125
	o.Terms = Terms{&sameLabel, &p, &distance, &entropy, &guarded}
	return o
}

func TestTables(t *testing.T) {
	groups := []Group{
		{"plain", []Outcome{outcome(0, 0.90, 0.8), outcome(1, 0.91, 0.8)}},
		{"better", []Outcome{withTerms(outcome(0, 0.92, 0.8), 0.9), withTerms(outcome(1, 0.9301, 0.8), 0.8)}},
		{"not yet", nil},
	}
	var markdown, csv, runs strings.Builder
	for _, err := range []error{WriteMarkdown(&markdown, groups), WriteCSV(&csv, groups), WriteRuns(&runs, groups)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Join([]string{
		"| recipe | runs | top-1 % | k-NN top-1 % | NLL | calibration error | images/s | parameters | peak MB | top-1 against plain |",
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
		"| plain | 2 | 90.50 ± 6.35 | 80.00 ± 0.00 | 0.2500 ± 0.0000 | 0.0125 ± 0.0000 | 100 | 1234 | – | – |",
		"| better | 2 | 92.51 ± 6.42 | 80.00 ± 0.00 | 0.2500 ± 0.0000 | 0.0125 ± 0.0000 | 100 | 1234 | – | **+2.01 ± 0.06** |",
		"| not yet | 0 | – | – | – | – | – | – | – | – |",
		"",
		"| CoNe's terms, last epoch | same-label neighbours % | mean p | target's distance from one-hot | target's entropy, nats | left out by the guards % |",
		"| --- | ---: | ---: | ---: | ---: | ---: |",
		"| better | 85.0 ± 63.5 | 0.950 ± 0.000 | 0.100 ± 0.000 | 0.250 ± 0.000 | 12.5 ± 0.0 |",
		"",
	}, "\n")
	if got := markdown.String(); got != want {
		t.Errorf("Markdown:\n%s\nwant:\n%s", got, want)
	}
	lines := strings.Split(csv.String(), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[1], "plain,2,0.905,0.063531") || !strings.HasPrefix(lines[3], "not yet,0,,,") {
		t.Errorf("CSV:\n%s", csv.String())
	}
	if !strings.Contains(runs.String(), "\nbetter,1,0.9301,0.8,0.25,0.0125,100,1234,,0.8,0.95,0.1,0.25,0.125\n") {
		t.Errorf("runs:\n%s", runs.String())
	}
}
