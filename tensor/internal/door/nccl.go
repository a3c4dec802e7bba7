//go:build nccl

package door

// #cgo CXXFLAGS: -DCONE_NCCL -DUSE_C10D_NCCL
// #cgo LDFLAGS: -lc10_cuda
import "C"
