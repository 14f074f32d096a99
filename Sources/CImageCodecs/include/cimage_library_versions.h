// Which codec libraries this build uses. Static strings.
#ifndef CIMAGE_LIBRARY_VERSIONS_H
#define CIMAGE_LIBRARY_VERSIONS_H

// Of the library that is loaded.
const char *cic_libpng_version(void);
// Of the headers this was compiled with: neither library has a function for it.
const char *cic_libjpeg_turbo_version(void);
int cic_libjpeg_turbo_version_number(void);  // LIBJPEG_TURBO_VERSION_NUMBER: 2001005 for 2.1.5
const char *cic_isal_version(void);

#endif
