//go:build cuda

package door

// Nothing here calls libtorch_cuda by name: it registers its kernels when it is
// loaded.

// #cgo LDFLAGS: -Wl,--no-as-needed -ltorch_cuda -Wl,--as-needed
import "C"
