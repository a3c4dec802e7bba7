package corrupt

import "cone/picture"

var (
	gaussianDeviation = constants[float64]{
		{0.04, 0.06, 0.08, 0.09, 0.10},
		{0.04, 0.08, 0.12, 0.15, 0.18},
		{0.08, 0.12, 0.18, 0.26, 0.38},
	}
	// shotPhotons is how many photons a white pixel receives.
	shotPhotons = constants[float64]{
		{500, 250, 100, 75, 50},
		{250, 100, 50, 30, 15},
		{60, 25, 12, 5, 3},
	}
	impulseShare = constants[float64]{
		{0.01, 0.02, 0.03, 0.05, 0.07},
		{0.01, 0.02, 0.05, 0.08, 0.14},
		{0.03, 0.06, 0.09, 0.17, 0.27},
	}
	speckleDeviation = constants[float64]{
		{0.06, 0.1, 0.12, 0.16, 0.2},
		{0.15, 0.2, 0.25, 0.3, 0.35},
		{0.15, 0.2, 0.35, 0.45, 0.6},
	}
)

// gaussianNoise adds a normal number to every value.
func gaussianNoise(im *picture.Image, l level, d draws) error {
	f, deviation := fieldOf(im), gaussianDeviation.at(l)
	for i := range f.values {
		f.values[i] += deviation * d.Normal()
	}
	f.store(im)
	return nil
}

// shotNoise counts photons, as a sensor in the dark does.
func shotNoise(im *picture.Image, l level, d draws) error {
	f, photons := fieldOf(im), shotPhotons.at(l)
	for i, v := range f.values {
		f.values[i] = float64(d.Poisson(v*photons)) / photons
	}
	f.store(im)
	return nil
}

// impulseNoise makes a share of the values 0 or 1 (skimage's salt and pepper,
// which first draws which values change, then which become 1).
func impulseNoise(im *picture.Image, l level, d draws) error {
	f, share := fieldOf(im), impulseShare.at(l)
	changed := make([]bool, len(f.values))
	for i := range changed {
		changed[i] = d.Float64() <= share
	}
	for i, change := range changed {
		salt := d.Float64() <= 0.5
		switch {
		case change && salt:
			f.values[i] = 1
		case change:
			f.values[i] = 0
		}
	}
	f.store(im)
	return nil
}

// speckleNoise adds to every value a normal multiple of it.
func speckleNoise(im *picture.Image, l level, d draws) error {
	f, deviation := fieldOf(im), speckleDeviation.at(l)
	for i, v := range f.values {
		f.values[i] += v * (deviation * d.Normal())
	}
	f.store(im)
	return nil
}
