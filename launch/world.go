// Package launch finds out, from the variables that launchers leave to the
// processes they start, which of how many processes this one is, and starts the
// processes of one machine where no launcher does. It knows nothing of what the
// processes do.
package launch

import (
	"fmt"
	"strings"
)

// World says which of how many processes this one is.
type World struct {
	// Launcher is the name of the program that said so, for people; empty
	// where nothing did, and the process is alone.
	Launcher string
	// Rank counts from 0 over all machines, Size is how many processes there
	// are; LocalRank and LocalSize are the same on this machine. LocalSize is
	// 0 where the launcher does not tell.
	Rank, Size           int
	LocalRank, LocalSize int
	// Address and Port are where rank 0 can be reached. With AgentStore the
	// launcher itself answers there.
	Address    string
	Port       int
	AgentStore bool
	// Job tells jobs and their restarts apart that meet at one address.
	Job string
	// Restarts is how often the launcher has started the job anew.
	Restarts int
	// ErrorFile is where the launcher looks for why a process failed, or "".
	ErrorFile string
	// Nodes, where above 0, says that the launcher started one process on each
	// of so many machines and left it to us to start PerNode on each; Node is
	// this machine's number. PerNode 0 means as many as the machine is fit for.
	Nodes, Node, PerNode int
	// CPUs is how many cores the launcher gave the process, 0 if it does not tell.
	CPUs int
}

// Distributed says whether there are other processes.
func (w World) Distributed() bool { return w.Size > 1 }

// FansOut says whether this process must start the real ones.
func (w World) FansOut() bool { return w.Nodes > 0 }

// Detect reads the variables, given as NAME=VALUE, of torchrun, Slurm's srun,
// mpirun of OpenMPI, mpiexec of MPICH and Intel MPI, Kubeflow's TrainJob and
// PyTorchJob, and of Local. An error is one sentence that names the launcher
// and its variable. MASTER_ADDR and MASTER_PORT overrule what is derived.
func Detect(environ []string) (World, error) {
	e := parse(environ)
	if w, ok, err := local(e); ok || err != nil {
		if err != nil || !w.Distributed() {
			return w, err
		}
		return w.reachable(e)
	}
	var found []World
	for _, launcher := range []func(variables) (World, bool, error){torchrun, openMPI, hydra, slurm, kubeflow, plain} {
		w, ok, err := launcher(e)
		if err != nil {
			return World{}, err
		}
		if ok {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return World{Size: 1, LocalSize: 1}, nil
	}
	w := found[0]
	for _, other := range found[1:] {
		if err := agree(e, w, other); err != nil {
			return World{}, err
		}
	}
	if !w.Distributed() && !w.FansOut() {
		w.Address, w.Port, w.AgentStore = "", 0, false
		return w, nil
	}
	return w.reachable(e)
}

// agree refuses two launchers that contradict each other. The first is the one
// to be followed, the other one may have started it.
func agree(e variables, w, other World) error {
	// Slurm's daemons carry Slurm's variables to the processes of mpirun and
	// mpiexec: one task for each machine, or none.
	if other.Launcher == nameSlurm && (w.Launcher == nameOpenMPI || w.Launcher == nameHydra) {
		return nil
	}
	if w.Launcher == nameTorchrun {
		agents, err := e.number("GROUP_WORLD_SIZE", nameTorchrun, 1)
		if err != nil || agents == other.Size {
			return err // one torchrun in each of the other's tasks
		}
	}
	if w.Rank == other.Rank && w.Size == other.Size {
		return nil
	}
	return fmt.Errorf("%s says that this process is rank %d of %d, but %s says rank %d of %d: start cone with one of them, or with one torchrun for each task of the other",
		w.Launcher, w.Rank, w.Size, other.Launcher, other.Rank, other.Size)
}

// reachable fills in and checks where rank 0 can be reached.
func (w World) reachable(e variables) (World, error) {
	if address := e["MASTER_ADDR"]; address != "" {
		w.Address = address
	}
	if _, set := e["MASTER_PORT"]; set {
		port, err := e.number("MASTER_PORT", w.Launcher, 1)
		if err != nil {
			return w, err
		}
		w.Port = port
	}
	switch {
	case w.Address == "":
		return w, fmt.Errorf("%s does not say where rank 0 runs: set MASTER_ADDR to the name or address of its machine, the same for every process", w.Launcher)
	case strings.ContainsAny(w.Address, " \t\n/"):
		return w, fmt.Errorf("MASTER_ADDR is %q, which is no machine's name or address: set it to that of rank 0's machine", w.Address)
	case w.Port == 0:
		return w, fmt.Errorf("%s does not say at which port rank 0 listens: set MASTER_PORT to a free one from 1024 to 65535, the same for every process", w.Launcher)
	case w.Port > 65535:
		return w, fmt.Errorf("MASTER_PORT is %d, but ports go up to 65535: choose one from 1024", w.Port)
	}
	return w, nil
}

// derivedPort is the port of a job whose launcher names none: below the ports
// that Linux gives out by itself (from 32768), and seldom the same for two jobs.
func derivedPort(job uint64) int { return 20000 + int(job%10000) }
