package picture

import (
	"syscall"
	"testing"
)

// mappings holds what lies behind guarded memory, by its first byte.
var mappings = map[*uint8][]byte{}

// guarded is memory of n bytes between pages that may not be touched. It ends
// right before such a page, or begins right after one.
func guarded(t *testing.T, n int, atEnd bool) []uint8 {
	t.Helper()
	page := syscall.Getpagesize()
	usable := (n + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, usable+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, guard := range [][]byte{all[:page], all[page+usable:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	start := page
	if atEnd {
		start += usable - n
	}
	memory := all[start : start+n : start+n]
	mappings[&memory[0]] = all
	return memory
}

// release returns guarded memory.
func release(memory []uint8) {
	syscall.Munmap(mappings[&memory[0]])
	delete(mappings, &memory[0])
}
