// Texts of libpng and zlib on which decisions depend, because there is no code for them. LibpngTextTests fail if an installed
// version has other texts.
#ifndef CIC_LIBPNG_TEXTS_H
#define CIC_LIBPNG_TEXTS_H

// In a warning: the Adler-32 of the image data is wrong (zlib's inflate.c). After the last row, libpng treats it as benign.
static const char libpng_wrong_adler[] = "incorrect data check";
// Starts a warning about a color profile, which libpng drops. Warnings about a chunk start with its name.
static const char libpng_profile_prefix[] = "iCCP:";
// In a warning: a chunk is larger than the limit that was set, and is skipped.
static const char libpng_chunk_too_large[] = "exceeds memory limits";

// At the end of a warning or an error, after the name of a chunk: the checksum of the chunk is wrong.
static const char libpng_wrong_checksum[] = ": CRC error";

#endif
