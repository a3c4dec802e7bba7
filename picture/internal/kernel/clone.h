// CLONE compiles an inline function body a second time for AVX2 and defines the
// function that picks by level. It keeps plain loops plain: the compiler finds
// the vectors. Fused multiply-add is in neither, so both round alike.
#pragma once

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off", "no-trapping-math")
#endif

#define BODY static inline __attribute__((always_inline)) void

#if defined(__x86_64__)
#define CLONE(name, parameters, ...)                                                            \
  static __attribute__((target("avx2"))) void name##_avx2 parameters { name##_body(__VA_ARGS__); } \
  static void name##_plain parameters { name##_body(__VA_ARGS__); }                             \
  void cone_##name(int level, PARAMETERS parameters) {                                          \
    (level > 0 ? name##_avx2 : name##_plain)(__VA_ARGS__);                                      \
  }
#else
#define CLONE(name, parameters, ...) \
  void cone_##name(int, PARAMETERS parameters) { name##_body(__VA_ARGS__); }
#endif
#define PARAMETERS(...) __VA_ARGS__
