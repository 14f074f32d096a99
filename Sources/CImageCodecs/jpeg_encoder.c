#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "byte_buffer.h"
#include "cimage_codecs.h"

enum { rows_per_call = 64, smallest_room = 1 << 12 };

struct cic_jpeg_encoder {
  struct jpeg_compress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr writer;
  jmp_buf jump;
  cic_status status;
  cic_byte_buffer output;
  char message[JMSG_LENGTH_MAX];
};

static cic_jpeg_encoder *encoder_of(void *codec) { return ((j_common_ptr)codec)->client_data; }

static cic_status set_failure(cic_jpeg_encoder *e, cic_status status, const char *message) {
  e->status = status;
  snprintf(e->message, sizeof e->message, "%s", message);
  return status;
}

_Noreturn static void error_exit(j_common_ptr common) {
  cic_jpeg_encoder *e = encoder_of(common);
  common->err->format_message(common, e->message);
  switch (common->err->msg_code) {
    case JERR_OUT_OF_MEMORY: e->status = CIC_OUT_OF_MEMORY; break;
    case JERR_IMAGE_TOO_BIG: e->status = CIC_TOO_LARGE; break;
    default: e->status = CIC_UNSUPPORTED;
  }
  _longjmp(e->jump, 1);
}

static void emit_message(j_common_ptr common, int level) { (void)common, (void)level; }
static void output_message(j_common_ptr common) { (void)common; }

static void offer_room(cic_jpeg_encoder *e) {
  if (!cic_byte_buffer_reserve(&e->output, smallest_room)) ERREXIT1(&e->codec, JERR_OUT_OF_MEMORY, 0);
  e->writer.next_output_byte = e->output.bytes + e->output.count;
  e->writer.free_in_buffer = e->output.capacity - e->output.count;
}

static void init_destination(j_compress_ptr c) { offer_room(encoder_of(c)); }

static boolean empty_output_buffer(j_compress_ptr c) {
  cic_jpeg_encoder *e = encoder_of(c);
  e->output.count = e->output.capacity;  // the buffer is full; free_in_buffer is not maintained here
  offer_room(e);
  return TRUE;
}

static void term_destination(j_compress_ptr c) {
  cic_jpeg_encoder *e = encoder_of(c);
  e->output.count = e->output.capacity - e->writer.free_in_buffer;
}

cic_jpeg_encoder *cic_jpeg_encoder_create(void) {
  cic_jpeg_encoder *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  struct jpeg_compress_struct *c = &e->codec;
  c->err = jpeg_std_error(&e->errors);
  c->client_data = e;
  e->errors.error_exit = error_exit;
  e->errors.emit_message = emit_message;
  e->errors.output_message = output_message;
  if (_setjmp(e->jump)) {
    jpeg_destroy_compress(c);
    free(e);
    return NULL;
  }
  jpeg_create_compress(c);
  e->writer = (struct jpeg_destination_mgr){
      .init_destination = init_destination,
      .empty_output_buffer = empty_output_buffer,
      .term_destination = term_destination,
  };
  c->dest = &e->writer;
  return e;
}

void cic_jpeg_encoder_destroy(cic_jpeg_encoder *e) {
  jpeg_destroy_compress(&e->codec);
  free(e->output.bytes);
  free(e);
}

const char *cic_jpeg_encoder_message(const cic_jpeg_encoder *e) { return e->message; }

// Does what jpeg_set_quality does, but with fractions: near 100, a step of 1 changes the size of the file by 10 %.
static void set_quality(j_compress_ptr c, double quality) {
  double scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  jpeg_set_linear_quality(c, 100, FALSE);
  for (int table = 0; table < 2; table++) {
    UINT16 *steps = c->quant_tbl_ptrs[table]->quantval;
    for (int i = 0; i < DCTSIZE2; i++) {
      int step = (int)((steps[i] * scale + 50) / 100);
      steps[i] = (UINT16)(step < 1 ? 1 : step > 255 ? 255 : step);
    }
  }
}

cic_status cic_jpeg_encoder_start(cic_jpeg_encoder *e, const cic_jpeg_encoder_options *options) {
  struct jpeg_compress_struct *c = &e->codec;
  if (e->status) return e->status;
  if (_setjmp(e->jump)) return e->status;
  bool gray = options->components == 1;
  c->image_width = options->width;
  c->image_height = options->height;
  c->input_components = options->components;
  c->in_color_space = gray ? JCS_GRAYSCALE : options->planes ? JCS_YCbCr : JCS_RGB;
  jpeg_set_defaults(c);
  set_quality(c, options->quality);
  c->dct_method = JDCT_ISLOW;
  c->optimize_coding = options->optimized;
  c->raw_data_in = options->planes;
  c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = !gray && options->subsampled ? 2 : 1;
  // Photographs take 1 to 3 bits a pixel. A first capacity of 2 bits saves most reallocations.
  size_t guess = (size_t)options->width * options->height / 4 + options->icc_count + smallest_room;
  if (!cic_byte_buffer_reserve(&e->output, guess)) ERREXIT1(c, JERR_OUT_OF_MEMORY, 0);
  jpeg_start_compress(c, TRUE);
  if (options->icc) jpeg_write_icc_profile(c, options->icc, (unsigned)options->icc_count);
  return CIC_OK;
}

cic_status cic_jpeg_write_rows(cic_jpeg_encoder *e, const uint8_t *base, ptrdiff_t stride, size_t count) {
  if (e->status) return e->status;
  // Without this check, the loop below would not end, because libjpeg-turbo takes no row after the last one.
  if (count > e->codec.image_height - e->codec.next_scanline)
    return set_failure(e, CIC_UNSUPPORTED, "more rows than the image has");
  if (_setjmp(e->jump)) return e->status;
  for (size_t done = 0; done < count;) {
    JSAMPROW rows[rows_per_call];
    size_t batch = count - done < rows_per_call ? count - done : rows_per_call;
    for (size_t i = 0; i < batch; i++) rows[i] = (JSAMPROW)base + (ptrdiff_t)(done + i) * stride;
    done += jpeg_write_scanlines(&e->codec, rows, (JDIMENSION)batch);
  }
  return CIC_OK;
}

cic_status cic_jpeg_write_planes(cic_jpeg_encoder *e, uint8_t *const *planes, const ptrdiff_t *strides) {
  struct jpeg_compress_struct *c = &e->codec;
  if (e->status) return e->status;
  if (!c->raw_data_in || c->next_scanline >= c->image_height)
    return set_failure(e, CIC_UNSUPPORTED, "more strips than the image has");
  if (_setjmp(e->jump)) return e->status;
  int lines = c->max_v_samp_factor * DCTSIZE;
  JDIMENSION strip = c->next_scanline / (JDIMENSION)lines;
  JSAMPROW rows[MAX_COMPONENTS][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY pointers[MAX_COMPONENTS];
  for (int k = 0; k < c->num_components; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    JDIMENSION count = (JDIMENSION)(component->v_samp_factor * DCTSIZE);
    // Sides of the plane in samples, without padding to blocks (T.81 A.1.1).
    JDIMENSION height = (c->image_height * (JDIMENSION)component->v_samp_factor + (JDIMENSION)c->max_v_samp_factor - 1) /
                        (JDIMENSION)c->max_v_samp_factor;
    JDIMENSION width = (c->image_width * (JDIMENSION)component->h_samp_factor + (JDIMENSION)c->max_h_samp_factor - 1) /
                       (JDIMENSION)c->max_h_samp_factor;
    JDIMENSION padding = component->width_in_blocks * DCTSIZE - width;
    JDIMENSION left = height - strip * count, valid = left < count ? left : count;
    for (JDIMENSION y = 0; y < count; y++) {
      rows[k][y] = planes[k] + (ptrdiff_t)(y < valid ? y : valid - 1) * strides[k];
      if (y < valid) memset(rows[k][y] + width, rows[k][y][width - 1], padding);
    }
    pointers[k] = rows[k];
  }
  jpeg_write_raw_data(c, pointers, (JDIMENSION)lines);
  return CIC_OK;
}

cic_status cic_jpeg_encoder_finish(cic_jpeg_encoder *e, const uint8_t **bytes, size_t *count) {
  *bytes = NULL;
  *count = 0;
  if (e->status) return e->status;
  if (_setjmp(e->jump)) return e->status;
  jpeg_finish_compress(&e->codec);
  *bytes = e->output.bytes;
  *count = e->output.count;
  return CIC_OK;
}
