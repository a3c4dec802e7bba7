package launch

import "fmt"

const nameKubeflow = "Kubeflow's TrainJob (PET_*)"

// kubeflow reads what Kubeflow Trainer v2 sets in each pod for the torchrun
// that it expects there
// (https://www.kubeflow.org/docs/components/trainer/; PET_ is torchrun's own
// prefix for its options). cone does torchrun's part itself: it starts the
// machine's processes. In a process that torchrun or Local started the
// variables have done their work.
func kubeflow(e variables) (w World, found bool, err error) {
	if !e.has("PET_NNODES") || e.has("LOCAL_RANK") {
		return w, false, nil
	}
	w.Launcher = nameKubeflow
	if w.Nodes, err = e.number("PET_NNODES", nameKubeflow, 1); err != nil {
		return w, false, err
	}
	if w.Node, err = e.optional("PET_NODE_RANK", nameKubeflow, 0, 0); err != nil {
		return w, false, err
	}
	if w.Node >= w.Nodes {
		return w, false, fmt.Errorf("%s's PET_NODE_RANK is %d, but its PET_NNODES is %d: machines count from 0 to %d", nameKubeflow, w.Node, w.Nodes, w.Nodes-1)
	}
	switch e["PET_NPROC_PER_NODE"] {
	case "auto", "cpu", "gpu", "":
	default:
		if w.PerNode, err = e.number("PET_NPROC_PER_NODE", nameKubeflow, 1); err != nil {
			return w, false, err
		}
	}
	w.Address = e["PET_MASTER_ADDR"]
	if w.Port, err = e.optional("PET_MASTER_PORT", nameKubeflow, 1, 0); err != nil {
		return w, false, err
	}
	if w.Nodes == 1 && w.Address == "" {
		w.Address = "127.0.0.1"
	}
	w.Size = w.Nodes * max(1, w.PerNode)
	w.Rank = w.Node * max(1, w.PerNode)
	return w, true, nil
}
