// Inline wrappers for what Swift's SIMD types cannot say. They inline into the Swift caller with the importing module's
// flags, so one Swift source is SSE2 code in a baseline build and AVX2 code in an x86-64-v3 build.
#ifndef CPIXEL_INTRINSICS_H
#define CPIXEL_INTRINSICS_H
#endif
