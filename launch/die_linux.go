package launch

import "syscall"

// dieWithParent makes the kernel end the process when this one is gone.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
