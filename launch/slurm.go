package launch

import (
	"fmt"
	"strconv"
	"strings"
)

const nameSlurm = "Slurm's srun"

// specialSteps is the first of the numbers that Slurm gives to steps that are
// not srun's: the interactive shell of salloc, the batch script, and others
// (SLURM_INTERACTIVE_STEP and its like in slurm.h).
const specialSteps = 0xfffffff0

// slurm reads what srun sets for each task
// (https://slurm.schedmd.com/srun.html, output environment variables). Shells
// of salloc and scripts of sbatch have SLURM_NTASKS and even SLURM_PROCID too,
// but no step: a program started there without srun is alone.
func slurm(e variables) (w World, found bool, err error) {
	step, err := strconv.ParseUint(e["SLURM_STEP_ID"], 10, 64)
	if err != nil || step >= specialSteps || !e.has("SLURM_PROCID") {
		return w, false, nil
	}
	n := names{rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS", localRank: "SLURM_LOCALID"}
	if !e.has(n.size) {
		n.size = "SLURM_NTASKS"
	}
	if w, err = e.place(nameSlurm, n); err != nil {
		return w, false, err
	}
	if w.CPUs, err = e.optional("SLURM_CPUS_PER_TASK", nameSlurm, 1, 0); err != nil {
		return w, false, err
	}
	if w.Restarts, err = e.optional("SLURM_RESTART_COUNT", nameSlurm, 0, 0); err != nil {
		return w, false, err
	}
	w.Job = fmt.Sprintf("%s.%d/%d", e["SLURM_JOB_ID"], step, w.Restarts)
	if w.Size == 1 {
		return w, true, nil
	}
	list := e["SLURM_STEP_NODELIST"]
	if list == "" {
		list = e["SLURM_JOB_NODELIST"]
	}
	if list == "" {
		list = e["SLURM_NODELIST"]
	}
	if list != "" {
		if w.Address, err = firstHost(list); err != nil {
			return w, false, err
		}
	}
	if job, err := strconv.ParseUint(e["SLURM_JOB_ID"], 10, 64); err == nil {
		w.Port = derivedPort(job*31 + step) // steps of one job may run side by side
	} else if _, set := e["MASTER_PORT"]; !set {
		return w, false, fmt.Errorf("%s's SLURM_JOB_ID is %q, which is no number, so no port can be derived from it: set MASTER_PORT", nameSlurm, e["SLURM_JOB_ID"])
	}
	return w, true, nil
}

// firstHost is the first of the machines in a list as Slurm writes it:
// "node[01-03,7],other" is node01, node02, node03, node7, other.
func firstHost(list string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%s's list of machines is %q, %s: set MASTER_ADDR to rank 0's machine", nameSlurm, list, why)
	}
	rest, name := list, strings.Builder{}
	for {
		plain, after, bracket := strings.Cut(rest, "[")
		if before, _, comma := strings.Cut(plain, ","); comma || !bracket {
			name.WriteString(before)
			break
		}
		name.WriteString(plain)
		inside, tail, closed := strings.Cut(after, "]")
		if !closed || strings.Contains(inside, "[") {
			return bad("which has a [ without its ]")
		}
		first, _, _ := strings.Cut(inside, ",")
		first, _, _ = strings.Cut(first, "-")
		if first == "" || strings.Trim(first, "0123456789") != "" {
			return bad(fmt.Sprintf("where %q is no range of numbers", "["+inside+"]"))
		}
		name.WriteString(first)
		rest = tail
	}
	if host := name.String(); host != "" && !strings.ContainsAny(host, "] \t") {
		return host, nil
	}
	return bad("which does not begin with a machine's name")
}
