package native

// #cgo LDFLAGS: -ljemalloc
// #include <jemalloc/jemalloc.h>
//
// // jemalloc reads this before main; the user's MALLOC_CONF goes beyond it.
// // A training step takes and frees the same gigabytes as the one before. glibc
// // gives a tensor above 32 MB fresh memory each time, whose pages the kernel
// // clears at first touch, or, told to keep it, scatters small pieces over what
// // it kept. Here memory is kept (decay), in large pages (thp), and big tensors
// // come from it like small ones (oversize_threshold), from one place for all
// // threads, because only one of them computes (narenas). Address space is taken
// // as it is needed (retain), for train bounds it.
// const char *malloc_conf =
//     "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,narenas:1,retain:false";
//
// static const char *allocator_version(void) {
//   const char *version = "";
//   size_t size = sizeof version;
//   mallctl("version", &version, &size, NULL, 0);
//   return version;
// }
import "C"

// Allocator names the memory allocator of the native libraries, with its
// version.
func Allocator() string { return "jemalloc " + C.GoString(C.allocator_version()) }
