// Inline wrappers for what Swift's SIMD types cannot say. They inline into the Swift caller with the importing module's
// flags, so one Swift source is SSE2 code in a baseline build and AVX2 code in an x86-64-v3 build.
#ifndef CPIXEL_INTRINSICS_H
#define CPIXEL_INTRINSICS_H

#include <stdbool.h>

#if defined(__x86_64__)
// True when the processor and the operating system run everything in x86-64-v3 (x86-64 psABI, micro-architecture levels).
static inline bool cpi_runs_x86_64_v3(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") &&
         __builtin_cpu_supports("f16c");
}
#endif

#endif
