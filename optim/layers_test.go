package optim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayersEqualTimms: the same layer for every parameter of a ResNet with
// either block, a ViT, a ConvNeXt and a Swin.
func TestLayersEqualTimms(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "layers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known map[string][][2]any
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	if len(known) != 5 {
		t.Errorf("%d networks", len(known))
	}
	for network, parameters := range known {
		var names []string
		for _, p := range parameters {
			name := p[0].(string)
			if !strings.HasPrefix(name, "fc.") && !strings.HasPrefix(name, "head.") {
				name = "net." + name
			}
			names = append(names, name)
		}
		layers, last := layersOf(names)
		if want := parameters[len(parameters)-1][1].(float64); float64(last) != want {
			t.Errorf("%s has %d layers, want %v", network, last, want)
		}
		for i, p := range parameters {
			if want := p[1].(float64); float64(layers[i]) != want {
				t.Errorf("%s: %s is in layer %d, want %v", network, names[i], layers[i], want)
			}
		}
	}
}

// TestLayersUnderTorchvisionsNames, which timm does not know.
func TestLayersUnderTorchvisionsNames(t *testing.T) {
	for network, parameters := range map[string]string{
		"ResNet-D":    "net.conv1.0.weight 0, net.conv1.1.weight 0, net.bn1.weight 0, net.layer1.0.conv1.weight 1, net.layer1.0.downsample.1.weight 1, net.layer2.0.conv1.weight 2, fc.weight 3",
		"WRN":         "net.conv1.weight 0, net.block1.layer.0.bn1.weight 1, net.block1.layer.1.bn1.weight 2, net.block2.layer.0.bn1.weight 3, net.bn1.weight 3, fc.weight 4",
		"MobileNetV2": "net.features.0.0.weight 0, net.features.0.1.bias 0, net.features.1.conv.0.0.weight 1, net.features.1.conv.1.weight 1, net.features.2.conv.0.0.weight 2, net.features.3.0.weight 2, head.head.0.weight 3, fc.bias 3",
		"ConvNeXt":    "net.features.0.0.weight 0, net.features.0.1.weight 0, net.features.1.0.layer_scale 1, net.features.1.0.block.0.weight 1, net.features.1.1.layer_scale 2, net.features.2.0.weight 3, net.features.2.1.weight 3, net.features.3.0.layer_scale 3, net.features.3.0.block.0.weight 3, fc.weight 4",
		"Swin":        "net.features.0.0.weight 0, net.features.0.2.bias 0, net.features.1.0.norm1.weight 1, net.features.1.0.attn.qkv.weight 1, net.features.1.0.mlp.0.weight 1, net.features.2.reduction.weight 2, net.features.2.norm.weight 2, net.features.3.0.norm1.weight 2, net.norm.weight 2, fc.weight 3",
		"ViT":         "net.class_token 0, net.conv_proj.weight 0, net.encoder.pos_embedding 0, net.encoder.layers.encoder_layer_0.ln_1.weight 1, net.encoder.layers.encoder_layer_0.mlp.0.weight 1, net.encoder.layers.encoder_layer_1.ln_1.weight 2, net.encoder.ln.weight 2, fc.weight 3",
		"no blocks":   "net.conv.weight 0, fc.weight 1",
	} {
		var names, want []string
		for _, p := range strings.Split(parameters, ", ") {
			name, layer, _ := strings.Cut(p, " ")
			names, want = append(names, name), append(want, layer)
		}
		layers, _ := layersOf(names)
		for i := range names {
			if fmt.Sprint(layers[i]) != want[i] {
				t.Errorf("%s: %s is in layer %d, want %s", network, names[i], layers[i], want[i])
			}
		}
	}
}

func TestWhatIsNotDecayed(t *testing.T) {
	for name, want := range map[string]bool{
		"net.conv1.weight 4": false, "net.bn1.weight 1": true, "fc.bias 1": true, "fc.weight 2": false,
		"net.class_token 3": true, "net.encoder.pos_embedding 3": true, "net.pos_embed 3": true,
		"net.features.1.0.attn.relative_position_bias_table 2": true, "net.features.1.0.layer_scale 3": true,
	} {
		var parameter string
		var dimensions int
		fmt.Sscan(name, &parameter, &dimensions)
		if got := isNormOrBias(parameter, dimensions); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
