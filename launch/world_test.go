package launch

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// slurmTask is what srun gave to one of four tasks on two machines.
var slurmTask = []string{
	"SLURM_JOB_ID=4711", "SLURM_STEP_ID=0", "SLURM_PROCID=2", "SLURM_LOCALID=0", "SLURM_NTASKS=4", "SLURM_STEP_NUM_TASKS=4",
	"SLURM_JOB_NODELIST=node[01-03,7]", "SLURM_CPUS_PER_TASK=8",
}

// torchrunWorker is what torchrun gave to the second of its two.
var torchrunWorker = []string{
	"RANK=1", "WORLD_SIZE=2", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "GROUP_RANK=0", "GROUP_WORLD_SIZE=1",
	"MASTER_ADDR=127.0.0.1", "MASTER_PORT=29500", "TORCHELASTIC_RUN_ID=none", "TORCHELASTIC_RESTART_COUNT=2",
	"TORCHELASTIC_USE_AGENT_STORE=True", "TORCHELASTIC_ERROR_FILE=there/error.json", "OMP_NUM_THREADS=1",
}

var openMPITask = []string{
	"OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_RANK=3", "OMPI_COMM_WORLD_LOCAL_SIZE=4", "PMIX_NAMESPACE=815",
}

func with(environ []string, more ...string) []string { return append(slices.Clone(environ), more...) }

func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}

func TestDetect(t *testing.T) {
	alone := World{Size: 1, LocalSize: 1}
	slurmPort := derivedPort(4711 * 31)
	torchrunWorld := World{
		Launcher: nameTorchrun, Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Address: "127.0.0.1", Port: 29500,
		AgentStore: true, Job: "none/2", Restarts: 2, ErrorFile: "there/error.json",
	}
	mpi := World{Launcher: nameOpenMPI}
	mpi.ofMPI("815", "")
	mpi.Rank, mpi.Size, mpi.LocalRank, mpi.LocalSize, mpi.Address = 3, 4, 3, 4, "127.0.0.1"
	hydraWorld := World{Launcher: nameHydra}
	hydraWorld.ofMPI()
	hydraWorld.Rank, hydraWorld.Size, hydraWorld.LocalRank, hydraWorld.LocalSize, hydraWorld.Address = 1, 2, 1, 2, "127.0.0.1"
	slurmWorld := World{Launcher: nameSlurm, Rank: 2, Size: 4, Address: "node01", Port: slurmPort, Job: "4711.0/0", CPUs: 8}
	pod := []string{"PET_NNODES=2", "PET_NPROC_PER_NODE=4", "PET_NODE_RANK=1", "PET_MASTER_ADDR=job-node-0-0.job", "PET_MASTER_PORT=29400"}
	podWorld := World{Launcher: nameKubeflow, Rank: 4, Size: 8, Address: "job-node-0-0.job", Port: 29400, Nodes: 2, Node: 1, PerNode: 4}
	auto, one := podWorld, podWorld
	auto.Rank, auto.Size, auto.PerNode = 1, 2, 0
	one.Rank, one.Size, one.Nodes, one.Node, one.Address, one.Port = 0, 4, 1, 0, "127.0.0.1", 29400
	elsewhere, requeued := slurmWorld, slurmWorld
	elsewhere.Address, elsewhere.Port = "10.0.0.9", 1234
	requeued.Restarts, requeued.Job = 3, "4711.0/3"

	for _, c := range []struct {
		name    string
		environ []string
		want    World
	}{
		{"no launcher", []string{"PATH=/bin", "HOME=/", "OMP_NUM_THREADS=3"}, alone},
		{"torchrun", torchrunWorker, torchrunWorld},
		{"torchrun's own store is rank 0's", without(torchrunWorker, "TORCHELASTIC_USE_AGENT_STORE"), func() World { w := torchrunWorld; w.AgentStore = false; return w }()},
		{"srun", slurmTask, slurmWorld},
		{"srun, the size from the job", without(slurmTask, "SLURM_STEP_NUM_TASKS"), slurmWorld},
		{"srun, the user's address", with(slurmTask, "MASTER_ADDR=10.0.0.9", "MASTER_PORT=1234"), elsewhere},
		{"srun, requeued", with(slurmTask, "SLURM_RESTART_COUNT=3"), requeued},
		{"srun of one task", []string{"SLURM_JOB_ID=5", "SLURM_STEP_ID=1", "SLURM_PROCID=0", "SLURM_NTASKS=1", "SLURM_LOCALID=0"}, World{Launcher: nameSlurm, Size: 1, Job: "5.1/0"}},
		{"a shell of salloc", without(slurmTask, "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS"), alone},
		{"a script of sbatch", without(slurmTask, "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS"), alone},
		{"salloc's interactive step", with(without(slurmTask, "SLURM_STEP_ID"), "SLURM_STEP_ID=4294967290"), alone},
		{"the batch step", with(without(slurmTask, "SLURM_STEP_ID"), "SLURM_STEP_ID=4294967291"), alone},
		{"mpirun", openMPITask, mpi},
		{"mpirun inside Slurm, whose daemons are tasks", with(openMPITask, slurmTask...), mpi},
		{"mpiexec", []string{"PMI_RANK=1", "PMI_SIZE=2", "MPI_LOCALRANKID=1", "MPI_LOCALNRANKS=2"}, hydraWorld},
		{"one torchrun in each of Slurm's two tasks", with(with(without(torchrunWorker, "GROUP_WORLD_SIZE"), "GROUP_WORLD_SIZE=2"),
			"SLURM_JOB_ID=5", "SLURM_STEP_ID=1", "SLURM_PROCID=0", "SLURM_NTASKS=2", "SLURM_LOCALID=0", "SLURM_JOB_NODELIST=a,b"), torchrunWorld},
		{"TrainJob", pod, podWorld},
		{"TrainJob, auto", with(without(pod, "PET_NPROC_PER_NODE"), "PET_NPROC_PER_NODE=auto"), auto},
		{"TrainJob of one pod", []string{"PET_NNODES=1", "PET_NPROC_PER_NODE=4", "PET_MASTER_PORT=29400"}, one},
		{"torchrun in a TrainJob", with(torchrunWorker, pod...), torchrunWorld},
		{"PyTorchJob v1", []string{"RANK=1", "WORLD_SIZE=3", "MASTER_ADDR=job-master-0", "MASTER_PORT=23456"},
			World{Launcher: namePlain, Rank: 1, Size: 3, Address: "job-master-0", Port: 23456}},
		{"cone train --procs in srun's one task", with([]string{"SLURM_JOB_ID=5", "SLURM_STEP_ID=1", "SLURM_PROCID=0", "SLURM_NTASKS=1"},
			"RANK=1", "WORLD_SIZE=2", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=4000", localMark+"=j", localRestarts+"=1"),
			World{Launcher: nameLocal, Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Address: "127.0.0.1", Port: 4000, Job: "j", Restarts: 1}},
	} {
		got, err := Detect(c.environ)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}

func TestDetectRefuses(t *testing.T) {
	change := func(environ []string, entry string) []string {
		name, _, _ := strings.Cut(entry, "=")
		return with(without(environ, name), entry)
	}
	for _, c := range []struct {
		name    string
		environ []string
		want    string
	}{
		{"a rank that is no number", change(torchrunWorker, "RANK=one"), `torchrun's RANK is "one"`},
		{"a negative rank", change(torchrunWorker, "RANK=-1"), `RANK is "-1"`},
		{"a rank beyond the size", change(torchrunWorker, "RANK=2"), `RANK is 2, but its WORLD_SIZE is 2`},
		{"no size", without(torchrunWorker, "WORLD_SIZE"), `torchrun did not set WORLD_SIZE`},
		{"a size of 0", change(torchrunWorker, "WORLD_SIZE=0"), `WORLD_SIZE is "0"`},
		{"an absurd size", change(torchrunWorker, "WORLD_SIZE=99999999999"), `WORLD_SIZE is "99999999999"`},
		{"a local rank beyond", change(torchrunWorker, "LOCAL_RANK=2"), `LOCAL_RANK is 2, but its LOCAL_WORLD_SIZE is 2`},
		{"more here than anywhere", change(torchrunWorker, "LOCAL_WORLD_SIZE=3"), `LOCAL_WORLD_SIZE is 3, but its WORLD_SIZE is only 2`},
		{"no restarts", change(torchrunWorker, "TORCHELASTIC_RESTART_COUNT=x"), `TORCHELASTIC_RESTART_COUNT is "x"`},
		{"no address", without(torchrunWorker, "MASTER_ADDR"), `MASTER_ADDR`},
		{"no port", without(torchrunWorker, "MASTER_PORT"), `MASTER_PORT`},
		{"a port that is none", change(torchrunWorker, "MASTER_PORT=http"), `MASTER_PORT is "http"`},
		{"a port beyond", change(torchrunWorker, "MASTER_PORT=65536"), `MASTER_PORT is 65536`},
		{"an address that is none", change(torchrunWorker, "MASTER_ADDR=http://here"), `MASTER_ADDR is "http://here"`},
		{"srun inside torchrun", with(slurmTask, torchrunWorker...), `torchrun says that this process is rank 1 of 2, but Slurm's srun says rank 2 of 4`},
		{"mpirun inside torchrun", with(openMPITask, torchrunWorker...), `torchrun .* OpenMPI's mpirun says rank 3 of 4`},
		{"RANK left over under srun", with(slurmTask, "RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=a", "MASTER_PORT=2000"), `srun says that .*\(RANK and WORLD_SIZE\)`},
		{"a rank alone", []string{"RANK=0"}, `did not set WORLD_SIZE`},
		{"Slurm without its size", without(slurmTask, "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS"), `did not set SLURM_NTASKS`},
		{"Slurm without machines", without(slurmTask, "SLURM_JOB_NODELIST"), `set MASTER_ADDR`},
		{"Slurm with a broken list", change(slurmTask, "SLURM_JOB_NODELIST=node[01"), `without its \]`},
		{"Slurm with a job that is no number", change(slurmTask, "SLURM_JOB_ID=x"), `set MASTER_PORT`},
		{"mpirun over machines", change(openMPITask, "OMPI_COMM_WORLD_LOCAL_SIZE=2"), `LOCAL_RANK is 3, but`},
		{"mpirun over machines without an address", change(change(openMPITask, "OMPI_COMM_WORLD_LOCAL_SIZE=2"), "OMPI_COMM_WORLD_LOCAL_RANK=1"), `mpirun does not say where rank 0 runs: set MASTER_ADDR`},
		{"a pod beyond", []string{"PET_NNODES=2", "PET_NODE_RANK=2"}, `PET_NODE_RANK is 2, but its PET_NNODES is 2`},
		{"a pod of many", []string{"PET_NNODES=2", "PET_NPROC_PER_NODE=many"}, `PET_NPROC_PER_NODE is "many"`},
		{"pods without an address", []string{"PET_NNODES=2", "PET_NODE_RANK=1", "PET_NPROC_PER_NODE=1"}, `MASTER_ADDR`},
	} {
		w, err := Detect(c.environ)
		if err == nil {
			t.Errorf("%s: taken for %+v", c.name, w)
			continue
		}
		if !regexp.MustCompile(c.want).MatchString(err.Error()) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %s", c.name, err, c.want)
		}
	}
}

func TestFirstHost(t *testing.T) {
	for list, want := range map[string]string{
		"node[01-03,7]": "node01", "node[7,01-03],x": "node7", "a": "a", "a,b[1-2]": "a", "gpu-[3-4]-ib,z": "gpu-3-ib",
		"rack[1-2]n[05-08]": "rack1n05", "node9.cluster.local,x": "node9.cluster.local", "[10-12]": "10",
	} {
		if got, err := firstHost(list); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", list, got, err, want)
		}
	}
	for _, list := range []string{"", ",a", "a[", "a[]", "a[x]", "a[1[2]]", "a]", "a b"} {
		if got, err := firstHost(list); err == nil {
			t.Errorf("%q: taken for %q", list, got)
		}
	}
}

func FuzzFirstHost(f *testing.F) {
	for _, list := range []string{"node[01-03,7]", "a,b", "x[1-2]y[3]", "[", "]"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		host, err := firstHost(list)
		if err == nil && (host == "" || strings.ContainsAny(host, "[], \t")) {
			t.Errorf("%q gives the host %q", list, host)
		}
	})
}
