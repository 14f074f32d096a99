// libjpeg's header uses FILE and size_t, but does not include the headers that define them.
#include <stdio.h>

#include "include/cimage_library_versions.h"

#include <isa-l.h>
#include <jpeglib.h>
#include <png.h>

#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

const char *cic_libpng_version(void) { return png_get_libpng_ver(NULL); }

const char *cic_libjpeg_turbo_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }

int cic_libjpeg_turbo_version_number(void) { return LIBJPEG_TURBO_VERSION_NUMBER; }

const char *cic_isal_version(void) {
  return TEXT(ISAL_MAJOR_VERSION) "." TEXT(ISAL_MINOR_VERSION) "." TEXT(ISAL_PATCH_VERSION);
}
