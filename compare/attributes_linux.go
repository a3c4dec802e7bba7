package compare

import "syscall"

// attributes puts a child into a process group of its own, which the kernel
// asks to stop when this process dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
