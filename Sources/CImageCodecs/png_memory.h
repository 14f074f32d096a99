// libpng's allocator. libpng has several texts for a lack of memory, and no code.
#ifndef CIC_PNG_MEMORY_H
#define CIC_PNG_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include <png.h>

// For png_create_read_struct_2 and png_create_write_struct_2, with a bool as mem_ptr: true once an allocation has failed.
static inline png_voidp cic_png_allocate(png_structp png, png_alloc_size_t count) {
  png_voidp bytes = malloc(count);
  if (!bytes) *(bool *)png_get_mem_ptr(png) = true;
  return bytes;
}

static inline void cic_png_free(png_structp png, png_voidp bytes) {
  (void)png;
  free(bytes);
}

#endif
