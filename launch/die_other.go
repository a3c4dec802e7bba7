//go:build !linux

package launch

import "syscall"

// dieWithParent does nothing: the others notice by themselves that a process
// is gone.
func dieWithParent(*syscall.SysProcAttr) {}
