// Base64 (RFC 4648, section 4) by vectors, where the machine has them.
#ifndef CBASE64_H
#define CBASE64_H

#include <stddef.h>
#include <stdint.h>

/// Writes the characters of as many of the first `count` bytes as go into whole vectors: 4 for every 3 of them.
///
/// The algorithm is that of W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (ACM
/// Transactions on the Web 12, 2018), section 3. Nothing beyond `count` bytes is read, and nothing beyond the characters written.
///
/// - Returns: The bytes that were taken, a multiple of 24; 0 on a machine without AVX2.
size_t cbase64_encode_vectors(const uint8_t *source, size_t count, uint8_t *target);

#endif
