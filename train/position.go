package train

// position is where a run stands, exact to the batch. It travels in the
// checkpoints.
type position struct {
	// Epoch counts from 0; Batch is how many of its batches are done.
	Epoch int `json:"epoch"`
	Batch int `json:"batch"`
	// Step is how many optimizer steps are done.
	Step int `json:"step"`
	// Sums of the epoch's losses by name, over Batch batches (all of them
	// between the epoch's last step and the start of the next).
	Sums  map[string]float64 `json:"sums"`
	Count int                `json:"count"`
	// Figures are sums of the epoch's diagnostics by name, as Sums.
	Figures map[string]float64 `json:"figures,omitempty"`
	// Best is the highest top-1 so far, at the end of BestEpoch (from 1).
	Best      float64 `json:"best"`
	BestEpoch int     `json:"best_epoch"`
}

// advance counts a finished step with its losses and figures.
func (p *position) advance(losses, figures map[string]float64, perEpoch int) {
	p.Sums, p.Figures = addTo(p.Sums, losses), addTo(p.Figures, figures)
	p.Count++
	p.Step++
	p.Batch++
	if p.Batch == perEpoch {
		p.Epoch, p.Batch = p.Epoch+1, 0
	}
}

func addTo(sums, values map[string]float64) map[string]float64 {
	if sums == nil && len(values) > 0 {
		sums = map[string]float64{}
	}
	for name, v := range values {
		sums[name] += v
	}
	return sums
}

// means are the epoch's losses or figures.
func (p *position) means(sums map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, sum := range sums {
		out[name] = sum / float64(p.Count)
	}
	return out
}

// startEpoch forgets the sums of the epoch before.
func (p *position) startEpoch() { p.Sums, p.Figures, p.Count = nil, nil, 0 }

// atEpochEnd says whether the last step ended an epoch that is not closed yet.
func (p *position) atEpochEnd() bool { return p.Batch == 0 && p.Count > 0 }

// shownEpoch counts from 1 and is the epoch of the last finished step.
func (p *position) shownEpoch() int {
	if p.Batch == 0 && p.Count > 0 {
		return p.Epoch
	}
	return p.Epoch + 1
}

// shownBatch is the number of the last finished batch in shownEpoch.
func (p *position) shownBatch(perEpoch int) int {
	if p.Batch == 0 && p.Count > 0 {
		return perEpoch
	}
	return p.Batch
}
