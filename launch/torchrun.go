package launch

import "fmt"

const (
	nameTorchrun = "torchrun"
	nameLocal    = "cone train --procs"
	namePlain    = "the environment (RANK and WORLD_SIZE)"
)

// torchNames are torchrun's (https://pytorch.org/docs/stable/elastic/run.html).
var torchNames = names{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"}

// torchrun reads what PyTorch's launcher sets.
func torchrun(e variables) (w World, found bool, err error) {
	if !e.has("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT") {
		return w, false, nil
	}
	if w, err = e.place(nameTorchrun, torchNames); err != nil {
		return w, false, err
	}
	if w.Restarts, err = e.optional("TORCHELASTIC_RESTART_COUNT", nameTorchrun, 0, 0); err != nil {
		return w, false, err
	}
	w.AgentStore = e["TORCHELASTIC_USE_AGENT_STORE"] == "True"
	w.ErrorFile = e["TORCHELASTIC_ERROR_FILE"]
	w.Job = fmt.Sprintf("%s/%d", e["TORCHELASTIC_RUN_ID"], w.Restarts)
	return w, true, nil
}

// plain reads RANK and WORLD_SIZE alone, which PyTorchJob (Kubeflow's training
// operator, v1) sets for each pod, and people by hand.
func plain(e variables) (w World, found bool, err error) {
	if e.has("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT") || e.has("PET_NNODES") && !e.has("LOCAL_RANK") {
		return w, false, nil
	}
	if !e.has("RANK", "WORLD_SIZE") {
		return w, false, nil
	}
	w, err = e.place(namePlain, torchNames)
	return w, err == nil, err
}

// IsLocal says whether Local started this process.
func IsLocal(w World) bool { return w.Launcher == nameLocal }

// local reads what Local sets. Whatever started cone itself is out of the game.
func local(e variables) (w World, found bool, err error) {
	if !e.has(localMark) {
		return w, false, nil
	}
	if w, err = e.place(nameLocal, torchNames); err != nil {
		return w, false, err
	}
	w.Restarts, err = e.optional(localRestarts, nameLocal, 0, 0)
	w.Job = e[localMark]
	return w, err == nil, err
}
