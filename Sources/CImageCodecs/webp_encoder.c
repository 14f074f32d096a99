#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "byte_buffer.h"
#include "source.h"
#include "webp_library.h"

// libwebp's encoder, interface version 0x02xx (webp/encode.h): structures whose layout that version fixes. New versions put new fields into
// the padding.
enum { ABI_VERSION = 0x020b };

typedef struct {
  int lossless;
  float quality;
  int method;
  int rest_1[16];  // from image_hint to partitions
  int partition_limit;
  int rest_2[2];  // emulate_jpeg_size and thread_level
  int low_memory;
  int near_lossless;
  int exact;
  uint32_t padding[4];
} config_type;

typedef struct picture_type picture_type;
struct picture_type {
  int use_argb;
  int colorspace;
  int width, height;
  uint8_t *planes[3];
  int strides[2];
  uint8_t *alpha;
  int alpha_stride;
  uint32_t padding_1[2];
  uint32_t *argb;
  int argb_stride;
  uint32_t padding_2[3];
  int (*writer)(const uint8_t *data, size_t count, const picture_type *picture);
  void *custom;
  int extra_info_type;
  uint8_t *extra_info;
  void *stats;
  int error;
  int (*progress)(int percent, const picture_type *picture);
  void *user_data;
  uint32_t padding_3[3];
  uint8_t *padding_4[2];
  uint32_t padding_5[8];
  void *memory[2];
  void *padding_6[2];
};
enum {
  ERROR_OUT_OF_MEMORY = 1, ERROR_BITSTREAM_OUT_OF_MEMORY = 2, ERROR_PARTITION0_OVERFLOW = 6, ERROR_BAD_WRITE = 8, ERROR_USER_ABORT = 10
};

// A lossy file has 512 KiB for the prediction modes of all macroblocks (RFC 6386, 9.1: a size of 19 bits). A large picture with many details
// needs more. Each limit allows fewer bits of modes than the one before; the last one allows one mode for each macroblock.
static const int partition_limits[] = {0, 70, 100};

static struct {
  int (*init_config)(config_type *, int preset, float quality, int version);
  int (*set_lossless)(config_type *, int level);
  int (*init_picture)(picture_type *, int version);
  int (*import_rgb)(picture_type *, const uint8_t *pixels, int stride);
  int (*import_rgba)(picture_type *, const uint8_t *pixels, int stride);
  int (*encode)(const config_type *, picture_type *);
  void (*free)(picture_type *);
  bool is_open;
} library;

static void open_library(void) {
  void *handle = cic_open_libwebp();
  if (!handle) return;
#define LOAD(field, name)                                         \
  library.field = (__typeof__(library.field))dlsym(handle, name); \
  if (!library.field) return;
  LOAD(init_config, "WebPConfigInitInternal")
  LOAD(set_lossless, "WebPConfigLosslessPreset")
  LOAD(init_picture, "WebPPictureInitInternal")
  LOAD(import_rgb, "WebPPictureImportRGB")
  LOAD(import_rgba, "WebPPictureImportRGBA")
  LOAD(encode, "WebPEncode")
  LOAD(free, "WebPPictureFree")
  library.is_open = true;
}

bool cic_webp_can_encode(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_library);
  return library.is_open;
}

struct cic_webp_encoder {
  cic_cancel_flag *cancel;
  cic_byte_buffer output;
};

cic_webp_encoder *cic_webp_encoder_create(cic_cancel_flag *cancel) {
  if (!cic_webp_can_encode()) return NULL;
  cic_webp_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder) encoder->cancel = cancel;
  return encoder;
}

void cic_webp_encoder_destroy(cic_webp_encoder *encoder) {
  free(encoder->output.bytes);
  free(encoder);
}

static int write_bytes(const uint8_t *data, size_t count, const picture_type *picture) {
  cic_byte_buffer *output = &((cic_webp_encoder *)picture->custom)->output;
  if (!cic_byte_buffer_reserve(output, count)) return 0;
  memcpy(output->bytes + output->count, data, count);
  output->count += count;
  return 1;
}

static int goes_on(int percent, const picture_type *picture) {
  return !cic_is_canceled(((cic_webp_encoder *)picture->custom)->cancel);
}

cic_status cic_webp_encode(
    cic_webp_encoder *encoder, const cic_webp_encoder_options *options, const uint8_t *pixels, int32_t stride,
    const uint8_t **bytes, size_t *count) {
  config_type config;
  picture_type picture;
  if (!library.init_config(&config, 0, options->quality, ABI_VERSION) || !library.init_picture(&picture, ABI_VERSION)) {
    return CIC_UNSUPPORTED;
  }
  if (options->lossless && !library.set_lossless(&config, options->effort)) return CIC_UNSUPPORTED;
  if (!options->lossless) config.method = options->effort;
  config.exact = 1;
  config.low_memory = options->saves_memory;
  picture.use_argb = options->lossless;
  picture.width = (int)options->width;
  picture.height = (int)options->height;
  picture.writer = write_bytes;
  picture.custom = encoder;
  picture.progress = goes_on;
  cic_status status = CIC_OK;
  if (!(options->has_alpha ? library.import_rgba : library.import_rgb)(&picture, pixels, stride)) {
    status = CIC_OUT_OF_MEMORY;
  } else {
    bool is_encoded = false;
    for (size_t k = 0; !is_encoded && k < sizeof partition_limits / sizeof *partition_limits; k++) {
      config.partition_limit = partition_limits[k];
      encoder->output.count = 0;
      is_encoded = library.encode(&config, &picture);
      if (picture.error != ERROR_PARTITION0_OVERFLOW) break;
    }
    if (!is_encoded) switch (picture.error) {
      case ERROR_PARTITION0_OVERFLOW: status = CIC_TOO_LARGE; break;
      case ERROR_USER_ABORT: status = CIC_CANCELED; break;
      case ERROR_OUT_OF_MEMORY: case ERROR_BITSTREAM_OUT_OF_MEMORY: case ERROR_BAD_WRITE: status = CIC_OUT_OF_MEMORY; break;
      default: status = CIC_UNSUPPORTED; break;
    }
  }
  library.free(&picture);
  *bytes = encoder->output.bytes;
  *count = encoder->output.count;
  return status;
}
