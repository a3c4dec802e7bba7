package train

import "golang.org/x/sys/unix"

// limitMemory makes what this process may write to no larger than the
// machine's memory, unless the user set a limit. jemalloc takes address space
// without asking whether there is memory behind it; then a network that is too
// large would be killed by the kernel instead of ending in a sentence. Drivers
// of GPUs take far more address space than memory, so it is for CPUs only.
func limitMemory() {
	var limit unix.Rlimit
	var system unix.Sysinfo_t
	if unix.Getrlimit(unix.RLIMIT_DATA, &limit) != nil || limit.Cur != unix.RLIM_INFINITY || unix.Sysinfo(&system) != nil {
		return
	}
	limit.Cur = min(limit.Max, (system.Totalram+system.Totalswap)*uint64(system.Unit))
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &limit) // without it, as before
}
