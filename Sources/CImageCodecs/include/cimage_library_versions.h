// Which codec libraries this build uses. Static strings.
#ifndef CIMAGE_LIBRARY_VERSIONS_H
#define CIMAGE_LIBRARY_VERSIONS_H

// Of the library loaded now.
const char *cic_libpng_version(void);
// Of the headers this was compiled with: neither library tells its version at run time.
const char *cic_libjpeg_turbo_version(void);
const char *cic_isal_version(void);

#endif
