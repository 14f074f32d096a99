// Memory of libpng. Its errors are texts, and several of them say that there is no memory; a failed allocation is certain.
#ifndef CIC_PNG_MEMORY_H
#define CIC_PNG_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include <png.h>

// For png_create_read_struct_2 and png_create_write_struct_2: their mem_ptr is a bool, which becomes true where memory ran out.
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
