#include "cbase64.h"

#if defined(__x86_64__)

#include <immintrin.h>

__attribute__((target("avx2"))) static size_t encode(const uint8_t *source, size_t count, uint8_t *target) {
  // Three bytes a, b, c become the word c b, a b, so that each of the four 6-bit parts is a shift away.
  const __m256i spread = _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
  // What is added to a part, by its range: a-z, ten digits, +, /, A-Z.
  const __m256i offsets = _mm256_broadcastsi128_si256(
      _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                    '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
  size_t taken = 0;
  // The upper lane loads 16 bytes and uses 12.
  for (; count - taken >= 28; taken += 24, target += 32) {
    const __m128i low = _mm_loadu_si128((const __m128i *)(source + taken));
    const __m128i high = _mm_loadu_si128((const __m128i *)(source + taken + 12));
    const __m256i in = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
    // Shifts by 10 and 6 to the right, and by 4 and 8 to the left, as products.
    const __m256i upper = _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0FC0FC00)), _mm256_set1_epi32(0x04000040));
    const __m256i lower = _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003F03F0)), _mm256_set1_epi32(0x01000010));
    const __m256i parts = _mm256_or_si256(upper, lower);
    const __m256i is_capital = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), parts);
    const __m256i range = _mm256_or_si256(
        _mm256_subs_epu8(parts, _mm256_set1_epi8(51)), _mm256_and_si256(is_capital, _mm256_set1_epi8(13)));
    _mm256_storeu_si256((__m256i *)target, _mm256_add_epi8(parts, _mm256_shuffle_epi8(offsets, range)));
  }
  return taken;
}

size_t cbase64_encode_vectors(const uint8_t *source, size_t count, uint8_t *target) {
  return count >= 28 && __builtin_cpu_supports("avx2") ? encode(source, count, target) : 0;
}

#else

size_t cbase64_encode_vectors(const uint8_t *source, size_t count, uint8_t *target) {
  (void)source, (void)count, (void)target;
  return 0;
}

#endif
