#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "jpeg_state.h"
#include "source.h"

// libjpeg-turbo can be built with the interface of libjpeg 6b (Debian) or 8 (Ubuntu, Homebrew).
#if JPEG_LIB_VERSION >= 70
#define SCALED_WIDTH(component) ((component)->DCT_h_scaled_size)
#define SCALED_HEIGHT(component) ((component)->DCT_v_scaled_size)
#else
#define SCALED_WIDTH(component) ((component)->DCT_scaled_size)
#define SCALED_HEIGHT(component) ((component)->DCT_scaled_size)
#endif

enum { max_icc_segments = 255, max_strip_rows = MAX_SAMP_FACTOR * DCTSIZE, rows_per_call = 64 };

struct cic_jpeg_decoder {
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr reader;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  cic_source *source;
  cic_cancel_flag *cancel;
  cic_jpeg_limits limits;
  cic_status status;
  struct {
    boolean progressive_mode, arith_code;
    int data_precision, num_components;
    JDIMENSION image_width, image_height;
  } frame;                    // what the frame header says
  cic_source_mark scan_start;
  cic_jpeg_state state;
  bool inverts_inks;  // a property of the file, not a state: Adobe stores CMYK with 255 for no ink
  int64_t row, damaged_row;
  int32_t scan;
  char message[JMSG_LENGTH_MAX];
  char first_warning[JMSG_LENGTH_MAX];
  // Metadata.
  bool has_comment, has_xmp;
  uint8_t *exif, *xmp, *comment;
  size_t exif_count, xmp_count, comment_count;
  uint8_t *icc;
  size_t icc_count;
  bool icc_broken;
  int icc_segment_total;
  size_t icc_segment_bytes;
  struct {
    uint8_t *bytes;
    size_t count;
  } icc_segments[max_icc_segments + 1];
};

static cic_jpeg_decoder *decoder_of(void *codec) { return ((j_common_ptr)codec)->client_data; }

_Noreturn static void fail(cic_jpeg_decoder *d, cic_status status, const char *message) {
  d->status = status;
  if (message) snprintf(d->message, sizeof d->message, "%s", message);
  _longjmp(d->jump, 1);
}

// MARK: Where decoding stands

static void advance(cic_jpeg_decoder *d, cic_jpeg_event event) { d->state = cic_jpeg_next_state(d->state, event); }

static int64_t current_row(const cic_jpeg_decoder *d) {
  int64_t row = (int64_t)d->codec.input_iMCU_row * d->codec.max_v_samp_factor * DCTSIZE;
  return row < d->codec.image_height ? row : d->codec.image_height;
}

// True when scans of a file with several of them are known to be missing altogether.
static bool lacks_scans(const cic_jpeg_decoder *d) {
  const struct jpeg_decompress_struct *c = &d->codec;
  if (!cic_jpeg_has_all_scans(d->state)) return false;
  if (!c->progressive_mode || !c->coef_bits) return c->input_scan_number < c->num_components;
  for (int k = 0; k < c->num_components; k++)
    for (int i = 0; i < DCTSIZE2; i++)
      if (c->coef_bits[k][i] != 0) return true;  // 0: known to the last bit
  return false;
}

static void note_row(cic_jpeg_decoder *d) {
  if (!cic_jpeg_has_started(d->state) || d->row >= 0) return;
  d->row = current_row(d);
  d->scan = d->codec.input_scan_number;
}

// Pixels are missing from here on.
static void note_damage(cic_jpeg_decoder *d) {
  note_row(d);
  int64_t row = lacks_scans(d) ? 0 : current_row(d);
  if (cic_jpeg_has_started(d->state) && d->damaged_row < 0 && row < d->codec.image_height) d->damaged_row = row;
}

// MARK: Errors and warnings

static cic_status status_of(const cic_jpeg_decoder *d, int code) {
  switch (code) {
    case JERR_OUT_OF_MEMORY: return CIC_OUT_OF_MEMORY;
    case JERR_NO_BACKING_STORE: return CIC_MEMORY_LIMIT;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW: return CIC_TOO_LARGE;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_EMPTY_IMAGE:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED: return CIC_UNSUPPORTED;
    default: return cic_jpeg_is_cut(d->state) ? CIC_TRUNCATED : CIC_CORRUPT;
  }
}

_Noreturn static void error_exit(j_common_ptr common) {
  cic_jpeg_decoder *d = decoder_of(common);
  common->err->format_message(common, d->message);
  note_row(d);
  fail(d, status_of(d, common->err->msg_code), NULL);
}

static void emit_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  cic_jpeg_decoder *d = decoder_of(common);
  if (common->err->num_warnings++ == 0) common->err->format_message(common, d->first_warning);
  int code = common->err->msg_code, marker = d->codec.unread_marker;
  cic_status status = CIC_WARNING;
  cic_policy refusing = CIC_FAIL_ON_WARNING;
  switch (code) {
    case JWRN_HIT_MARKER:  // bits are missing; after anything but a restart marker, more do not follow
      refusing = CIC_FAIL_ON_TRUNCATED;
      status = marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7 ? CIC_CORRUPT : CIC_TRUNCATED;
      if (status == CIC_TRUNCATED) note_damage(d);
      break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:  // wrong pixels
      refusing = CIC_FAIL_ON_TRUNCATED;
      status = CIC_CORRUPT;
      break;
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_NOT_SEQUENTIAL:  // against the standard, but no pixel is lost
      refusing = CIC_FAIL_ON_ERROR;
      status = CIC_CORRUPT;
      break;
    case JWRN_JPEG_EOF: status = CIC_TRUNCATED; break;
    default: break;
  }
  if (d->limits.policy < refusing) return;
  note_row(d);
  common->err->format_message(common, d->message);
  fail(d, status, NULL);
}

static void output_message(j_common_ptr common) { (void)common; }

static void progress_monitor(j_common_ptr common) {
  cic_jpeg_decoder *d = decoder_of(common);
  if (cic_is_canceled(d->cancel)) fail(d, CIC_CANCELED, "canceled");
  if (d->codec.input_scan_number > d->limits.max_scans) fail(d, CIC_SCAN_LIMIT, "too many scans");
}

// MARK: Source

static void init_source(j_decompress_ptr c) { (void)c; }
static void term_source(j_decompress_ptr c) { (void)c; }

static boolean fill_input_buffer(j_decompress_ptr c) {
  static const JOCTET end_marker[2] = {0xFF, JPEG_EOI};
  cic_jpeg_decoder *d = decoder_of(c);
  cic_status status = cic_jpeg_is_at_end(d->state) ? CIC_END : cic_source_refill(d->source);
  if (status == CIC_OK) {
    d->reader.next_input_byte = d->source->next;
    d->reader.bytes_in_buffer = d->source->available;
    return TRUE;
  }
  if (status != CIC_END) fail(d, status, cic_source_failure_text(status));
  d->reader.next_input_byte = end_marker;
  d->reader.bytes_in_buffer = sizeof end_marker;
  if (cic_jpeg_is_at_end(d->state)) return TRUE;
  advance(d, CIC_JPEG_SOURCE_ENDS);
  note_row(d);
  // Whether pixels are missing shows when the entropy decoder asks for their bits, except that arithmetic decoding
  // makes up bits without end, and that scans may be missing altogether.
  if (c->arith_code || lacks_scans(d)) {
    note_damage(d);
    if (cic_jpeg_has_started(d->state) && d->limits.policy >= CIC_FAIL_ON_TRUNCATED)
      fail(d, CIC_TRUNCATED, "premature end of JPEG data");
  }
  WARNMS(c, JWRN_JPEG_EOF);
  return TRUE;
}

static void skip_input_data(j_decompress_ptr c, long count) {
  cic_jpeg_decoder *d = decoder_of(c);
  if (count <= 0) return;
  while ((size_t)count > d->reader.bytes_in_buffer) {
    count -= (long)d->reader.bytes_in_buffer;
    fill_input_buffer(c);
    if (cic_jpeg_is_at_end(d->state)) return;
  }
  d->reader.next_input_byte += count;
  d->reader.bytes_in_buffer -= (size_t)count;
}

// MARK: Markers

static uint8_t next_byte(j_decompress_ptr c) {
  cic_jpeg_decoder *d = decoder_of(c);
  if (d->reader.bytes_in_buffer == 0) fill_input_buffer(c);
  d->reader.bytes_in_buffer--;
  return *d->reader.next_input_byte++;
}

// The rest of a segment of which `head` is already read, into *slot, which is freed with the decoder.
static void keep_segment(j_decompress_ptr c, uint8_t **slot, const uint8_t *head, size_t head_count, size_t rest) {
  cic_jpeg_decoder *d = decoder_of(c);
  *slot = calloc(1, head_count + rest + 1);
  if (!*slot) fail(d, CIC_OUT_OF_MEMORY, "no memory for metadata");
  if (head_count) memcpy(*slot, head, head_count);
  uint8_t *next = *slot + head_count;
  while (rest > 0) {
    if (d->reader.bytes_in_buffer == 0) fill_input_buffer(c);
    if (cic_jpeg_is_at_end(d->state)) return;
    size_t count = rest < d->reader.bytes_in_buffer ? rest : d->reader.bytes_in_buffer;
    memcpy(next, d->reader.next_input_byte, count);
    d->reader.next_input_byte += count;
    d->reader.bytes_in_buffer -= count;
    next += count;
    rest -= count;
  }
}

static void keep_icc_segment(j_decompress_ptr c, const uint8_t *head, size_t head_count, size_t rest) {
  cic_jpeg_decoder *d = decoder_of(c);
  int sequence = head[12], total = head[13];
  size_t count = head_count - 14 + rest;
  if (sequence == 0 || sequence > total || (d->icc_segment_total && total != d->icc_segment_total) ||
      d->icc_segments[sequence].bytes) {
    d->icc_broken = true;
    skip_input_data(c, (long)rest);
    return;
  }
  d->icc_segment_total = total;
  d->icc_segment_bytes += count;
  if (d->icc_segment_bytes > d->limits.max_profile_bytes)
    fail(d, CIC_PROFILE_LIMIT, "the embedded color profile is too large");
  d->icc_segments[sequence].count = count;
  keep_segment(c, &d->icc_segments[sequence].bytes, head + 14, head_count - 14, rest);
}

// APP1, APP2 and COM. libjpeg-turbo's own way to save markers keeps every one of them, however many there are.
static boolean read_marker(j_decompress_ptr c) {
  static const char exif_tag[6] = "Exif\0", xmp_tag[29] = "http://ns.adobe.com/xap/1.0/", icc_tag[12] = "ICC_PROFILE";
  cic_jpeg_decoder *d = decoder_of(c);
  int marker = c->unread_marker;
  uint8_t high = next_byte(c);
  size_t length = (size_t)(high << 8 | next_byte(c));
  if (length < 2) ERREXIT(c, JERR_BAD_LENGTH);
  length -= 2;
  uint8_t head[32];
  size_t head_count = length < sizeof head ? length : sizeof head, rest = length - head_count;
  for (size_t i = 0; i < head_count; i++) head[i] = next_byte(c);
  if (marker == JPEG_COM) {
    d->has_comment = true;
    if (!d->comment) {
      d->comment_count = length;
      keep_segment(c, &d->comment, head, head_count, rest);
      return TRUE;
    }
  } else if (marker == JPEG_APP0 + 1 && head_count >= 6 && !memcmp(head, exif_tag, 6) && !d->exif) {
    d->exif_count = length - 6;
    keep_segment(c, &d->exif, head + 6, head_count - 6, rest);
    return TRUE;
  } else if (marker == JPEG_APP0 + 1 && head_count >= 29 && !memcmp(head, xmp_tag, 29)) {
    d->has_xmp = true;
    if (!d->xmp) {
      d->xmp_count = length - 29;
      keep_segment(c, &d->xmp, head + 29, head_count - 29, rest);
      return TRUE;
    }
  } else if (marker == JPEG_APP0 + 2 && head_count >= 14 && !memcmp(head, icc_tag, 12)) {
    keep_icc_segment(c, head, head_count, rest);
    return TRUE;
  }
  skip_input_data(c, (long)rest);
  return TRUE;
}

static void join_icc_segments(cic_jpeg_decoder *d) {
  int total = d->icc_segment_total;
  for (int k = 1; k <= total; k++)
    if (!d->icc_segments[k].bytes) d->icc_broken = true;
  if (total > 0 && !d->icc_broken) {
    d->icc = malloc(d->icc_segment_bytes + 1);
    if (!d->icc) fail(d, CIC_OUT_OF_MEMORY, "no memory for the color profile");
    for (int k = 1; k <= total; k++) {
      memcpy(d->icc + d->icc_count, d->icc_segments[k].bytes, d->icc_segments[k].count);
      d->icc_count += d->icc_segments[k].count;
    }
  }
  for (int k = 1; k <= max_icc_segments; k++) {
    free(d->icc_segments[k].bytes);
    d->icc_segments[k].bytes = NULL;
  }
}

// MARK: Interface

cic_jpeg_decoder *cic_jpeg_decoder_create(cic_source *source, cic_cancel_flag *cancel, cic_jpeg_limits limits) {
  cic_jpeg_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->source = source;
  d->cancel = cancel;
  d->limits = limits;
  d->row = d->damaged_row = -1;
  struct jpeg_decompress_struct *c = &d->codec;
  c->err = jpeg_std_error(&d->errors);
  c->client_data = d;  // jpeg_create_decompress keeps both
  d->errors.error_exit = error_exit;
  d->errors.emit_message = emit_message;
  d->errors.output_message = output_message;
  if (_setjmp(d->jump)) {
    jpeg_destroy_decompress(c);
    free(d);
    return NULL;
  }
  jpeg_create_decompress(c);
  c->mem->max_memory_to_use = (long)limits.max_memory;
  d->progress.progress_monitor = progress_monitor;
  c->progress = &d->progress;
  d->reader = (struct jpeg_source_mgr){
      .next_input_byte = source->next,
      .bytes_in_buffer = source->available,
      .init_source = init_source,
      .fill_input_buffer = fill_input_buffer,
      .skip_input_data = skip_input_data,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = term_source,
  };
  c->src = &d->reader;
  jpeg_set_marker_processor(c, JPEG_APP0 + 1, read_marker);
  jpeg_set_marker_processor(c, JPEG_APP0 + 2, read_marker);
  jpeg_set_marker_processor(c, JPEG_COM, read_marker);
  return d;
}

void cic_jpeg_decoder_destroy(cic_jpeg_decoder *d) {
  jpeg_destroy_decompress(&d->codec);
  for (int k = 1; k <= max_icc_segments; k++) free(d->icc_segments[k].bytes);
  free(d->exif);
  free(d->xmp);
  free(d->comment);
  free(d->icc);
  free(d);
}

cic_report cic_jpeg_decoder_report(const cic_jpeg_decoder *d) {
  return (cic_report){
      .message = d->message,
      .first_warning = d->first_warning,
      .warning_count = d->errors.num_warnings,
      .row = d->row,
      .damaged_row = d->damaged_row,
      .scan = d->scan,
      .system_error = d->source->system_error,
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
  join_icc_segments(d);
  header->width = c->image_width;
  header->height = c->image_height;
  header->components = c->num_components;
  header->color = color_of(c->jpeg_color_space);
  header->progressive = c->progressive_mode;
  header->has_comment = d->has_comment;
  header->has_xmp = d->has_xmp;
  header->adobe_transform = c->saw_Adobe_marker ? c->Adobe_transform : -1;
  header->restart_interval = c->restart_interval;
  header->exif = d->exif;
  header->exif_count = d->exif_count;
  header->xmp = d->xmp;
  header->xmp_count = d->xmp_count;
  header->comment = d->comment;
  header->comment_count = d->comment_count;
  header->icc_state = d->icc ? CIC_ICC_COMPLETE : d->icc_broken ? CIC_ICC_BROKEN : CIC_ICC_NONE;
  header->icc = d->icc;
  header->icc_count = d->icc_count;
  for (int k = 0; k < c->num_components && k < 4; k++) {
    const jpeg_component_info *component = &c->comp_info[k];
    header->h_sampling[k] = (uint8_t)component->h_samp_factor;
    header->v_sampling[k] = (uint8_t)component->v_samp_factor;
  }
  if (jpeg_has_multiple_scans(c)) {
    // As jinit_d_coef_controller asks for: whole interleaved MCUs of 16-bit coefficients.
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

cic_status cic_jpeg_start(
    cic_jpeg_decoder *d, uint32_t scale_denominator, cic_jpeg_output output, cic_jpeg_layout *layout) {
  struct jpeg_decompress_struct *c = &d->codec;
  *layout = (cic_jpeg_layout){0};
  if (d->status) return d->status;
  if (_setjmp(d->jump)) {
    // A file whose later scans are broken still has its earlier ones: pretend that it ends here.
    if (d->limits.policy != CIC_FAIL_ON_NONE || d->state != CIC_JPEG_ALL_SCANS || d->status != CIC_CORRUPT)
      return d->status;
    if (d->errors.num_warnings++ == 0) memcpy(d->first_warning, d->message, sizeof d->message);
    d->status = CIC_OK;
    advance(d, CIC_JPEG_ABANDON);
    note_damage(d);
    d->reader.bytes_in_buffer = 0;
    c->unread_marker = 0;
    // A second frame header has been taken over before it is refused (jdmarker.c, get_sof).
    c->progressive_mode = d->frame.progressive_mode;
    c->arith_code = d->frame.arith_code;
    c->data_precision = d->frame.data_precision;
    c->num_components = d->frame.num_components;
    c->image_width = d->frame.image_width;
    c->image_height = d->frame.image_height;
  } else {
    d->frame.progressive_mode = c->progressive_mode;
    d->frame.arith_code = c->arith_code;
    d->frame.data_precision = c->data_precision;
    d->frame.num_components = c->num_components;
    d->frame.image_width = c->image_width;
    d->frame.image_height = c->image_height;
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
    advance(d, jpeg_has_multiple_scans(c) ? CIC_JPEG_START_ALL_SCANS : CIC_JPEG_START_ONE_SCAN);
  }
  jpeg_start_decompress(c);
  if (d->state == CIC_JPEG_ALL_SCANS_CUT && d->limits.policy >= CIC_FAIL_ON_TRUNCATED)
    fail(d, CIC_TRUNCATED, "premature end of JPEG data");
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
      for (size_t i = 0; i < got; i++)
        for (size_t x = 0; x < (size_t)c->output_width * 4; x++) rows[i][x] ^= 0xFF;
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
    fail(d, CIC_TRUNCATED, "the end marker is missing");
  }
  return CIC_OK;
}

// MARK: Entropy-coded data

bool cic_jpeg_take_scan(cic_jpeg_decoder *d, cic_jpeg_scan *scan) {
  struct jpeg_decompress_struct *c = &d->codec;
  *scan = (cic_jpeg_scan){0};
  cic_source *source = d->source;
  // Once all of several scans have been read, what is known is of the last one, perhaps of one that was refused.
  if (d->status || d->state != CIC_JPEG_ONE_SCAN || !c->raw_data_out) return false;
  if (c->progressive_mode || c->arith_code || c->data_precision != 8) return false;
  if (c->num_components > 4 || c->comps_in_scan != c->num_components) return false;
  if (c->Ss != 0 || c->Se != DCTSIZE2 - 1 || c->Ah != 0 || c->Al != 0 || c->blocks_in_MCU > 10) return false;
  scan->component_count = c->comps_in_scan;
  scan->mcus_per_row = c->MCUs_per_row;
  scan->restart_interval = c->restart_interval;
  scan->blocks_per_mcu = c->blocks_in_MCU;
  for (int k = 0; k < c->comps_in_scan; k++) {
    const jpeg_component_info *component = c->cur_comp_info[k];
    if (component != &c->comp_info[k]) return false;
    const JHUFF_TBL *dc = c->dc_huff_tbl_ptrs[component->dc_tbl_no & 3];
    const JHUFF_TBL *ac = c->ac_huff_tbl_ptrs[component->ac_tbl_no & 3];
    if (!dc || !ac || !component->quant_table) return false;
    if (SCALED_WIDTH(component) != SCALED_HEIGHT(component)) return false;
    // A scan of one component has one block an MCU, whatever the factors say (T.81 A.2.2).
    bool alone = c->comps_in_scan == 1;
    if (alone && (component->h_samp_factor != 1 || component->v_samp_factor != 1)) return false;
    for (int i = 0; i < DCTSIZE2; i++)
      if (component->quant_table->quantval[i] > INT16_MAX) return false;
    scan->components[k] = (cic_jpeg_scan_component){
        .h_sampling = component->h_samp_factor,
        .v_sampling = component->v_samp_factor,
        .block_side = SCALED_WIDTH(component),
        .blocks_per_row = component->width_in_blocks,
        .quantization = component->quant_table->quantval,
        .dc_counts = dc->bits,
        .dc_values = dc->huffval,
        .ac_counts = ac->bits,
        .ac_values = ac->huffval,
    };
  }
  source->next = d->reader.next_input_byte;
  source->available = d->reader.bytes_in_buffer;
  return cic_source_set_mark(source, &d->scan_start);
}

bool cic_jpeg_peek_scan(cic_jpeg_decoder *d, size_t wanted, const uint8_t **bytes, size_t *count) {
  return cic_source_peek(d->source, wanted, bytes, count) == CIC_OK;
}

void cic_jpeg_skip_scan(cic_jpeg_decoder *d, size_t count) { cic_source_consume(d->source, count); }

void cic_jpeg_return_scan(cic_jpeg_decoder *d) {
  // A failure to go back shows when the bytes that follow make no scan.
  cic_source_return_to(d->source, &d->scan_start);
  d->reader.next_input_byte = d->source->next;
  d->reader.bytes_in_buffer = d->source->available;
}
