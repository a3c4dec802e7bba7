//go:build !linux

package train

import "testing"

func smallDisk(t *testing.T, _ int) string {
	t.Skip("needs Linux's tmpfs")
	return ""
}
