#include "tiff_library.h"

#include <dlfcn.h>

bool cic_open_libtiff(cic_libtiff *library, old_report_function on_error, old_report_function on_warning) {
  static const char *const names[] = {
#if defined(__APPLE__)
      "libtiff.6.dylib", "/opt/homebrew/lib/libtiff.6.dylib", "/usr/local/lib/libtiff.6.dylib",
#else
      "libtiff.so.6", "libtiff.so.5",
#endif
  };
  void *handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) return false;
#define FIND(field, name) library->field = (__typeof__(library->field))dlsym(handle, name)
#define LOAD(field, name) \
  FIND(field, name);      \
  if (!library->field) return false;
  LOAD(version, "TIFFGetVersion")
  LOAD(open, "TIFFClientOpen")
  LOAD(close, "TIFFClose")
  LOAD(get, "TIFFGetField")
  LOAD(get_defaulted, "TIFFGetFieldDefaulted")
  LOAD(set, "TIFFSetField")
  LOAD(is_tiled, "TIFFIsTiled")
  LOAD(strip_count, "TIFFNumberOfStrips")
  LOAD(tile_count, "TIFFNumberOfTiles")
  LOAD(scanline_size, "TIFFScanlineSize64")
  LOAD(tile_size, "TIFFTileSize64")
  LOAD(tile_row_size, "TIFFTileRowSize64")
  LOAD(read_scanline, "TIFFReadScanline")
  LOAD(read_tile, "TIFFReadTile")
  FIND(options, "TIFFOpenOptionsAlloc");
  FIND(free_options, "TIFFOpenOptionsFree");
  FIND(limit_memory, "TIFFOpenOptionsSetMaxSingleMemAlloc");
  FIND(catch_errors, "TIFFOpenOptionsSetErrorHandlerExtR");
  FIND(catch_warnings, "TIFFOpenOptionsSetWarningHandlerExtR");
  if (library->options && library->free_options && library->limit_memory && library->catch_errors && library->catch_warnings) {
    FIND(open_with, "TIFFClientOpenExt");
  }
  if (!library->open_with) {
    // These handlers are set for the whole process. They print nothing, and ignore reports about other decoders' files.
    plain_report_function (*set_plain[2])(plain_report_function) = {
        (__typeof__(*set_plain))dlsym(handle, "TIFFSetErrorHandler"),
        (__typeof__(*set_plain))dlsym(handle, "TIFFSetWarningHandler")};
    old_report_function (*set[2])(old_report_function) = {
        (__typeof__(*set))dlsym(handle, "TIFFSetErrorHandlerExt"),
        (__typeof__(*set))dlsym(handle, "TIFFSetWarningHandlerExt")};
    if (!set_plain[0] || !set_plain[1] || !set[0] || !set[1]) return false;
    for (int i = 0; i < 2; i++) set_plain[i](NULL);
    set[0](on_error);
    set[1](on_warning);
  }
  return true;
}
