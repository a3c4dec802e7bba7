package launch

import (
	"fmt"
	"hash/fnv"
)

const (
	nameOpenMPI = "OpenMPI's mpirun"
	nameHydra   = "mpiexec (PMI)"
)

// openMPI reads what OpenMPI's mpirun sets
// (https://docs.open-mpi.org/en/main/tuning-apps/environment-var.html).
func openMPI(e variables) (w World, found bool, err error) {
	if !e.has("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE") {
		return w, false, nil
	}
	w, err = e.place(nameOpenMPI, names{
		"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE",
	})
	if err != nil {
		return w, false, err
	}
	// The namespace is the job's number in OpenMPI 4 and 5.
	w.ofMPI(e["PMIX_NAMESPACE"], e["OMPI_MCA_ess_base_jobid"])
	return w, true, nil
}

// hydra reads what Hydra sets, the mpiexec of MPICH and Intel MPI
// (https://github.com/pmodels/mpich/blob/main/doc/wiki/how_to/Using_the_Hydra_Process_Manager.md),
// and srun with --mpi=pmi2.
func hydra(e variables) (w World, found bool, err error) {
	if !e.has("PMI_RANK") || !e.has("PMI_SIZE") {
		return w, false, nil
	}
	w, err = e.place(nameHydra, names{"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"})
	if err != nil {
		return w, false, err
	}
	// No variable is the same for all processes of a job and different for
	// another's.
	w.ofMPI()
	return w, true, nil
}

// ofMPI derives where to meet. MPI launchers do not tell rank 0's machine; where
// all processes are on this one, it needs no telling.
func (w *World) ofMPI(jobs ...string) {
	h := fnv.New64a()
	for _, job := range jobs {
		fmt.Fprintf(h, "%s\x00", job)
	}
	w.Port = derivedPort(h.Sum64())
	w.Job = fmt.Sprintf("mpi-%x", h.Sum64())
	if w.LocalSize == w.Size {
		w.Address = "127.0.0.1"
	}
}
