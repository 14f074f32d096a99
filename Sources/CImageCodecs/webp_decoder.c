#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "cimage_codecs.h"
#include "webp_library.h"

// libwebp's interface of version 0x02xx (webp/decode.h), which has not changed since 2012: functions that take plain values. No headers
// are needed to build, and the library is needed only when the first WebP is read.
typedef struct WebPIDecoder WebPIDecoder;
typedef struct WebPDecBuffer WebPDecBuffer;
enum { MODE_RGB = 0, MODE_RGBA = 1 };
enum { VP8_STATUS_OK = 0, VP8_STATUS_OUT_OF_MEMORY = 1, VP8_STATUS_UNSUPPORTED_FEATURE = 4, VP8_STATUS_SUSPENDED = 5 };

static struct {
  int (*version)(void);
  WebPIDecoder *(*new_rgb)(int mode, uint8_t *pixels, size_t bytes, int stride);
  int (*update)(WebPIDecoder *decoder, const uint8_t *data, size_t count);
  WebPIDecoder *(*new_yuva)(
    uint8_t *y, size_t y_bytes, int y_stride, uint8_t *u, size_t u_bytes, int u_stride, uint8_t *v, size_t v_bytes, int v_stride,
    uint8_t *a, size_t a_bytes, int a_stride);
  const WebPDecBuffer *(*area)(const WebPIDecoder *decoder, int *left, int *top, int *width, int *height);
  void (*delete)(WebPIDecoder *decoder);
  bool is_open;
} library;

void *cic_open_libwebp(void) {
  static const char *const names[] = {
#if defined(__APPLE__)
    "libwebp.7.dylib", "/opt/homebrew/lib/libwebp.7.dylib", "/usr/local/lib/libwebp.7.dylib",
#else
    "libwebp.so.7", "libwebpdecoder.so.3",
#endif
  };
  void *handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return handle;
}

static void open_library(void) {
  void *handle = cic_open_libwebp();
  if (!handle) return;
#define LOAD(field, name)                                        \
  library.field = (__typeof__(library.field))dlsym(handle, name); \
  if (!library.field) return;
  LOAD(version, "WebPGetDecoderVersion")
  LOAD(new_rgb, "WebPINewRGB")
  LOAD(new_yuva, "WebPINewYUVA")
  LOAD(update, "WebPIUpdate")
  LOAD(area, "WebPIDecodedArea")
  LOAD(delete, "WebPIDelete")
  library.is_open = true;
}

int32_t cic_webp_version(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  return library.is_open ? library.version() : 0;
}

struct cic_webp_decoder {
  WebPIDecoder *decoder;
};

static WebPIDecoder *new_decoder(uint8_t *pixels, int width, int height, cic_webp_output output) {
  size_t count = (size_t)width * (size_t)height;
  if (output == CIC_WEBP_OUT_PLANES) {
    int half = (width + 1) / 2;
    size_t halved = (size_t)half * (size_t)((height + 1) / 2);
    uint8_t *blue = pixels + count;
    return library.new_yuva(pixels, count, width, blue, halved, half, blue + halved, halved, half, NULL, 0, 0);
  }
  int channels = output == CIC_WEBP_OUT_RGBA ? 4 : 3;
  return library.new_rgb(channels == 4 ? MODE_RGBA : MODE_RGB, pixels, count * (size_t)channels, width * channels);
}

cic_webp_decoder *cic_webp_decoder_create(uint8_t *pixels, int32_t width, int32_t height, cic_webp_output output) {
  if (!cic_webp_version()) return NULL;
  cic_webp_decoder *decoder = calloc(1, sizeof *decoder);
  if (decoder) decoder->decoder = new_decoder(pixels, width, height, output);
  if (decoder && decoder->decoder) return decoder;
  free(decoder);
  return NULL;
}

void cic_webp_decoder_destroy(cic_webp_decoder *decoder) {
  library.delete(decoder->decoder);
  free(decoder);
}

cic_status cic_webp_decode(cic_webp_decoder *decoder, const uint8_t *data, size_t count, size_t *rows) {
  int status = library.update(decoder->decoder, data, count);
  int left = 0, top = 0, width = 0, done = 0;
  *rows = library.area(decoder->decoder, &left, &top, &width, &done) && done > 0 ? (size_t)done : 0;
  switch (status) {
    case VP8_STATUS_OK:
    case VP8_STATUS_SUSPENDED: return CIC_OK;
    case VP8_STATUS_OUT_OF_MEMORY: return CIC_OUT_OF_MEMORY;
    case VP8_STATUS_UNSUPPORTED_FEATURE: return CIC_UNSUPPORTED;
    default: return CIC_CORRUPT;
  }
}
