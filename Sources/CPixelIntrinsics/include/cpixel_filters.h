// Inline wrappers for PNG row filters: byte averages, the Paeth predictor, and sums of differences.
//
// Clang's elementwise built-ins become one instruction each on SSE2, AVX2 and NEON, so there is one body for all of them, except the sums.
#ifndef CPIXEL_FILTERS_H
#define CPIXEL_FILTERS_H

#include "cpixel_intrinsics.h"

typedef uint64_t cpi_u64 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 8)));

// (a + b) / 2, rounded down.
CPI_INLINE cpi_u8 cpi_average_u8(cpi_u8 a, cpi_u8 b) { return (a & b) + ((a ^ b) >> 1); }

// The one of a (left), b (above) and c (above left) that a + b − c is nearest to; a before b before c.
CPI_INLINE cpi_u8 cpi_paeth_u8(cpi_u8 a, cpi_u8 b, cpi_u8 c) {
  const cpi_u8 from_a = __builtin_elementwise_max(b, c) - __builtin_elementwise_min(b, c);
  const cpi_u8 from_b = __builtin_elementwise_max(a, c) - __builtin_elementwise_min(a, c);
  // |(a − c) + (b − c)|: the sum of both distances when c is on one side of a and b, else their difference.
  const cpi_u8 difference = __builtin_elementwise_max(from_a, from_b) - __builtin_elementwise_min(from_a, from_b);
  const cpi_u8 sum = __builtin_elementwise_add_sat(from_a, from_b);
  const cpi_u8 low = __builtin_elementwise_min(a, b), high = __builtin_elementwise_max(a, b);
  const cpi_u8 between = (cpi_u8)((__builtin_elementwise_max(c, low) == c) ^ (__builtin_elementwise_min(c, high) == c));
  // If c equals a or b, one distance is 0, so that sum and difference are equal.
  const cpi_u8 from_c = (difference & ~between) | (sum & between);
  const cpi_u8 not_b = (cpi_u8)(__builtin_elementwise_min(from_b, from_c) != from_b);
  const cpi_u8 b_or_c = (b & ~not_b) | (c & not_b);
  const cpi_u8 is_a = (cpi_u8)(__builtin_elementwise_min(from_a, __builtin_elementwise_min(from_b, from_c)) == from_a);
  return (a & is_a) | (b_or_c & ~is_a);
}

// The absolute value of bytes as signed differences; 128 stays 128.
CPI_INLINE cpi_u8 cpi_magnitude_u8(cpi_u8 v) { return __builtin_elementwise_min(v, (cpi_u8)(0 - v)); }

// For magnitudes 0…128, a piecewise linear approximation of 26 · log₂(1 + v) with knots at 1, 3, 7, 15 and 31: 0…129.
CPI_INLINE cpi_u8 cpi_log_magnitude_u8(cpi_u8 v) {
  cpi_u8 sum = __builtin_elementwise_min(v, (cpi_u8)1);
  sum = sum + sum + __builtin_elementwise_min(v, (cpi_u8)3);
  sum = sum + sum + __builtin_elementwise_min(v, (cpi_u8)7);
  sum = sum + sum + __builtin_elementwise_min(v, (cpi_u8)15);
  return sum + sum + __builtin_elementwise_min(v, (cpi_u8)31);
}

// Adds all bytes of `v` to the elements of `sums`; which byte is added to which element is not defined.
CPI_INLINE cpi_u64 cpi_add_bytes(cpi_u64 sums, cpi_u8 v) {
#if defined(__AVX2__)
  return sums + (cpi_u64)_mm256_sad_epu8((__m256i)v, _mm256_setzero_si256());
#elif defined(__SSE2__)
  return sums + (cpi_u64)_mm_sad_epu8((__m128i)v, _mm_setzero_si128());
#else
  return sums + (cpi_u64)vpaddlq_u32(vpaddlq_u16(vpaddlq_u8((uint8x16_t)v)));
#endif
}

#endif
