#include "jpeg_decoder.h"

#include <stdlib.h>

enum { max_strip_rows = MAX_SAMP_FACTOR * DCTSIZE, rows_per_call = 64 };

cic_jpeg_decoder *cic_jpeg_decoder_create(cic_source *source, cic_cancel_flag *cancel, cic_jpeg_limits limits) {
  cic_jpeg_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->source = source;
  d->cancel = cancel;
  d->limits = limits;
  d->row = d->damaged_row = -1;
  d->library_version = LIBJPEG_TURBO_VERSION_NUMBER;
  cic_jpeg_install_failures(d);
  struct jpeg_decompress_struct *c = &d->codec;
  c->client_data = d;  // jpeg_create_decompress keeps this field, and that of the error handlers
  if (_setjmp(d->jump)) {
    jpeg_destroy_decompress(c);
    free(d);
    return NULL;
  }
  jpeg_create_decompress(c);
  c->mem->max_memory_to_use = (long)limits.max_memory;
  c->progress = &d->progress;
  cic_jpeg_install_source(d);
  cic_jpeg_install_markers(d);
  return d;
}

void cic_jpeg_decoder_destroy(cic_jpeg_decoder *d) {
  jpeg_destroy_decompress(&d->codec);
  cic_jpeg_free_metadata(&d->metadata);
  free(d);
}

cic_report cic_jpeg_decoder_report(const cic_jpeg_decoder *d) {
  return (cic_report){
      .message = d->message,
      .first_warning = d->first_warning,
      .dropped_chunks = "",
      .warning_count = d->errors.num_warnings,
      .row = d->row,
      .damaged_row = d->damaged_row,
      .scan = d->scan,
      .system_error = d->source->system_error,
      .is_hopeless = d->is_hopeless,
  };
}

static cic_jpeg_color color_of(J_COLOR_SPACE space) {
  switch (space) {
    case JCS_GRAYSCALE: return CIC_JPEG_GRAY;
    case JCS_YCbCr: return CIC_JPEG_YCBCR;
    case JCS_RGB: return CIC_JPEG_RGB;
    case JCS_CMYK: return CIC_JPEG_CMYK;
    case JCS_YCCK: return CIC_JPEG_YCCK;
    default: return CIC_JPEG_OTHER;
  }
}

cic_status cic_jpeg_read_header(cic_jpeg_decoder *d, cic_jpeg_header *header) {
  struct jpeg_decompress_struct *c = &d->codec;
  *header = (cic_jpeg_header){.adobe_transform = -1};
  if (d->status) return d->status;
  if (_setjmp(d->jump)) {
    header->width = c->image_width;
    header->height = c->image_height;
    return d->status;
  }
  jpeg_read_header(c, TRUE);
  cic_jpeg_join_profile(d);
  header->width = c->image_width;
  header->height = c->image_height;
  header->components = c->num_components;
  header->color = color_of(c->jpeg_color_space);
  header->progressive = c->progressive_mode;
  header->adobe_transform = c->saw_Adobe_marker ? c->Adobe_transform : -1;
  header->restart_interval = c->restart_interval;
  const cic_jpeg_metadata *m = &d->metadata;
  header->has_comment = m->has_comment;
  header->has_xmp = m->has_xmp;
  header->has_gain_map = m->has_gain_map;
  header->exif = m->exif.bytes;
  header->exif_count = m->exif.count;
  header->xmp = m->xmp.bytes;
  header->xmp_count = m->xmp.count;
  header->comment = m->comment.bytes;
  header->comment_count = m->comment.count;
  header->segments = m->further.bytes;
  header->segments_count = m->further.count;
  header->segments_are_cut = m->further_is_cut;
  header->icc_state = m->icc.bytes ? CIC_ICC_COMPLETE : m->icc_is_broken ? CIC_ICC_BROKEN : CIC_ICC_NONE;
  header->icc = m->icc.bytes;
  header->icc_count = m->icc.count;
  for (int k = 0; k < c->num_components && k < 4; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    header->h_sampling[k] = (uint8_t)component->h_samp_factor;
    header->v_sampling[k] = (uint8_t)component->v_samp_factor;
  }
  if (jpeg_has_multiple_scans(c)) {
    // The memory that jinit_d_coef_controller allocates: whole interleaved MCUs of 16-bit coefficients.
    for (int k = 0; k < c->num_components; k++) {
      const jpeg_component_info *component = &c->comp_info[k];
      uint64_t h = (uint64_t)component->h_samp_factor, v = (uint64_t)component->v_samp_factor;
      uint64_t columns = (component->width_in_blocks + h - 1) / h * h;
      uint64_t lines = (component->height_in_blocks + v - 1) / v * v;
      header->whole_image_bytes += columns * lines * sizeof(JBLOCK);
    }
  }
  return CIC_OK;
}

void cic_jpeg_assume_version(cic_jpeg_decoder *d, int32_t version) { d->library_version = version; }

cic_status cic_jpeg_configure(
    cic_jpeg_decoder *d, uint32_t scale_denominator, cic_jpeg_output output, cic_jpeg_layout *layout) {
  struct jpeg_decompress_struct *c = &d->codec;
  *layout = (cic_jpeg_layout){0};
  if (d->status) return d->status;
  // Other scales are refused: they may enlarge the image, and cic_jpeg_read_planes has no room for strips of more rows.
  if (scale_denominator != 1 && scale_denominator != 2 && scale_denominator != 4 && scale_denominator != 8)
    return cic_jpeg_set_failure(d, CIC_UNSUPPORTED, "a scale that is not 1, 1/2, 1/4 or 1/8");
  if (_setjmp(d->jump)) return d->status;
  c->scale_num = 1;
  c->scale_denom = scale_denominator;
  c->dct_method = JDCT_ISLOW;
  c->do_fancy_upsampling = TRUE;
  switch (output) {
    case CIC_JPEG_OUT_GRAY: c->out_color_space = JCS_GRAYSCALE; break;
    case CIC_JPEG_OUT_RGB: c->out_color_space = JCS_RGB; break;
    case CIC_JPEG_OUT_CMYK: c->out_color_space = JCS_CMYK; break;
    case CIC_JPEG_OUT_PLANES:
      c->out_color_space = c->jpeg_color_space;
      c->raw_data_out = TRUE;
      break;
  }
  d->inverts_inks = output == CIC_JPEG_OUT_CMYK && c->saw_Adobe_marker;
  jpeg_calc_output_dimensions(c);
  layout->width = c->output_width;
  layout->height = c->output_height;
  if (output != CIC_JPEG_OUT_PLANES) return CIC_OK;
  layout->plane_count = c->num_components;
  layout->strip_count = c->total_iMCU_rows;
  for (int k = 0; k < c->num_components && k < 4; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    layout->planes[k] = (cic_jpeg_plane){
        .width = component->downsampled_width,
        .height = component->downsampled_height,
        .padded_width = component->width_in_blocks * (uint32_t)SCALED_WIDTH(component),
        .rows_per_strip = (uint32_t)(component->v_samp_factor * SCALED_HEIGHT(component)),
    };
  }
  return CIC_OK;
}

// Reads all scans of a file that has several.
static cic_status start(cic_jpeg_decoder *d) {
  struct jpeg_decompress_struct *c = &d->codec;
  if (_setjmp(d->jump)) return d->status;
  cic_jpeg_save_frame(d);
  cic_jpeg_advance(d, jpeg_has_multiple_scans(c) ? CIC_JPEG_START_ALL_SCANS : CIC_JPEG_START_ONE_SCAN);
  jpeg_start_decompress(c);
  if (d->state == CIC_JPEG_ALL_SCANS_CUT && d->limits.policy >= CIC_FAIL_ON_TRUNCATED)
    cic_jpeg_raise(d, CIC_TRUNCATED, "premature end of JPEG data");
  return CIC_OK;
}

cic_status cic_jpeg_start(cic_jpeg_decoder *d) {
  if (d->status) return d->status;
  cic_status status = start(d);
  return status ? cic_jpeg_resume(d) : CIC_OK;
}

// This is a function of its own, so that the compiler knows that no other pointer leads to the row's memory, and inverts whole vectors.
static void invert(uint8_t *row, size_t count) {
  for (size_t x = 0; x < count; x++) row[x] ^= 0xFF;
}

cic_status cic_jpeg_read_rows(cic_jpeg_decoder *d, uint8_t *base, ptrdiff_t stride, size_t count, size_t *written) {
  struct jpeg_decompress_struct *c = &d->codec;
  *written = 0;
  if (d->status) return d->status;
  if (_setjmp(d->jump)) return d->status;
  while (*written < count && c->output_scanline < c->output_height) {
    JSAMPROW rows[rows_per_call];
    size_t wanted = count - *written < rows_per_call ? count - *written : rows_per_call;
    for (size_t i = 0; i < wanted; i++) rows[i] = base + (ptrdiff_t)(*written + i) * stride;
    size_t got = 0;
    while (got < wanted && c->output_scanline < c->output_height)
      got += jpeg_read_scanlines(c, rows + got, (JDIMENSION)(wanted - got));
    if (d->inverts_inks)
      for (size_t i = 0; i < got; i++) invert(rows[i], (size_t)c->output_width * 4);
    *written += got;
  }
  return CIC_OK;
}

cic_status cic_jpeg_read_planes(
    cic_jpeg_decoder *d, uint8_t *const *planes, const ptrdiff_t *strides, bool *delivered) {
  struct jpeg_decompress_struct *c = &d->codec;
  *delivered = false;
  if (d->status) return d->status;
  if (c->output_scanline >= c->output_height) return CIC_OK;
  if (_setjmp(d->jump)) return d->status;
  JSAMPROW rows[MAX_COMPONENTS][max_strip_rows];
  JSAMPARRAY pointers[MAX_COMPONENTS];
  JDIMENSION lines = 0;
  for (int k = 0; k < c->num_components; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    int count = component->v_samp_factor * SCALED_HEIGHT(component);
    for (int y = 0; y < count; y++) rows[k][y] = planes[k] + y * strides[k];
    pointers[k] = rows[k];
    if ((JDIMENSION)count > lines) lines = (JDIMENSION)count;
  }
  *delivered = jpeg_read_raw_data(c, pointers, lines) > 0;
  return CIC_OK;
}

cic_status cic_jpeg_finish(cic_jpeg_decoder *d) {
  if (d->status) return d->status;
  if (_setjmp(d->jump)) return d->status;
  jpeg_finish_decompress(&d->codec);
  if (cic_jpeg_is_cut(d->state) && d->limits.policy >= CIC_FAIL_ON_TRUNCATED) {
    d->row = d->codec.image_height;
    cic_jpeg_raise(d, CIC_TRUNCATED, "the end marker is missing");
  }
  return CIC_OK;
}
