// Texts of libpng and zlib that decide something here, because there is no other sign of what they mean. LibpngTextTests fail
// where an installed version has other words.
#ifndef CIC_LIBPNG_TEXTS_H
#define CIC_LIBPNG_TEXTS_H

// In a warning: the Adler-32 of the image data is wrong (zlib's inflate.c). libpng does not mind once all rows are there.
static const char libpng_wrong_adler[] = "incorrect data check";
// Begins a warning about a color profile, which is dropped: warnings about a chunk begin with its name.
static const char libpng_profile_prefix[] = "iCCP:";

#endif
