// The codec libraries that this build uses. The strings are static.
#ifndef CIMAGE_LIBRARY_VERSIONS_H
#define CIMAGE_LIBRARY_VERSIONS_H

// The version of the library that is loaded.
const char *cic_libpng_version(void);
// The version of the headers that this file was compiled with, because the library has no function for its version.
const char *cic_libjpeg_turbo_version(void);
int cic_libjpeg_turbo_version_number(void);  // LIBJPEG_TURBO_VERSION_NUMBER: 2001005 for 2.1.5
const char *cic_isal_version(void);

#endif
