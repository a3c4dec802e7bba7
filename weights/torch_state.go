package weights

import (
	"errors"
	"fmt"
	"strings"

	"cone/weights/pickle"
)

// networkKeys lead to the network where the top of a file is not it, the first
// one first.
var networkKeys = []string{"state_dict", "model", "model_state_dict", "module", "network", "net"}

// wrappers are what other modules put before every name of the one in them.
var wrappers = []string{"module.", "_orig_mod."}

// findState fills in the names and tensors of the network and the optimizer by
// the rule that Torch documents.
func (t *Torch) findState() error {
	root, ok := t.root.(*pickle.Dict)
	if !ok {
		return fmt.Errorf("its top is %s instead of a dict of tensors", pickle.Describe(t.root))
	}
	network := root
	for range 2 {
		if hasTensor(network) {
			break
		}
		for _, key := range networkKeys {
			if v, ok := network.Get(key); ok {
				if d, ok := v.(*pickle.Dict); ok {
					network = d
					break
				}
			}
		}
	}
	if !hasTensor(network) {
		return fmt.Errorf("no network was found in it: neither its top nor any of %s is a dict of tensors", strings.Join(networkKeys, ", "))
	}
	t.tensors = map[string]*torchTensor{}
	for i := range network.Len() {
		key, value := network.At(i)
		if v, ok := value.(*torchTensor); ok {
			name, ok := key.(string)
			if !ok {
				return errors.New("a tensor of its network has a number for a name")
			}
			t.names = append(t.names, name)
			t.tensors[name] = v
		}
	}
	t.unwrap()
	if v, ok := root.Get("optimizer"); ok && network != root {
		t.findOptimizer(v)
	}
	return nil
}

func hasTensor(d *pickle.Dict) bool {
	for i := range d.Len() {
		_, value := d.At(i)
		if _, ok := value.(*torchTensor); ok {
			return true
		}
	}
	return false
}

// unwrap takes off what every name begins with.
func (t *Torch) unwrap() {
	for range 2 * len(wrappers) {
		for _, w := range wrappers {
			if !allBegin(t.names, w) {
				continue
			}
			tensors := map[string]*torchTensor{}
			for i, name := range t.names {
				t.names[i] = name[len(w):]
				tensors[t.names[i]] = t.tensors[name]
			}
			t.tensors = tensors
		}
	}
}

func allBegin(names []string, prefix string) bool {
	for _, n := range names {
		if !strings.HasPrefix(n, prefix) || n == prefix {
			return false
		}
	}
	return true
}

// findOptimizer takes up torch.optim's {"state": {index: {key: tensor}},
// "param_groups": [{"params": [index, …]}]}; anything else is left alone.
func (t *Torch) findOptimizer(v any) {
	top, ok := v.(*pickle.Dict)
	if !ok {
		return
	}
	groups, _ := top.Get("param_groups")
	list, ok := groups.(*pickle.List)
	if !ok || len(list.Items) > maxGroups {
		return
	}
	for _, g := range list.Items {
		group, ok := g.(*pickle.Dict)
		if !ok {
			return
		}
		params, _ := group.Get("params")
		indices, ok := params.(*pickle.List)
		if !ok {
			return
		}
		out := []int64{}
		for _, i := range indices.Items {
			n, ok := i.(int64)
			if !ok {
				return
			}
			out = append(out, n)
		}
		t.groups = append(t.groups, out)
	}
	state, _ := top.Get("state")
	byIndex, ok := state.(*pickle.Dict)
	if !ok {
		return
	}
	for i := range byIndex.Len() {
		index, value := byIndex.At(i)
		number, ok := index.(int64)
		entries, ok2 := value.(*pickle.Dict)
		if !ok || !ok2 || entries.Len() > maxOptimizerKeys {
			continue
		}
		for j := range entries.Len() {
			key, value := entries.At(j)
			text, ok := key.(string)
			v, ok2 := value.(*torchTensor)
			if name := OptimizerName(number, text); ok && ok2 && t.tensors[name] == nil {
				t.tensors[name] = v
			}
		}
	}
}

// The bounds keep a file from naming one list or dict so often that what is
// taken up here outgrows it. torch's optimizers are far below them.
const (
	maxGroups        = 8
	maxOptimizerKeys = 8
)

// OptimizerName is the name of an optimizer's tensor: what torch.optim keeps
// under the key for the parameter of that index.
func OptimizerName(index int64, key string) string {
	return fmt.Sprintf("optimizer.state.%d.%s", index, key)
}
