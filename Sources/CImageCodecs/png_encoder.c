#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "cimage_codecs.h"
#include "output_buffer.h"

enum { text_capacity = 200, smallest_room = 1 << 12 };

struct cic_png_encoder {
  png_structp png;
  png_infop info;
  jmp_buf jump;
  cic_status status;
  cic_output_buffer output;
  char message[text_capacity];
};

_Noreturn static void fail(cic_png_encoder *e, cic_status status, const char *message) {
  e->status = status;
  snprintf(e->message, sizeof e->message, "%s", message);
  _longjmp(e->jump, 1);
}

_Noreturn static void error_fn(png_structp png, png_const_charp message) {
  fail(png_get_error_ptr(png), strstr(message, "emory") ? CIC_OUT_OF_MEMORY : CIC_UNSUPPORTED, message);
}

// Warnings of a writer are about what it was told to write, which is then left out: kept for the check that follows.
static void warning_fn(png_structp png, png_const_charp message) {
  cic_png_encoder *e = png_get_error_ptr(png);
  snprintf(e->message, sizeof e->message, "%s", message);
}

static void write_fn(png_structp png, png_bytep bytes, size_t count) {
  cic_png_encoder *e = png_get_io_ptr(png);
  if (!cic_output_reserve(&e->output, count)) fail(e, CIC_OUT_OF_MEMORY, "no memory for the encoded image");
  memcpy(e->output.bytes + e->output.count, bytes, count);
  e->output.count += count;
}

static void flush_fn(png_structp png) { (void)png; }

cic_png_encoder *cic_png_encoder_create(void) {
  cic_png_encoder *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  if (_setjmp(e->jump)) {
    cic_png_encoder_destroy(e);
    return NULL;
  }
  e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, error_fn, warning_fn);
  e->info = e->png ? png_create_info_struct(e->png) : NULL;
  if (!e->info) {
    cic_png_encoder_destroy(e);
    return NULL;
  }
  png_set_write_fn(e->png, e, write_fn, flush_fn);
  return e;
}

void cic_png_encoder_destroy(cic_png_encoder *e) {
  if (e->png) png_destroy_write_struct(&e->png, &e->info);
  free(e->output.bytes);
  free(e);
}

const char *cic_png_encoder_message(const cic_png_encoder *e) { return e->message; }

cic_status cic_png_encoder_start(cic_png_encoder *e, const cic_png_encoder_options *options) {
  static const int color_types[5] = {
      0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  if (e->status) return e->status;
  if (_setjmp(e->jump)) return e->status;
  png_structp png = e->png;
  // A quarter of the pixels' bytes saves most of the growing.
  size_t guess = (size_t)options->width * options->height * (size_t)options->channels / 4 + smallest_room;
  if (!cic_output_reserve(&e->output, guess)) fail(e, CIC_OUT_OF_MEMORY, "no memory for the encoded image");
  png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
  png_set_option(png, PNG_SKIP_sRGB_CHECK_PROFILE, true);
  png_set_benign_errors(png, 1);
  png_set_IHDR(
      png, e->info, options->width, options->height, 8, color_types[options->channels], PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, options->level);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, options->all_filters ? PNG_ALL_FILTERS : PNG_FILTER_SUB);
  if (options->icc) {
    png_set_iCCP(png, e->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, options->icc, (png_uint_32)options->icc_count);
    if (!png_get_valid(png, e->info, PNG_INFO_iCCP)) {
      e->status = CIC_UNSUPPORTED;  // libpng's warning is the message
      return e->status;
    }
  } else if (options->srgb) {
    png_set_sRGB(png, e->info, PNG_sRGB_INTENT_PERCEPTUAL);
  }
  png_write_info(png, e->info);
  return CIC_OK;
}

cic_status cic_png_write_rows(cic_png_encoder *e, const uint8_t *base, ptrdiff_t stride, size_t count) {
  if (e->status) return e->status;
  if (_setjmp(e->jump)) return e->status;
  for (size_t y = 0; y < count; y++) png_write_row(e->png, base + (ptrdiff_t)y * stride);
  return CIC_OK;
}

cic_status cic_png_encoder_finish(cic_png_encoder *e, const uint8_t **bytes, size_t *count) {
  *bytes = NULL;
  *count = 0;
  if (e->status) return e->status;
  if (_setjmp(e->jump)) return e->status;
  png_write_end(e->png, e->info);
  *bytes = e->output.bytes;
  *count = e->output.count;
  return CIC_OK;
}
