// Inline wrappers for color conversion: words of eight or sixteen samples, and sums of table entries of four 32-bit values.
#ifndef CPIXEL_COLOR_H
#define CPIXEL_COLOR_H

#include "cpixel_intrinsics.h"

typedef uint8_t cpi_half_u8 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 2)));
typedef uint8_t cpi_quarter_u8 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 4)));

// Loads as many bytes as a vector has words, and widens them to words.
CPI_INLINE cpi_i16 cpi_load_widened_u8(const uint8_t *p) {
  cpi_half_u8 v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, cpi_i16);
}
// Loads half as many bytes, and doubles each to two neighboring words.
CPI_INLINE cpi_i16 cpi_load_doubled_u8(const uint8_t *p) {
  cpi_quarter_u8 v;
  memcpy(&v, p, sizeof v);
  const cpi_i32 words = __builtin_convertvector(v, cpi_i32);
  return (cpi_i16)(words | words << 16);
}
// Loads pairs of neighboring bytes, and adds each pair to a word.
CPI_INLINE cpi_i16 cpi_load_pair_sums_u8(const uint8_t *p) {
  cpi_u16 v;
  memcpy(&v, p, sizeof v);
  return (cpi_i16)((v & 255) + (v >> 8));
}
// Stores words as bytes, clamped to 0…255.
CPI_INLINE void cpi_store_clamped_u8(uint8_t *p, cpi_i16 v) {
#if defined(__AVX2__)
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16((__m256i)v, (__m256i)v), 0x08);
  memcpy(p, &bytes, 16);
#else
  const cpi_u8 bytes = cpi_pack_i16(v, v);
  memcpy(p, &bytes, 8);
#endif
}
// Clamps words to 0…255.
CPI_INLINE cpi_i16 cpi_clamp_to_byte(cpi_i16 v) {
  return __builtin_elementwise_min(__builtin_elementwise_max(v, (cpi_i16)0), (cpi_i16)255);
}
// (a · b) >> 16 of words.
CPI_INLINE cpi_i16 cpi_multiply_high_i16(cpi_i16 a, int16_t b) {
  const cpi_i16 v = (cpi_i16)b;
#if defined(__AVX2__)
  return (cpi_i16)_mm256_mulhi_epi16((__m256i)a, (__m256i)v);
#elif defined(__SSE2__)
  return (cpi_i16)_mm_mulhi_epi16((__m128i)a, (__m128i)v);
#else
  const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)v));
  const int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)v);
  return (cpi_i16)vuzp2q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high));
#endif
}

// The four sums of three entries of four values. Each sum is shifted right by 11 and saturated to a signed word; the first word is the
// lowest.
CPI_INLINE uint64_t cpi_sum_of_entries(const int32_t *a, const int32_t *b, const int32_t *c) {
#if defined(__SSE2__)
  const __m128i sum = _mm_add_epi32(
      _mm_add_epi32(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b)),
      _mm_loadu_si128((const __m128i *)c));
  const __m128i words = _mm_srai_epi32(sum, 11);
  return (uint64_t)_mm_cvtsi128_si64(_mm_packs_epi32(words, words));
#else
  const int32x4_t sum = vaddq_s32(vaddq_s32(vld1q_s32(a), vld1q_s32(b)), vld1q_s32(c));
  return vget_lane_u64(vreinterpret_u64_s16(vqshrn_n_s32(sum, 11)), 0);
#endif
}
// Stores these words of two pixels without a gap.
CPI_INLINE void cpi_store_sums_of_entries(
    uint16_t *p, const int32_t *a, const int32_t *b, const int32_t *c, const int32_t *d, const int32_t *e, const int32_t *f) {
#if defined(__SSE2__)
  const __m128i first = _mm_add_epi32(
      _mm_add_epi32(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b)),
      _mm_loadu_si128((const __m128i *)c));
  const __m128i second = _mm_add_epi32(
      _mm_add_epi32(_mm_loadu_si128((const __m128i *)d), _mm_loadu_si128((const __m128i *)e)),
      _mm_loadu_si128((const __m128i *)f));
  _mm_storeu_si128((__m128i *)p, _mm_packs_epi32(_mm_srai_epi32(first, 11), _mm_srai_epi32(second, 11)));
#else
  const int32x4_t first = vaddq_s32(vaddq_s32(vld1q_s32(a), vld1q_s32(b)), vld1q_s32(c));
  const int32x4_t second = vaddq_s32(vaddq_s32(vld1q_s32(d), vld1q_s32(e)), vld1q_s32(f));
  vst1q_u16(p, vreinterpretq_u16_s16(vcombine_s16(vqshrn_n_s32(first, 11), vqshrn_n_s32(second, 11))));
#endif
}

// Four sums: a word of a times the lower word of the weights, plus a word of b times the upper word of the weights.
CPI_INLINE cpi_i32x4 cpi_weigh_entries(const int16_t *a, const int16_t *b, uint32_t weights) {
#if defined(__SSE2__)
  const __m128i pairs = _mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)a), _mm_loadl_epi64((const __m128i *)b));
  return (cpi_i32x4)_mm_madd_epi16(pairs, _mm_set1_epi32((int32_t)weights));
#else
  const int32x4_t first = vmull_n_s16(vld1_s16(a), (int16_t)weights);
  return (cpi_i32x4)vmlal_n_s16(first, vld1_s16(b), (int16_t)(weights >> 16));
#endif
}
CPI_INLINE cpi_i32x4 cpi_shift_right_by_18(cpi_i32x4 v) { return v >> 18; }
// Rounds toward zero.
CPI_INLINE cpi_i32x4 cpi_truncate_f32x4(cpi_f32x4 v) { return __builtin_convertvector(v, cpi_i32x4); }

#endif
