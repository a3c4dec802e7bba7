// Package dialect knows under which names other programs keep what our
// checkpoints hold, and says, before anything is read, which tensor of a file
// goes where and what does not fit.
//
// Our names are those of the authors' checkpoints: encoder_q.net.…,
// encoder_q.head.head.…, encoder_q.fc.…, the same under encoder_k. The bank is
// bank.…, the optimizer optimizer.momentum.NAME.
package dialect

import (
	"fmt"
	"slices"
	"strings"

	"cone/weights"
)

// Dialect is a way of naming an encoder's tensors.
type Dialect string

const (
	// Cone is a checkpoint of this program.
	Cone Dialect = "a checkpoint of cone"
	// Authors is a checkpoint of CoNe's authors: encoder_q.…, encoder_k.…,
	// queue (D×K), queue_ptr (1), queue_label (K), queue_label_prob (C×K).
	Authors Dialect = "a checkpoint of CoNe's authors"
	// Encoder is one encoder: net.…, head.head.…, fc.….
	Encoder Dialect = "an encoder of cone"
	// Network is a network of torchvision or timm: conv1.…, features.…, blocks.…,
	// and a classifier of its own name, which looks at the backbone's features.
	Network Dialect = "a network of torchvision or timm"
)

// Prefixes of our names.
const (
	Query    = "encoder_q."
	Key      = "encoder_k."
	Momentum = "optimizer.momentum."
)

// The bank's names.
const (
	BankEmbedding   = "bank.embedding"   // K×D
	BankProbability = "bank.probability" // K×C
	BankLabel       = "bank.label"       // K
	BankImage       = "bank.image"       // K
	BankPosition    = "bank.position"    // scalar
)

// formatKey marks our own checkpoints.
const formatKey = "cone.format"

// Detect tells the dialect of a file by its names.
func Detect(s weights.Source) (Dialect, error) {
	if _, ok := s.Metadata()[formatKey]; ok {
		return Cone, nil
	}
	for _, known := range []struct {
		name    string
		dialect Dialect
	}{
		{Query + "net.", Authors}, {"net.", Encoder},
		{"conv1.weight", Network},      // ResNets and their kin
		{"conv1.0.weight", Network},    // ResNet-D
		{"features.", Network},         // MobileNetV2, ConvNeXt, Swin as torchvision has them
		{"patch_embed.proj.", Network}, // ViT as timm has it
	} {
		if slices.ContainsFunc(s.Names(), func(name string) bool { return strings.HasPrefix(name, known.name) }) {
			return known.dialect, nil
		}
	}
	names := s.Names()
	shown := names[:min(len(names), 4)]
	return "", fmt.Errorf("its %d tensors (%s, …) have the names of no known network: networks of torchvision and timm (see cone model list), encoders of cone and checkpoints of CoNe's authors are read",
		len(names), clipAll(shown))
}

// clipAll shows names from a file on one readable line.
func clipAll(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n[:min(len(n), 60)])
	}
	return strings.Join(out, ", ")
}

// parameters numbers what learns in the authors' model, as torch.optim does:
// in the order of the file, both encoders.
func parameters(s weights.Source) map[string]int64 {
	out := map[string]int64{}
	for _, name := range s.Names() {
		if (strings.HasPrefix(name, Query) || strings.HasPrefix(name, Key)) && !buffer(name) {
			out[name] = int64(len(out))
		}
	}
	return out
}

// buffer says whether a name is that of running statistics.
func buffer(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last == "running_mean" || last == "running_var" || last == counter
}

// counter is the one tensor that old files lack and that may stay as it is.
const counter = "num_batches_tracked"
