// Inline wrappers for operations that Swift's SIMD types lack: paired multiply-add, saturating packs, in-lane unpacks.
//
// They are inlined into the Swift caller with the flags of the importing module, so one Swift source becomes SSE2 code in a baseline build
// and AVX2 code in an x86-64-v3 build. A vector has CPI_VECTOR_BYTES bytes, in lanes of 16 bytes. Unpacks and packs stay within their lane
// (Intel SDM, PUNPCK* and PACK*), also in the bodies for NEON and in the portable ones.
#ifndef CPIXEL_INTRINSICS_H
#define CPIXEL_INTRINSICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#define CPI_VECTOR_BYTES 32
#elif defined(__SSE2__)
#include <emmintrin.h>
#define CPI_VECTOR_BYTES 16
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define CPI_VECTOR_BYTES 16
#else
#error "PixelKernels needs SSE2 or NEON"
#endif

#define CPI_INLINE static inline __attribute__((always_inline))

typedef uint8_t cpi_u8 __attribute__((ext_vector_type(CPI_VECTOR_BYTES)));
typedef int16_t cpi_i16 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 2)));
typedef uint16_t cpi_u16 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 2)));
typedef int32_t cpi_i32 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 4)));

typedef float cpi_f32 __attribute__((ext_vector_type(CPI_VECTOR_BYTES / 4)));

// Unaligned loads and stores.
CPI_INLINE cpi_u8 cpi_load_u8(const uint8_t *p) { cpi_u8 v; memcpy(&v, p, sizeof v); return v; }
CPI_INLINE cpi_i16 cpi_load_i16(const int16_t *p) { cpi_i16 v; memcpy(&v, p, sizeof v); return v; }
CPI_INLINE void cpi_store_u8(uint8_t *p, cpi_u8 v) { memcpy(p, &v, sizeof v); }
CPI_INLINE void cpi_store_i16(int16_t *p, cpi_i16 v) { memcpy(p, &v, sizeof v); }
CPI_INLINE cpi_i32 cpi_load_i32(const int32_t *p) { cpi_i32 v; memcpy(&v, p, sizeof v); return v; }
CPI_INLINE cpi_f32 cpi_load_f32(const float *p) { cpi_f32 v; memcpy(&v, p, sizeof v); return v; }
CPI_INLINE void cpi_store_f32(float *p, cpi_f32 v) { memcpy(p, &v, sizeof v); }
CPI_INLINE void cpi_store_i32(int32_t *p, cpi_i32 v) { memcpy(p, &v, sizeof v); }

#if defined(__AVX2__)

// a0 b0 a1 b1 … of the lower (upper) half of each lane.
CPI_INLINE cpi_u8 cpi_unpack_low_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)_mm256_unpacklo_epi8((__m256i)a, (__m256i)b); }
CPI_INLINE cpi_u8 cpi_unpack_high_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)_mm256_unpackhi_epi8((__m256i)a, (__m256i)b); }
// a[2k]·b[2k] + a[2k+1]·b[2k+1]; exact unless all four are −32768.
CPI_INLINE cpi_i32 cpi_multiply_add_pairs(cpi_i16 a, cpi_i16 b) { return (cpi_i32)_mm256_madd_epi16((__m256i)a, (__m256i)b); }
// Arithmetic shift of every element by the same count, 0 to 31.
CPI_INLINE cpi_i32 cpi_shift_right(cpi_i32 a, int32_t count) { return (cpi_i32)_mm256_sra_epi32((__m256i)a, _mm_cvtsi32_si128(count)); }
// Saturates to int16; lane by lane a's elements, then b's.
CPI_INLINE cpi_i16 cpi_pack_i32(cpi_i32 a, cpi_i32 b) { return (cpi_i16)_mm256_packs_epi32((__m256i)a, (__m256i)b); }
// Saturates to 0…255; lane by lane a's elements, then b's.
CPI_INLINE cpi_u8 cpi_pack_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)_mm256_packus_epi16((__m256i)a, (__m256i)b); }
// The lower lanes (upper lanes) of a, then of b; with one lane a (b) itself.
CPI_INLINE cpi_i16 cpi_lower_lanes(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x20); }
CPI_INLINE cpi_i16 cpi_upper_lanes(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_permute2x128_si256((__m256i)a, (__m256i)b, 0x31); }

#elif defined(__SSE2__)

CPI_INLINE cpi_u8 cpi_unpack_low_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)_mm_unpacklo_epi8((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_u8 cpi_unpack_high_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)_mm_unpackhi_epi8((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_i32 cpi_multiply_add_pairs(cpi_i16 a, cpi_i16 b) { return (cpi_i32)_mm_madd_epi16((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_i32 cpi_shift_right(cpi_i32 a, int32_t count) { return (cpi_i32)_mm_sra_epi32((__m128i)a, _mm_cvtsi32_si128(count)); }
CPI_INLINE cpi_i16 cpi_pack_i32(cpi_i32 a, cpi_i32 b) { return (cpi_i16)_mm_packs_epi32((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_u8 cpi_pack_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)_mm_packus_epi16((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_i16 cpi_lower_lanes(cpi_i16 a, cpi_i16 b) { (void)b; return a; }
CPI_INLINE cpi_i16 cpi_upper_lanes(cpi_i16 a, cpi_i16 b) { (void)a; return b; }

#else  // NEON; run on an emulated processor (Scripts/test-neon).

CPI_INLINE cpi_u8 cpi_unpack_low_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)vzip1q_u8((uint8x16_t)a, (uint8x16_t)b); }
CPI_INLINE cpi_u8 cpi_unpack_high_u8(cpi_u8 a, cpi_u8 b) { return (cpi_u8)vzip2q_u8((uint8x16_t)a, (uint8x16_t)b); }
CPI_INLINE cpi_i32 cpi_multiply_add_pairs(cpi_i16 a, cpi_i16 b) {
  int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
  int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
  return (cpi_i32)vpaddq_s32(low, high);
}
CPI_INLINE cpi_i32 cpi_shift_right(cpi_i32 a, int32_t count) { return (cpi_i32)vshlq_s32((int32x4_t)a, vdupq_n_s32(-count)); }
CPI_INLINE cpi_i16 cpi_pack_i32(cpi_i32 a, cpi_i32 b) { return (cpi_i16)vcombine_s16(vqmovn_s32((int32x4_t)a), vqmovn_s32((int32x4_t)b)); }
CPI_INLINE cpi_u8 cpi_pack_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)vcombine_u8(vqmovun_s16((int16x8_t)a), vqmovun_s16((int16x8_t)b)); }
CPI_INLINE cpi_i16 cpi_lower_lanes(cpi_i16 a, cpi_i16 b) { (void)b; return a; }
CPI_INLINE cpi_i16 cpi_upper_lanes(cpi_i16 a, cpi_i16 b) { (void)a; return b; }

#endif

// Saturates to int16: a's elements, then b's.
CPI_INLINE cpi_i16 cpi_pack_in_order_i32(cpi_i32 a, cpi_i32 b) {
  cpi_i16 words = cpi_pack_i32(a, b);
#if defined(__AVX2__)
  words = (cpi_i16)_mm256_permute4x64_epi64((__m256i)words, 0xD8);
#endif
  return words;
}

// Words as bytes, 128 added and clamped to 0…255: a's elements, then b's.
CPI_INLINE void cpi_store_centered_u8(uint8_t *p, cpi_i16 a, cpi_i16 b) {
  const cpi_i16 center = 128;
  cpi_u8 bytes = cpi_pack_i16(__builtin_elementwise_add_sat(a, center), __builtin_elementwise_add_sat(b, center));
#if defined(__AVX2__)
  bytes = (cpi_u8)_mm256_permute4x64_epi64((__m256i)bytes, 0xD8);
#endif
  cpi_store_u8(p, bytes);
}

// Four floats, whatever the vector length.
typedef float cpi_f32x4 __attribute__((ext_vector_type(4)));
CPI_INLINE cpi_f32x4 cpi_load_f32x4(const float *p) { cpi_f32x4 v; memcpy(&v, p, sizeof v); return v; }
typedef int32_t cpi_i32x4 __attribute__((ext_vector_type(4)));
CPI_INLINE cpi_i32x4 cpi_load_i32x4(const int32_t *p) { cpi_i32x4 v; memcpy(&v, p, sizeof v); return v; }
CPI_INLINE cpi_f32x4 cpi_convert_i32x4(cpi_i32x4 v) { return __builtin_convertvector(v, cpi_f32x4); }
CPI_INLINE cpi_f32x4 cpi_larger_f32x4(cpi_f32x4 a, cpi_f32x4 b) { return __builtin_elementwise_max(a, b); }
CPI_INLINE cpi_f32x4 cpi_smaller_f32x4(cpi_f32x4 a, cpi_f32x4 b) { return __builtin_elementwise_min(a, b); }
// v where a > b, else 0.
CPI_INLINE cpi_f32x4 cpi_keep_greater_f32x4(cpi_f32x4 v, cpi_f32x4 a, cpi_f32x4 b) { return (cpi_f32x4)((cpi_i32x4)v & (a > b)); }
// Four pixels of four sums, `step` sums apart: their first, second, third and fourth sums.
typedef struct { cpi_i32x4 r, g, b, a; } cpi_pixels_i32x4;
CPI_INLINE cpi_pixels_i32x4 cpi_load_pixels_i32x4(const int32_t *p, ptrdiff_t step) {
  const cpi_i32x4 v = cpi_load_i32x4(p), w = cpi_load_i32x4(p + step), x = cpi_load_i32x4(p + 2 * step), y = cpi_load_i32x4(p + 3 * step);
  const cpi_i32x4 vw_low = __builtin_shufflevector(v, w, 0, 4, 1, 5), vw_high = __builtin_shufflevector(v, w, 2, 6, 3, 7);
  const cpi_i32x4 xy_low = __builtin_shufflevector(x, y, 0, 4, 1, 5), xy_high = __builtin_shufflevector(x, y, 2, 6, 3, 7);
  return (cpi_pixels_i32x4){
      __builtin_shufflevector(vw_low, xy_low, 0, 1, 4, 5), __builtin_shufflevector(vw_low, xy_low, 2, 3, 6, 7),
      __builtin_shufflevector(vw_high, xy_high, 0, 1, 4, 5), __builtin_shufflevector(vw_high, xy_high, 2, 3, 6, 7)};
}
// Four pixels of bytes, each the lowest byte of an element.
CPI_INLINE void cpi_store_pixels_u8(uint8_t *p, cpi_f32x4 r, cpi_f32x4 g, cpi_f32x4 b, cpi_f32x4 a) {
  const cpi_i32x4 pixels = ((cpi_i32x4)r & 255) | ((cpi_i32x4)g & 255) << 8 | ((cpi_i32x4)b & 255) << 16 | (cpi_i32x4)a << 24;
  memcpy(p, &pixels, sizeof pixels);
}
CPI_INLINE void cpi_store_f32x4(float *p, cpi_f32x4 v) { memcpy(p, &v, sizeof v); }
// The sum of the elements of each of a, b, c and d: (first + second) + (third + fourth).
CPI_INLINE cpi_f32x4 cpi_sums_of_f32x4(cpi_f32x4 a, cpi_f32x4 b, cpi_f32x4 c, cpi_f32x4 d) {
  const cpi_f32x4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const cpi_f32x4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return (__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5) + __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7)) +
         (__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5) + __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// Sixteen bytes, whatever the vector length: filters that go from pixel to pixel, of up to eight bytes each, use them.
typedef uint8_t cpi_u8x16 __attribute__((ext_vector_type(16)));
typedef int16_t cpi_i16x8 __attribute__((ext_vector_type(8)));

// The first four (eight) bytes, the others zero.
CPI_INLINE cpi_u8x16 cpi_load_4_u8(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  typedef uint32_t words __attribute__((ext_vector_type(4)));
  return (cpi_u8x16)(words){word, 0, 0, 0};
}
CPI_INLINE cpi_u8x16 cpi_load_8_u8(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  typedef uint64_t words __attribute__((ext_vector_type(2)));
  return (cpi_u8x16)(words){word, 0};
}
CPI_INLINE void cpi_store_4_u8(uint8_t *p, cpi_u8x16 v) { memcpy(p, &v, 4); }
CPI_INLINE void cpi_store_8_u8(uint8_t *p, cpi_u8x16 v) { memcpy(p, &v, 8); }
CPI_INLINE uint64_t cpi_low_u64(cpi_u8x16 v) { uint64_t r; memcpy(&r, &v, sizeof r); return r; }
// The first eight bytes as words.
CPI_INLINE cpi_i16x8 cpi_widen_low_u8x16(cpi_u8x16 v) {
  return (cpi_i16x8)__builtin_shufflevector(v, (cpi_u8x16)0, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// x if a ≤ b, else y. Swift's replacing(with:where:) is a loop, which keeps its caller from being inlined.
CPI_INLINE cpi_i16x8 cpi_select_less_equal(cpi_i16x8 a, cpi_i16x8 b, cpi_i16x8 x, cpi_i16x8 y) {
  const cpi_i16x8 mask = a <= b;
  return (mask & x) | (~mask & y);
}

#if defined(__SSE2__)
// (a + b + 1) / 2, rounded down.
CPI_INLINE cpi_u8x16 cpi_average_u8x16(cpi_u8x16 a, cpi_u8x16 b) { return (cpi_u8x16)_mm_avg_epu8((__m128i)a, (__m128i)b); }
// Words of 0…255 as bytes, twice.
CPI_INLINE cpi_u8x16 cpi_narrow_i16x8(cpi_i16x8 v) { return (cpi_u8x16)_mm_packus_epi16((__m128i)v, (__m128i)v); }
#else
CPI_INLINE cpi_u8x16 cpi_average_u8x16(cpi_u8x16 a, cpi_u8x16 b) { return (cpi_u8x16)vrhaddq_u8((uint8x16_t)a, (uint8x16_t)b); }
CPI_INLINE cpi_u8x16 cpi_narrow_i16x8(cpi_i16x8 v) {
  const uint8x8_t bytes = vqmovun_s16((int16x8_t)v);
  return (cpi_u8x16)vcombine_u8(bytes, bytes);
}
#endif

// Sixteen 32-bit lanes, or as many pairs of 16-bit samples, whatever the vector length. The horizontal pass computes with them.
typedef int32_t cpi_i32x16 __attribute__((ext_vector_type(16)));
typedef uint8_t cpi_u8x16 __attribute__((ext_vector_type(16)));
typedef uint16_t cpi_u16x8 __attribute__((ext_vector_type(8)));
typedef int16_t cpi_i16x32 __attribute__((ext_vector_type(32)));

CPI_INLINE cpi_i16x32 cpi_load_i16x32(const int32_t *p) { cpi_i16x32 v; memcpy(&v, p, sizeof v); return v; }

// Pairwise multiply-add of all sixteen lanes.
CPI_INLINE cpi_i32x16 cpi_multiply_add_pairs_x16(cpi_i16x32 a, cpi_i16 b) {
  cpi_i32x16 r;
  cpi_i16 part;
  cpi_i32 sum;
  for (int i = 0; i < 64 / CPI_VECTOR_BYTES; i++) {
    memcpy(&part, (const char *)&a + i * CPI_VECTOR_BYTES, sizeof part);
    sum = cpi_multiply_add_pairs(part, b);
    memcpy((char *)&r + i * CPI_VECTOR_BYTES, &sum, sizeof sum);
  }
  return r;
}

// Arithmetic shift of all sixteen lanes by the same count, 0 to 31.
CPI_INLINE cpi_i32x16 cpi_shift_right_x16(cpi_i32x16 a, int32_t count) {
  cpi_i32 q[64 / CPI_VECTOR_BYTES];
  memcpy(q, &a, sizeof q);
  for (int i = 0; i < 64 / CPI_VECTOR_BYTES; i++) q[i] = cpi_shift_right(q[i], count);
  memcpy(&a, q, sizeof q);
  return a;
}

// Shifts right by `count`, adds 128, clamps to 0…255 and stores sixteen bytes in order.
CPI_INLINE void cpi_store_centered_u8x16(uint8_t *p, cpi_i32x16 v, int32_t count) {
#if defined(__AVX2__)
  __m256i a, b;
  memcpy(&a, &v, 32);
  memcpy(&b, (const char *)&v + 32, 32);
  const __m128i c = _mm_cvtsi32_si128(count);
  const __m256i words = _mm256_packs_epi32(_mm256_sra_epi32(a, c), _mm256_sra_epi32(b, c));
  const __m256i centered = _mm256_add_epi16(_mm256_permute4x64_epi64(words, 0xD8), _mm256_set1_epi16(128));
  const __m256i bytes = _mm256_packus_epi16(centered, _mm256_setzero_si256());
  _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(bytes, 0x08)));
#else
  cpi_i32 q[4];
  memcpy(q, &v, sizeof q);
  for (int i = 0; i < 4; i++) q[i] = cpi_shift_right(q[i], count);
  const cpi_u8 bytes = cpi_pack_i16(cpi_pack_i32(q[0], q[1]) + 128, cpi_pack_i32(q[2], q[3]) + 128);
  memcpy(p, &bytes, 16);
#endif
}

// Shifts right by `count`, saturates to int16, adds 32 768 and stores sixteen words in order.
CPI_INLINE void cpi_store_centered_u16x16(uint16_t *p, cpi_i32x16 v, int32_t count) {
  cpi_i32 q[64 / CPI_VECTOR_BYTES];
  memcpy(q, &v, sizeof q);
  for (int i = 0; i < 64 / CPI_VECTOR_BYTES; i += 2) {
    cpi_i16 words = cpi_pack_i32(cpi_shift_right(q[i], count), cpi_shift_right(q[i + 1], count)) ^ INT16_MIN;
#if defined(__AVX2__)
    words = (cpi_i16)_mm256_permute4x64_epi64((__m256i)words, 0xD8);
#endif
    memcpy((char *)p + i / 2 * CPI_VECTOR_BYTES, &words, sizeof words);
  }
}

// Shifts right by `count`, saturates to int16 and stores sixteen words in order.
CPI_INLINE void cpi_store_i16x16(int16_t *p, cpi_i32x16 v, int32_t count) {
  cpi_i32 q[64 / CPI_VECTOR_BYTES];
  memcpy(q, &v, sizeof q);
  for (int i = 0; i < 64 / CPI_VECTOR_BYTES; i += 2) {
    cpi_i16 words = cpi_pack_i32(cpi_shift_right(q[i], count), cpi_shift_right(q[i + 1], count));
#if defined(__AVX2__)
    words = (cpi_i16)_mm256_permute4x64_epi64((__m256i)words, 0xD8);
#endif
    memcpy((char *)p + i / 2 * CPI_VECTOR_BYTES, &words, sizeof words);
  }
}

CPI_INLINE void cpi_store_i32x16(int32_t *p, cpi_i32x16 v) { memcpy(p, &v, sizeof v); }

// Unpacks of words, lane by lane like those of bytes.
#if defined(__AVX2__)
CPI_INLINE cpi_i16 cpi_unpack_low_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_unpacklo_epi16((__m256i)a, (__m256i)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_unpackhi_epi16((__m256i)a, (__m256i)b); }
#elif defined(__SSE2__)
CPI_INLINE cpi_i16 cpi_unpack_low_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm_unpacklo_epi16((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm_unpackhi_epi16((__m128i)a, (__m128i)b); }
#else
CPI_INLINE cpi_i16 cpi_unpack_low_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)vzip1q_s16((int16x8_t)a, (int16x8_t)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i16(cpi_i16 a, cpi_i16 b) { return (cpi_i16)vzip2q_s16((int16x8_t)a, (int16x8_t)b); }
#endif

// (a · b) >> 16, max(a − b, 0) and (a + b + 1) >> 1 of words without a sign.
#if defined(__AVX2__)
CPI_INLINE cpi_u16 cpi_multiply_high_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm256_mulhi_epu16((__m256i)a, (__m256i)b); }
CPI_INLINE cpi_u16 cpi_subtract_to_zero_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm256_subs_epu16((__m256i)a, (__m256i)b); }
CPI_INLINE cpi_u16 cpi_average_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm256_avg_epu16((__m256i)a, (__m256i)b); }
#elif defined(__SSE2__)
CPI_INLINE cpi_u16 cpi_multiply_high_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm_mulhi_epu16((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_u16 cpi_subtract_to_zero_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm_subs_epu16((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_u16 cpi_average_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)_mm_avg_epu16((__m128i)a, (__m128i)b); }
#else
CPI_INLINE cpi_u16 cpi_multiply_high_u16(cpi_u16 a, cpi_u16 b) {
  const uint32x4_t low = vmull_u16(vget_low_u16((uint16x8_t)a), vget_low_u16((uint16x8_t)b));
  const uint32x4_t high = vmull_high_u16((uint16x8_t)a, (uint16x8_t)b);
  return (cpi_u16)vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
}
CPI_INLINE cpi_u16 cpi_subtract_to_zero_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)vqsubq_u16((uint16x8_t)a, (uint16x8_t)b); }
CPI_INLINE cpi_u16 cpi_average_u16(cpi_u16 a, cpi_u16 b) { return (cpi_u16)vrhaddq_u16((uint16x8_t)a, (uint16x8_t)b); }
#endif

// A pair of words is one sample of two rows; four (two) pairs are a pixel, whose last sample is alpha. The functions `repeat` replace every
// sample of a pixel by its alpha; the functions `opaque` set the upper byte of alpha to 0xFF.
CPI_INLINE cpi_u16 cpi_repeat_alpha_of_4(cpi_u16 v) {
  const cpi_i32 pairs = (cpi_i32)v;
#if CPI_VECTOR_BYTES == 32
  return (cpi_u16)__builtin_shufflevector(pairs, pairs, 3, 3, 3, 3, 7, 7, 7, 7);
#else
  return (cpi_u16)__builtin_shufflevector(pairs, pairs, 3, 3, 3, 3);
#endif
}
CPI_INLINE cpi_u16 cpi_repeat_alpha_of_2(cpi_u16 v) {
  const cpi_i32 pairs = (cpi_i32)v;
#if CPI_VECTOR_BYTES == 32
  return (cpi_u16)__builtin_shufflevector(pairs, pairs, 1, 1, 3, 3, 5, 5, 7, 7);
#else
  return (cpi_u16)__builtin_shufflevector(pairs, pairs, 1, 1, 3, 3);
#endif
}
CPI_INLINE cpi_u16 cpi_opaque_of_4(cpi_u16 v) {
  cpi_i32 mask = 0;
  for (int i = 3; i < CPI_VECTOR_BYTES / 4; i += 4) mask[i] = (int32_t)0xFF00FF00;
  return v | (cpi_u16)mask;
}
CPI_INLINE cpi_u16 cpi_opaque_of_2(cpi_u16 v) {
  cpi_i32 mask = 0;
  for (int i = 1; i < CPI_VECTOR_BYTES / 4; i += 2) mask[i] = (int32_t)0xFF00FF00;
  return v | (cpi_u16)mask;
}

// Unpacks of double words, lane by lane.
#if defined(__AVX2__)
CPI_INLINE cpi_i16 cpi_unpack_low_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_unpacklo_epi32((__m256i)a, (__m256i)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm256_unpackhi_epi32((__m256i)a, (__m256i)b); }
// Saturates to int8 and adds 128; lane by lane a's elements, then b's.
CPI_INLINE cpi_u8 cpi_pack_centered_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)_mm256_packs_epi16((__m256i)a, (__m256i)b) ^ 0x80; }
#elif defined(__SSE2__)
CPI_INLINE cpi_i16 cpi_unpack_low_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm_unpacklo_epi32((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)_mm_unpackhi_epi32((__m128i)a, (__m128i)b); }
CPI_INLINE cpi_u8 cpi_pack_centered_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)_mm_packs_epi16((__m128i)a, (__m128i)b) ^ 0x80; }
#else
CPI_INLINE cpi_i16 cpi_unpack_low_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)vzip1q_s32((int32x4_t)a, (int32x4_t)b); }
CPI_INLINE cpi_i16 cpi_unpack_high_i32(cpi_i16 a, cpi_i16 b) { return (cpi_i16)vzip2q_s32((int32x4_t)a, (int32x4_t)b); }
CPI_INLINE cpi_u8 cpi_pack_centered_i16(cpi_i16 a, cpi_i16 b) { return (cpi_u8)vcombine_s8(vqmovn_s16((int16x8_t)a), vqmovn_s16((int16x8_t)b)) ^ 0x80; }
#endif

// Eight words of each lane, `step` words from lane to lane.
CPI_INLINE cpi_i16 cpi_load_lanes_i16(const int16_t *p, ptrdiff_t step) {
  cpi_i16 v;
  for (int i = 0; i < CPI_VECTOR_BYTES / 16; i++) memcpy((char *)&v + i * 16, p + i * step, 16);
  return v;
}
// The same eight words in each lane.
CPI_INLINE cpi_i16 cpi_repeat_lane_i16(const int16_t *p) { return cpi_load_lanes_i16(p, 0); }
// The pair (a, b) in all places.
CPI_INLINE cpi_i16 cpi_repeat_pair(int16_t a, int16_t b) {
  return (cpi_i16)(cpi_i32)(int32_t)((uint32_t)(uint16_t)a | (uint32_t)(uint16_t)b << 16);
}
// Two rows of eight bytes a lane, lanes side by side.
CPI_INLINE void cpi_store_row_pair(uint8_t *p, ptrdiff_t stride, cpi_u8 v) {
#if defined(__AVX2__)
  const __m256i rows = _mm256_permute4x64_epi64((__m256i)v, 0xD8);
  memcpy(p, &rows, 16);
  memcpy(p + stride, (const char *)&rows + 16, 16);
#else
  memcpy(p, &v, 8);
  memcpy(p + stride, (const char *)&v + 8, 8);
#endif
}
// Four rows of four bytes a lane, lanes side by side.
CPI_INLINE void cpi_store_row_quads(uint8_t *p, ptrdiff_t stride, cpi_u8 v) {
  for (int lane = 0; lane < CPI_VECTOR_BYTES / 16; lane++)
    for (int row = 0; row < 4; row++) memcpy(p + row * stride + lane * 4, (const char *)&v + lane * 16 + row * 4, 4);
}

// Sixteen columns of sixteen bytes (eight columns of eight words, `column_bytes` apart) to the first `row_count` rows. A round zips the
// first half of the vectors with the second half. After log₂(count) rounds, the vectors are transposed.
CPI_INLINE void cpi_zip_u8(const cpi_u8x16 *a, cpi_u8x16 *b) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}
CPI_INLINE void cpi_zip_u16(const cpi_u16x8 *a, cpi_u16x8 *b) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
}
CPI_INLINE void cpi_transpose_u8(const uint8_t *columns, uint8_t *rows, ptrdiff_t stride, int row_count) {
  cpi_u8x16 a[16], b[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) memcpy(&a[i], columns + i * 16, 16);
  cpi_zip_u8(a, b);
  cpi_zip_u8(b, a);
  cpi_zip_u8(a, b);
  cpi_zip_u8(b, a);
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++)
    if (i < row_count) memcpy(rows + i * stride, &a[i], 16);
}
CPI_INLINE void cpi_transpose_u16(const uint8_t *columns, ptrdiff_t column_bytes, uint8_t *rows, ptrdiff_t stride, int row_count) {
  cpi_u16x8 a[8], b[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) memcpy(&a[i], columns + i * column_bytes, 16);
  cpi_zip_u16(a, b);
  cpi_zip_u16(b, a);
  cpi_zip_u16(a, b);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++)
    if (i < row_count) memcpy(rows + i * stride, &b[i], 16);
}

// Sixteen bytes of RGBA (gray and alpha), each multiplied by the alpha of its pixel, as words. With t = c · a and q = t / 255 rounded, the
// word is (t + q + 1) >> 1 − 16 384, which differs from t · 128 / 255 − 16 384 by 0.75 at most. Alpha itself is computed as a color of 255.
typedef uint16_t cpi_u16x16 __attribute__((ext_vector_type(16)));

CPI_INLINE void cpi_store_premultiplied(int16_t *output, cpi_u8x16 colors, cpi_u8x16 alpha) {
  const cpi_u16x16 t = __builtin_convertvector(colors, cpi_u16x16) * __builtin_convertvector(alpha, cpi_u16x16);
  const cpi_u16x16 q = (t + 128 + ((t + 128) >> 8)) >> 8;  // at most 65 407 before the last shift
  const cpi_u16x16 words = (t >> 1) + (q >> 1) + ((t | q) & 1) - 16384;
  memcpy(output, &words, sizeof words);
}
CPI_INLINE void cpi_premultiply_rgba_x4(const uint8_t *input, int16_t *output) {
  cpi_u8x16 bytes;
  memcpy(&bytes, input, sizeof bytes);
  const cpi_u8x16 opaque = {0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255};
  const cpi_u8x16 alpha = __builtin_shufflevector(bytes, bytes, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
  cpi_store_premultiplied(output, bytes | opaque, alpha);
}
CPI_INLINE void cpi_premultiply_gray_x8(const uint8_t *input, int16_t *output) {
  cpi_u8x16 bytes;
  memcpy(&bytes, input, sizeof bytes);
  const cpi_u8x16 opaque = {0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255};
  const cpi_u8x16 alpha = __builtin_shufflevector(bytes, bytes, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15);
  cpi_store_premultiplied(output, bytes | opaque, alpha);
}

#if defined(__x86_64__)
// True when the processor and the operating system support all instructions of x86-64-v3 (x86-64 psABI, micro-architecture levels).
CPI_INLINE bool cpi_runs_x86_64_v3(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe") &&
         __builtin_cpu_supports("f16c");
}
#endif

#endif
