package augment

import (
	"math"
	"testing"

	"cone/picture"
	"cone/recipe"
)

func TestRandomResizedCropDraws(t *testing.T) {
	const side = 5000
	c := &randomResizedCrop{RandomResizedCrop: recipe.RandomResizedCrop{Scale: []float64{0.08, 0.5}, Ratio: []float64{0.75, 4.0 / 3}}}
	part := func(s *Stream) picture.Rect { return c.draw(side, side, s) }
	cells(t, "area", 0.0799, 0.5001, func(s *Stream) float64 { p := part(s); return float64(p.Height*p.Width) / (side * side) })
	limit := math.Log(4.0/3) + 0.001
	cells(t, "logarithm of the aspect ratio", -limit, limit, func(s *Stream) float64 {
		p := part(s)
		return math.Log(float64(p.Width) / float64(p.Height))
	})
	cells(t, "row", 0, 1, func(s *Stream) float64 { p := part(s); return float64(p.Top) / float64(side-p.Height) })
	cells(t, "column", 0, 1, func(s *Stream) float64 { p := part(s); return float64(p.Left) / float64(side-p.Width) })
}

// TestThinPictures has no peer: torchvision asks for a part of no pixels here.
func TestThinPictures(t *testing.T) {
	c := &randomResizedCrop{RandomResizedCrop: recipe.RandomResizedCrop{Scale: []float64{1, 1}, Ratio: []float64{2, 3}}}
	if got := c.draw(7, 1, drawing(0)); got != (picture.Rect{Top: 3, Left: 0, Height: 1, Width: 1}) {
		t.Errorf("%+v of 7×1 pixels", got)
	}
}

func TestRandomErasingDraws(t *testing.T) {
	const side = 5000
	e := &randomErasing{RandomErasing: recipe.RandomErasing{Scale: []float64{0.02, 0.25}, Ratio: []float64{0.3, 3.3}}}
	part := func(s *Stream) picture.Rect {
		p, ok := e.draw(side, side, s)
		if !ok {
			t.Fatal("no rectangle was found")
		}
		return p
	}
	cells(t, "area", 0.0199, 0.2501, func(s *Stream) float64 { p := part(s); return float64(p.Height*p.Width) / (side * side) })
	cells(t, "logarithm of the aspect ratio", math.Log(0.2997), math.Log(3.303), func(s *Stream) float64 {
		p := part(s)
		return math.Log(float64(p.Height) / float64(p.Width))
	})
	cells(t, "row", 0, 1, func(s *Stream) float64 { p := part(s); return float64(p.Top) / float64(side-p.Height) })
	cells(t, "column", 0, 1, func(s *Stream) float64 { p := part(s); return float64(p.Left) / float64(side-p.Width) })
}

func TestColorJitterDraws(t *testing.T) {
	c := &colorJitter{ColorJitter: recipe.ColorJitter{Brightness: 0.4, Contrast: 0.3, Saturation: 1.5, Hue: 0.1}}
	orders, probabilities := map[[4]change]float64{}, map[[4]change]float64{}
	for i := range draws {
		var order [4]change
		for j, a := range c.draw(drawing(i)) {
			order[j] = a.change
		}
		orders[order]++
	}
	for i := range 256 {
		order := [4]change{change(i % 4), change(i / 4 % 4), change(i / 16 % 4), change(i / 64)}
		seen := map[change]bool{}
		for _, o := range order {
			seen[o] = true
		}
		if len(seen) == 4 {
			probabilities[order] = 1.0 / 24
		}
	}
	counted(t, "order", orders, probabilities)
	by := func(what change) func(s *Stream) float64 {
		return func(s *Stream) float64 {
			for _, a := range c.draw(s) {
				if a.change == what {
					return a.by
				}
			}
			t.Fatalf("change %d is missing", what)
			return 0
		}
	}
	cells(t, "brightness", 0.6, 1.4, by(changeBrightness))
	cells(t, "contrast", 0.7, 1.3, by(changeContrast))
	cells(t, "saturation", 0, 2.5, by(changeSaturation))
	cells(t, "hue", -0.1, 0.1, by(changeHue))
}

func TestAutoAugmentDraws(t *testing.T) {
	for name, policy := range autoAugmentPolicies {
		a := &autoAugment{policy: policy}
		var counts, probabilities [2]map[act]float64
		for i := range 2 {
			counts[i], probabilities[i] = map[act]float64{}, map[act]float64{}
		}
		for i := range draws {
			for j, drawn := range a.draw(300, 200, drawing(i)) {
				counts[j][drawn]++
			}
		}
		for _, pair := range policy {
			for j, s := range pair {
				probabilities[j][act{}] += (1 - s.probability) / 25
				for _, negative := range []bool{false, true} {
					if s.probability > 0 {
						drawn := act{s.operation, autoArgument(s.operation, s.bin, negative, 300, 200), picture.Nearest}
						probabilities[j][drawn] += s.probability / 50
					}
				}
			}
		}
		counted(t, name+", first", counts[0], probabilities[0])
		counted(t, name+", second", counts[1], probabilities[1])
	}
}

func TestTrivialAugmentWideDraws(t *testing.T) {
	counts, probabilities := map[act]float64{}, map[act]float64{}
	for i := range 4 * draws {
		counts[(&trivialAugmentWide{}).draw(drawing(i))]++
	}
	for _, o := range wideOperations {
		for bin := range wideBins {
			for _, negative := range []bool{false, true} {
				probabilities[act{o, wideArgument(o, bin, negative), picture.Nearest}] += 1.0 / (14 * 31 * 2)
			}
		}
	}
	counted(t, "operation and magnitude", counts, probabilities)
}

func TestRandAugmentDraws(t *testing.T) {
	r, err := randAugmentOf("rand-m7-n3-p0.7-inc1")
	if err != nil {
		t.Fatal(err)
	}
	operations, probabilities := map[operation]float64{}, map[operation]float64{identity: 0.3}
	filters, negative := map[int]float64{}, map[int]float64{}
	for i := range draws {
		for j, a := range r.draw(drawing(i)) {
			switch {
			case j >= 3:
				if a != (act{}) {
					t.Fatalf("more than 3 operations")
				}
				continue
			case a.operation == rotate && a.argument < 0:
				negative[1]++
			case a.operation == rotate:
				negative[0]++
			}
			operations[a.operation]++
			if a.operation != identity {
				filters[int(a.filter-picture.Bilinear)]++
			}
		}
	}
	for _, o := range randAugmentOperations {
		probabilities[o] = 0.7 / 15
	}
	counted(t, "operation", operations, probabilities)
	counted(t, "interpolation", filters, uniform(2))
	counted(t, "sign", negative, uniform(2))
}

func TestRandAugmentLevels(t *testing.T) {
	r, err := randAugmentOf("rand-m8-mstd101")
	if err != nil {
		t.Fatal(err)
	}
	cells(t, "uniform level", 0, 8, r.level)
	if r, err = randAugmentOf("rand-m9-mstd1.5"); err != nil {
		t.Fatal(err)
	}
	// Those above 10 become 10.
	below := func(x float64) float64 { return 0.5 * math.Erfc(-(x-9)/1.5/math.Sqrt2) }
	counts, probabilities := map[int]float64{}, map[int]float64{}
	for i := range draws {
		level := r.level(drawing(i))
		if level < 0 || level > 10 {
			t.Fatalf("level %v", level)
		}
		counts[max(int(level), 4)]++
	}
	for c := 4; c < 10; c++ {
		probabilities[c] = below(float64(c+1)) - below(float64(c))
	}
	probabilities[4], probabilities[10] = below(5), 1-below(10)
	counted(t, "normal level", counts, probabilities)
}

func TestCutMixParts(t *testing.T) {
	size := picture.Size{Height: 9, Width: 12, Channels: 3}
	counts, probabilities := map[picture.Rect]float64{}, map[picture.Rect]float64{}
	for i := range draws {
		counts[cutMixPart(size, 0.4, drawing(i))]++
	}
	for y := range 9 { // 3 rows and 4 columns
		for x := range 12 {
			top, left := max(y-1, 0), max(x-2, 0)
			probabilities[picture.Rect{Top: top, Left: left, Height: min(y+2, 9) - top, Width: min(x+2, 12) - left}] += 1.0 / 108
		}
	}
	counted(t, "part", counts, probabilities)
}

func TestMixChooses(t *testing.T) {
	m := &Mixer{recipe.Mix{MixupAlpha: 0.3, CutMixAlpha: 1, SwitchProbability: 0.3, Probability: 0.6, Mode: "batch"}}
	size := picture.Size{Height: 1000, Width: 1000, Channels: 3}
	counts := map[string]float64{}
	for i := range draws {
		switch b := m.draw(size, drawing(i)); {
		case b.cut:
			counts["cutmix"]++
		case b.share == 1:
			counts["neither"]++
		default:
			counts["mixup"]++
		}
	}
	counted(t, "choice", counts, map[string]float64{"neither": 0.4, "mixup": 0.6 * 0.7, "cutmix": 0.6 * 0.3})
}

// TestProbabilities counts the pictures that a step changes.
func TestProbabilities(t *testing.T) {
	size := picture.Size{Height: 12, Width: 15, Channels: 3}
	before := synthetic(size)
	for _, step := range []string{
		"horizontal_flip: {probability: 0.3}",
		"vertical_flip: {probability: 0.3}",
		"color_jitter: {probability: 0.3}",
		"random_grey: {probability: 0.3}",
		"gaussian_blur: {probability: 0.3, sigma: [1, 2]}",
		"random_erasing: {probability: 0.3, scale: [0.1, 0.2], ratio: [1, 1]}",
	} {
		transform := compile(t, size, steps(t, step)...)
		counts, scratch, dst := map[bool]float64{}, transform.Scratch(), make([]byte, size.Bytes())
		for i := range draws / 10 {
			if err := transform.Apply(dst, before, Key{Seed: 4, Index: i}, scratch); err != nil {
				t.Fatal(err)
			}
			counts[string(dst) != string(before.Pixels)]++
		}
		counted(t, step, counts, map[bool]float64{true: 0.3, false: 0.7})
	}
}
