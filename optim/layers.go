package optim

import (
	"math"
	"regexp"
	"strings"

	"cone/nn"
)

// notDecayed are tensors of several dimensions that act as biases or scales:
// the embeddings of ViT and Swin, and ConvNeXt's layer scale.
var notDecayed = []string{
	"pos_embed", "cls_token", "class_token", "relative_position_bias_table", "layer_scale",
}

// isNormOrBias says whether a parameter is usually spared from weight decay:
// it has one dimension, or a name of notDecayed.
func isNormOrBias(name string, dimensions int) bool {
	if dimensions < 2 {
		return true
	}
	for _, part := range notDecayed {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// layerShares gives each parameter its share of the learning rate under
// layer-wise decay, as BEiT (Bao et al. 2021, https://arxiv.org/abs/2106.08254,
// Appendix) and timm: decay^(L − l) for layer l of 0 … L.
func layerShares(tree *nn.Tree, decay float64) map[string]float64 {
	shares := map[string]float64{}
	parameters := tree.Parameters()
	if decay == 0 || decay == 1 {
		for _, p := range parameters {
			shares[p.Name] = 1
		}
		return shares
	}
	names := make([]string, len(parameters))
	for i, p := range parameters {
		names[i] = p.Name
	}
	layers, last := layersOf(names)
	for i, name := range names {
		shares[name] = math.Pow(decay, float64(last-layers[i]))
	}
	return shares
}

// block finds what one residual or transformer block holds, under torchvision's
// and timm's names.
var block = regexp.MustCompile(`^net\.(?:` + strings.Join([]string{
	`layer\d+\.\d+`,                                           // ResNet, ResNeXt
	`block\d+\.(?:layer\.)?\d+`,                               // Wide ResNet for small images
	`encoder\.layers\.encoder_layer_\d+`,                      // torchvision's ViT
	`blocks\.\d+`,                                             // timm's ViT
	`(?:stages|layers)\.\d+\.blocks\.\d+`,                     // timm's ConvNeXt and Swin
	`features\.\d+(?:\.conv)`,                                 // MobileNetV2
	`features\.\d+\.\d+\.(?:block|layer_scale|attn|mlp|norm)`, // torchvision's ConvNeXt and Swin
}, "|") + `)`)

// layersOf numbers the layers of an encoder from its parameters' names, which
// come from the input to the output: 0 is all before the first block, then
// each block is a layer, then comes what is outside the backbone (projection
// head and classifier), layer `last`. A down-sampling between two blocks
// belongs to the block after it, a norm behind the last block to that block.
func layersOf(names []string) (layers []int, last int) {
	layers = make([]int, len(names))
	blocks, current := 0, ""
	var between []int
	for i, name := range names {
		if !strings.HasPrefix(name, "net.") {
			layers[i] = -1
			continue
		}
		found := blockName(name)
		switch {
		case found == "":
			between = append(between, i)
		case found != current:
			current = found
			if blocks > 0 {
				assign(layers, between, blocks+1)
			}
			blocks++
			between = nil
			layers[i] = blocks
		default:
			// Inside a block nothing lies between.
			assign(layers, between, blocks)
			between = nil
			layers[i] = blocks
		}
	}
	assign(layers, between, blocks)
	last = blocks + 1
	for i := range layers {
		if layers[i] < 0 {
			layers[i] = last
		}
	}
	return layers, last
}

func assign(layers, places []int, layer int) {
	for _, i := range places {
		layers[i] = layer
	}
}

// blockName is what the names of a block's parameters begin with, or "".
func blockName(name string) string {
	found := block.FindString(name)
	// Of "features.1.0.attn" the block is "features.1.0".
	for _, part := range []string{".conv", ".block", ".layer_scale", ".attn", ".mlp", ".norm"} {
		found = strings.TrimSuffix(found, part)
	}
	return found
}
