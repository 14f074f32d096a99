#if defined(GESSO_HEIF)

#include "picture.h"

#include <libheif/heif.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct picture {
  struct heif_context *context;
  struct heif_image_handle *handle;
  uint32_t width, height;
  int bits;
  bool has_alpha, is_premultiplied;
  uint8_t *profile, *exif, *xmp;
};

void picture_load_codecs(void) { heif_init(NULL); }

static const char *decoder_name(enum heif_compression_format format) {
  const struct heif_decoder_descriptor *first = NULL;
  return heif_get_decoder_descriptors(format, &first, 1) > 0 ? heif_decoder_descriptor_get_id_name(first) : "none";
}

void picture_report(char *text, size_t count) {
  snprintf(text, count, "libheif %s, HEVC by %s, AV1 by %s", heif_get_version(), decoder_name(heif_compression_HEVC),
           decoder_name(heif_compression_AV1));
}

// MARK: Errors

// The status for an error of libheif, whose message becomes the text.
static uint32_t status_of(struct heif_error error, char *text) {
  // The message is shown in one line.
  snprintf(text, GD_MAX_TEXT, "%s", error.message ? error.message : "");
  for (char *c = text; *c; c++) {
    if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') *c = ' ';
  }
  if (error.subcode == heif_suberror_End_of_data) return GD_TRUNCATED;
  if (error.subcode == heif_suberror_Unsupported_codec) return GD_NO_DECODER;
  switch (error.code) {
    case heif_error_Memory_allocation_error: return GD_OUT_OF_MEMORY;
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype: return GD_UNSUPPORTED;
    default: return GD_CORRUPT;
  }
}

static uint32_t failure(uint32_t status, const char *message, char *text) {
  snprintf(text, GD_MAX_TEXT, "%s", message);
  return status;
}

// MARK: Metadata

// The first block of metadata of a type; NULL if there is none. NULL too if the block is larger than `limit` or cannot be read; `flags`
// then has GD_METADATA_LEFT_OUT.
static uint8_t *metadata(struct heif_image_handle *handle, const char *type, const char *content, size_t limit, size_t *count,
                         uint32_t *flags) {
  heif_item_id ids[16];
  int found = heif_image_handle_get_list_of_metadata_block_IDs(handle, type, ids, 16);
  for (int i = 0; i < found; i++) {
    const char *content_type = heif_image_handle_get_metadata_content_type(handle, ids[i]);
    if (content && (!content_type || strcmp(content, content_type) != 0)) continue;
    *count = heif_image_handle_get_metadata_size(handle, ids[i]);
    uint8_t *bytes = *count > 0 && *count <= limit ? malloc(*count) : NULL;
    if (bytes && heif_image_handle_get_metadata(handle, ids[i], bytes).code == heif_error_Ok) return bytes;
    free(bytes);
    *flags |= GD_METADATA_LEFT_OUT;
    break;
  }
  *count = 0;
  return NULL;
}

static void read_metadata(picture *picture, const gd_request *request, gd_reply *reply, picture_parts *parts) {
  size_t count = 0, limit = request->max_metadata_bytes;
  picture->exif = metadata(picture->handle, "Exif", NULL, limit, &count, &reply->flags);
  if (picture->exif && count >= 4) {
    // The block begins with the offset of the TIFF structure (ISO/IEC 23008-12, A.2.1).
    size_t start = 4 + ((size_t)picture->exif[0] << 24 | picture->exif[1] << 16 | picture->exif[2] << 8 | picture->exif[3]);
    if (start < count) {
      parts->exif = picture->exif + start;
      reply->exif_bytes = (uint32_t)(count - start);
    }
  }
  picture->xmp = metadata(picture->handle, "mime", "application/rdf+xml", limit - count, &count, &reply->flags);
  if (picture->xmp) {
    parts->xmp = picture->xmp;
    reply->xmp_bytes = (uint32_t)count;
  }
}

// Reads the profile and the code points; false for a profile above the limit.
static bool read_color(picture *picture, const gd_request *request, gd_reply *reply, picture_parts *parts) {
  size_t count = heif_image_handle_get_raw_color_profile_size(picture->handle);
  if (count > request->max_profile_bytes) return false;
  if (count > 0 && (picture->profile = malloc(count)) &&
      heif_image_handle_get_raw_color_profile(picture->handle, picture->profile).code == heif_error_Ok) {
    parts->profile = picture->profile;
    reply->profile_bytes = (uint32_t)count;
  }
  struct heif_color_profile_nclx *points = NULL;
  if (heif_image_handle_get_nclx_color_profile(picture->handle, &points).code == heif_error_Ok && points) {
    reply->flags |= GD_HAS_CODE_POINTS | (points->matrix_coefficients == 0 ? GD_IS_RGB : 0);
    reply->primaries = points->color_primaries;
    reply->transfer = points->transfer_characteristics;
    heif_nclx_color_profile_free(points);
  }
  return true;
}

// True if the brands of a file contain `brand`.
static bool has_brand(const uint8_t *bytes, uint64_t count, const char *brand) {
  if (count < 16) return false;
  uint64_t size = (uint64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  for (uint64_t at = 16; at + 4 <= size && at + 4 <= count; at += 4) {
    if (memcmp(bytes + at, brand, 4) == 0) return true;
  }
  return false;
}

static bool has_gain_map(struct heif_image_handle *handle) {
  heif_item_id ids[16];
  int filter = LIBHEIF_AUX_IMAGE_FILTER_OMIT_ALPHA | LIBHEIF_AUX_IMAGE_FILTER_OMIT_DEPTH;
  int count = heif_image_handle_get_list_of_auxiliary_image_IDs(handle, filter, ids, 16);
  bool found = false;
  for (int i = 0; i < count && !found; i++) {
    struct heif_image_handle *auxiliary = NULL;
    const char *type = NULL;
    if (heif_image_handle_get_auxiliary_image_handle(handle, ids[i], &auxiliary).code != heif_error_Ok) continue;
    if (heif_image_handle_get_auxiliary_type(auxiliary, &type).code == heif_error_Ok && type) {
      // The name is not released: the call for it differs between versions of libheif, and this process ends soon.
      found = strstr(type, "gainmap") || strstr(type, "gain_map");
    }
    heif_image_handle_release(auxiliary);
  }
  return found;
}

// MARK: Headers

picture *picture_open(const gd_request *request, const uint8_t *bytes, gd_reply *reply, picture_parts *parts, char *text) {
  picture *picture = calloc(1, sizeof *picture);
  if (!picture || !(picture->context = heif_context_alloc())) {
    reply->status = GD_OUT_OF_MEMORY;
    return NULL;
  }
  // Two threads, because each takes memory. The limit on sides is only an upper bound: the process that asks has limits of its own.
  heif_context_set_max_decoding_threads(picture->context, 2);
  heif_context_set_maximum_image_size_limit(picture->context, 1 << 24);
  struct heif_error error = heif_context_read_from_memory_without_copy(picture->context, bytes, request->file_bytes, NULL);
  if (error.code == heif_error_Ok) error = heif_context_get_primary_image_handle(picture->context, &picture->handle);
  if (error.code != heif_error_Ok) {
    reply->status = status_of(error, text);
    return NULL;
  }
  int width = heif_image_handle_get_width(picture->handle), height = heif_image_handle_get_height(picture->handle);
  picture->bits = heif_image_handle_get_luma_bits_per_pixel(picture->handle);
  if (width <= 0 || height <= 0) {
    reply->status = failure(GD_CORRUPT, "the picture has no size", text);
    return NULL;
  }
  if (picture->bits < 1 || picture->bits > 16) {
    reply->status = failure(GD_CORRUPT, "the picture's samples have no size", text);
    return NULL;
  }
  picture->has_alpha = heif_image_handle_has_alpha_channel(picture->handle);
  picture->is_premultiplied = picture->has_alpha && heif_image_handle_is_premultiplied_alpha(picture->handle);
  reply->width = picture->width = (uint32_t)width;
  reply->height = picture->height = (uint32_t)height;
  reply->bits = picture->bits < 8 ? 8 : (uint32_t)picture->bits;
  if (picture->has_alpha) reply->flags |= GD_HAS_ALPHA;
  // The second brand is that of a tone-mapped derivation with a gain map (ISO/IEC 23008-12).
  if (has_gain_map(picture->handle) || has_brand(bytes, request->file_bytes, "tmap")) reply->flags |= GD_HAS_GAIN_MAP;
  if (heif_context_get_number_of_top_level_images(picture->context) > 1) reply->flags |= GD_HAS_OTHER_IMAGES;
  if (!read_color(picture, request, reply, parts)) {
    reply->status = GD_PROFILE_LIMIT;
    return NULL;
  }
  read_metadata(picture, request, reply, parts);
  return picture;
}

// MARK: Pixels

// One channel of a decoded picture.
typedef struct plane {
  const uint8_t *samples;
  size_t stride;
  uint32_t most;
} plane;

// Finds a channel; false if it has another size than the picture, or its samples are wider than `bits`.
static bool find_plane(const struct heif_image *image, enum heif_channel channel, const picture *picture, int bits, plane *plane) {
  int stride = 0;
  plane->samples = heif_image_get_plane_readonly(image, channel, &stride);
  const int own_bits = heif_image_get_bits_per_pixel_range(image, channel);
  if (!plane->samples || stride <= 0 || own_bits < 1 || own_bits > bits ||
      heif_image_get_width(image, channel) != (int)picture->width || heif_image_get_height(image, channel) != (int)picture->height)
    return false;
  plane->stride = (size_t)stride;
  plane->most = (1u << own_bits) - 1;
  return plane->stride >= (size_t)picture->width * (own_bits > 8 ? 2 : 1);
}

static uint32_t sample(const plane *plane, uint32_t x, uint32_t y, uint32_t highest) {
  const uint8_t *row = plane->samples + plane->stride * y;
  const uint32_t value = plane->most > 255 ? ((const uint16_t *)(const void *)row)[x] : row[x];
  if (plane->most == highest) return value;
  return ((value < plane->most ? value : plane->most) * highest + plane->most / 2) / plane->most;
}

// Writes one channel of a row, with samples up to `highest`. If `alpha` is not NULL, samples are divided by it.
static void write_channel(const plane *plane, const struct plane *alpha, uint32_t y, uint32_t width, uint32_t highest, uint8_t *output,
                          uint32_t step) {
  for (uint32_t x = 0; x < width; x++, output += step) {
    uint32_t value = sample(plane, x, y, highest);
    if (alpha) {
      const uint32_t divisor = sample(alpha, x, y, highest);
      const uint64_t straight = divisor == 0 ? 0 : ((uint64_t)value * highest + divisor / 2) / divisor;
      value = straight < highest ? (uint32_t)straight : highest;
    }
    if (highest > 255) *(uint16_t *)(void *)output = (uint16_t)value;
    else *output = (uint8_t)value;
  }
}

void picture_decode(picture *picture, uint8_t *pixels, uint64_t count, gd_reply *reply, char *text) {
  const int bits = picture->bits > 8 ? 16 : 8;
  const uint32_t channels = picture->has_alpha ? 4 : 3, bytes = (uint32_t)bits / 8, highest = (1u << bits) - 1;
  const size_t row_bytes = (size_t)picture->width * channels * bytes;
  if (count != row_bytes * picture->height) {
    reply->status = failure(GD_CORRUPT, "the memory for pixels has another size", text);
    return;
  }
  struct heif_image *image = NULL;
  struct heif_error error = heif_decode_image(picture->handle, &image, heif_colorspace_RGB, heif_chroma_444, NULL);
  if (error.code != heif_error_Ok) {
    reply->status = status_of(error, text);
    return;
  }
  const enum heif_channel names[] = {heif_channel_R, heif_channel_G, heif_channel_B, heif_channel_Alpha};
  plane planes[4];
  for (uint32_t channel = 0; channel < channels; channel++) {
    if (!find_plane(image, names[channel], picture, bits, &planes[channel])) {
      reply->status = failure(GD_CORRUPT, "the picture and its headers do not agree", text);
      return;
    }
  }
  const plane *alpha = picture->is_premultiplied ? &planes[3] : NULL;
  for (uint32_t y = 0; y < picture->height; y++, pixels += row_bytes) {
    for (uint32_t channel = 0; channel < channels; channel++) {
      const struct plane *divisor = channel < 3 ? alpha : NULL;
      write_channel(&planes[channel], divisor, y, picture->width, highest, pixels + channel * bytes, channels * bytes);
    }
  }
  // The list has room for all warnings, because libheif 1.15 writes all of them whatever the length of the list is.
  const int warnings = heif_image_get_decoding_warnings(image, 0, NULL, 0);
  struct heif_error *list = warnings > 0 ? calloc((size_t)warnings, sizeof *list) : NULL;
  if (list && heif_image_get_decoding_warnings(image, 0, list, warnings) > 0) status_of(list[0], text);
  free(list);
  heif_image_release(image);
}

#endif
