#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "byte_buffer.h"
#include "cimage_codecs.h"
#include "png_memory.h"

enum { text_capacity = 200, largest_palette = 256 };

struct cic_png_encoder {
  png_structp png;
  png_infop info;
  bool lacks_memory;  // libpng was refused some
  jmp_buf jump;
  cic_status status;
  cic_byte_buffer output;
  char message[text_capacity];
};

static cic_status set_failure(cic_png_encoder *e, cic_status status, const char *message) {
  e->status = status;
  snprintf(e->message, sizeof e->message, "%s", message);
  return status;
}

_Noreturn static void raise_failure(cic_png_encoder *e, cic_status status, const char *message) {
  set_failure(e, status, message);
  _longjmp(e->jump, 1);
}

_Noreturn static void error_fn(png_structp png, png_const_charp message) {
  cic_png_encoder *e = png_get_error_ptr(png);
  raise_failure(e, e->lacks_memory ? CIC_OUT_OF_MEMORY : CIC_UNSUPPORTED, message);
}

// libpng warns if it leaves something out. The text is kept as the message of the failure.
static void warning_fn(png_structp png, png_const_charp message) {
  cic_png_encoder *e = png_get_error_ptr(png);
  snprintf(e->message, sizeof e->message, "%s", message);
}

static void write_fn(png_structp png, png_bytep bytes, size_t count) {
  cic_png_encoder *e = png_get_io_ptr(png);
  if (!cic_byte_buffer_reserve(&e->output, count)) raise_failure(e, CIC_OUT_OF_MEMORY, "no memory for the encoded image");
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
  e->png = png_create_write_struct_2(
      PNG_LIBPNG_VER_STRING, e, error_fn, warning_fn, &e->lacks_memory, cic_png_allocate, cic_png_free);
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

// If a tRNS chunk is too long, libpng leaves it out, and only warns.
static bool is_palette_sound(const cic_png_encoder_options *options) {
  if (options->palette_count < 1 || options->palette_count > largest_palette) return false;
  if (options->alpha_count < 0 || options->alpha_count > options->palette_count) return false;
  return options->alpha || options->alpha_count == 0;
}

cic_status cic_png_encoder_start(cic_png_encoder *e, const cic_png_encoder_options *options) {
  if (e->status) return e->status;
  if (options->palette && !is_palette_sound(options))
    return set_failure(e, CIC_UNSUPPORTED, "a palette has 1 to 256 colors, and alpha for no more than these");
  if (_setjmp(e->jump)) return e->status;
  png_structp png = e->png;
  png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
  png_set_option(png, PNG_SKIP_sRGB_CHECK_PROFILE, true);
  png_set_benign_errors(png, 1);
  png_set_IHDR(
      png, e->info, options->width, options->height, options->bit_depth, options->color_type, PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (options->icc) {
    png_set_iCCP(png, e->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, options->icc, (png_uint_32)options->icc_count);
    if (!png_get_valid(png, e->info, PNG_INFO_iCCP)) {
      e->status = CIC_UNSUPPORTED;  // libpng's warning is the message
      return e->status;
    }
  } else if (options->srgb) {
    png_set_sRGB(png, e->info, PNG_sRGB_INTENT_PERCEPTUAL);
  }
  if (options->palette) {
    png_color colors[largest_palette];
    for (int k = 0; k < options->palette_count; k++)
      colors[k] = (png_color){options->palette[3 * k], options->palette[3 * k + 1], options->palette[3 * k + 2]};
    png_set_PLTE(png, e->info, colors, options->palette_count);
    if (options->alpha_count) png_set_tRNS(png, e->info, options->alpha, options->alpha_count, NULL);
  }
  png_write_info(png, e->info);
  return CIC_OK;
}

void cic_png_encoder_output(const cic_png_encoder *e, const uint8_t **bytes, size_t *count) {
  *bytes = e->output.bytes;
  *count = e->output.count;
}
