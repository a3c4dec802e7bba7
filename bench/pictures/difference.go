package main

import (
	"bytes"
	"math"
)

// difference is how far pictures decoded at smaller scales lie from the exact
// ones, over all values of all pictures after the training transform.
type difference struct {
	Pictures int `json:"pictures"`
	// Changed are the pictures with any other value.
	Changed int `json:"changed"`
	// Mean and Max are the mean absolute and the largest difference of values
	// 0…255; PSNR is the peak signal-to-noise ratio in decibels, 0 where nothing
	// differs.
	Mean float64 `json:"mean"`
	Max  int     `json:"max"`
	PSNR float64 `json:"psnr"`
	// ChangedMean and ChangedPSNR are those of changed pictures alone.
	ChangedMean float64 `json:"changed_mean"`
	ChangedPSNR float64 `json:"changed_psnr"`
}

// measureDifference prepares every file both ways, from the same draws.
func measureDifference(files [][]byte) (d difference, err error) {
	scaled, err := newPreparation(steps(false), false)
	if err != nil {
		return d, err
	}
	defer scaled.close()
	exact, err := newPreparation(steps(false), true)
	if err != nil {
		return d, err
	}
	defer exact.close()
	var sum, square float64
	for i, content := range files {
		for _, p := range []*preparation{scaled, exact} {
			if err := p.one(content, 0, i); err != nil {
				return d, err
			}
		}
		a, b := scaled.slot(i), exact.slot(i)
		if !bytes.Equal(a, b) {
			d.Changed++
		}
		for at, v := range a {
			delta := int(v) - int(b[at])
			d.Max = max(d.Max, delta, -delta)
			sum += math.Abs(float64(delta))
			square += float64(delta * delta)
		}
	}
	d.Pictures = len(files)
	values := float64(len(scaled.slot(0)))
	ratio := func(pictures int) (mean, psnr float64) {
		if square == 0 {
			return 0, 0
		}
		n := values * float64(pictures)
		return sum / n, 10 * math.Log10(255*255*n/square)
	}
	d.Mean, d.PSNR = ratio(d.Pictures)
	d.ChangedMean, d.ChangedPSNR = ratio(d.Changed)
	return d, nil
}
