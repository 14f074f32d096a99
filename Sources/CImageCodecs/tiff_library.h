// Opens libtiff for the decoder.
#ifndef CIC_TIFF_LIBRARY_H
#define CIC_TIFF_LIBRARY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The part of libtiff's interface (tiffio.h and tiff.h of 4.0 and later) that is used. No headers are needed to build, and the library
// is needed only when the first TIFF is read.
typedef struct tiff TIFF;
typedef struct TIFFOpenOptions TIFFOpenOptions;
typedef ptrdiff_t (*read_function)(void *handle, void *bytes, ptrdiff_t count);
typedef uint64_t (*seek_function)(void *handle, uint64_t offset, int whence);
typedef int (*close_function)(void *handle);
typedef uint64_t (*size_function)(void *handle);
typedef int (*map_function)(void *handle, void **base, uint64_t *size);
typedef void (*unmap_function)(void *handle, void *base, uint64_t size);
typedef int (*report_function)(TIFF *tiff, void *user, const char *module, const char *format, va_list values);
typedef void (*old_report_function)(void *handle, const char *module, const char *format, va_list values);
typedef void (*plain_report_function)(const char *module, const char *format, va_list values);

// The functions that are used.
typedef struct {
  const char *(*version)(void);
  TIFF *(*open)(
      const char *name, const char *mode, void *handle, read_function, read_function, seek_function, close_function,
      size_function, map_function, unmap_function);
  void (*close)(TIFF *);
  int (*get)(TIFF *, uint32_t tag, ...);
  int (*get_defaulted)(TIFF *, uint32_t tag, ...);
  int (*set)(TIFF *, uint32_t tag, ...);
  int (*is_tiled)(TIFF *);
  uint32_t (*strip_count)(TIFF *);
  uint32_t (*tile_count)(TIFF *);
  uint64_t (*scanline_size)(TIFF *);
  uint64_t (*tile_size)(TIFF *);
  uint64_t (*tile_row_size)(TIFF *);
  int (*read_scanline)(TIFF *, void *row, uint32_t y, uint16_t plane);
  ptrdiff_t (*read_tile)(TIFF *, void *tile, uint32_t x, uint32_t y, uint32_t z, uint16_t plane);

  // Since version 4.5; NULL in earlier ones.
  TIFF *(*open_with)(
      const char *name, const char *mode, void *handle, read_function, read_function, seek_function, close_function,
      size_function, map_function, unmap_function, TIFFOpenOptions *);
  TIFFOpenOptions *(*options)(void);
  void (*free_options)(TIFFOpenOptions *);
  void (*limit_memory)(TIFFOpenOptions *, ptrdiff_t bytes);
  void (*catch_errors)(TIFFOpenOptions *, report_function, void *user);
  void (*catch_warnings)(TIFFOpenOptions *, report_function, void *user);
} cic_libtiff;

// False if libtiff is not installed. Before 4.5 the two functions get all reports of the process.
bool cic_open_libtiff(cic_libtiff *library, old_report_function on_error, old_report_function on_warning);

#endif
