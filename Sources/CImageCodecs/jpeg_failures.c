#include "jpeg_decoder.h"

#include <jerror.h>

cic_status cic_jpeg_set_failure(cic_jpeg_decoder *d, cic_status status, const char *message) {
  d->status = status;
  if (message) snprintf(d->message, sizeof d->message, "%s", message);
  return status;
}

_Noreturn void cic_jpeg_raise(cic_jpeg_decoder *d, cic_status status, const char *message) {
  cic_jpeg_set_failure(d, status, message);
  _longjmp(d->jump, 1);
}

// MARK: Rows

static int64_t current_row(const cic_jpeg_decoder *d) {
  int64_t row = (int64_t)d->codec.input_iMCU_row * d->codec.max_v_samp_factor * DCTSIZE;
  return row < d->codec.image_height ? row : d->codec.image_height;
}

bool cic_jpeg_lacks_scans(const cic_jpeg_decoder *d) {
  const struct jpeg_decompress_struct *c = &d->codec;
  if (!cic_jpeg_has_all_scans(d->state)) return false;
  if (!c->progressive_mode || !c->coef_bits) return c->input_scan_number < c->num_components;
  for (int k = 0; k < c->num_components; k++)
    for (int i = 0; i < DCTSIZE2; i++)
      if (c->coef_bits[k][i] != 0) return true;  // 0: known to the last bit
  return false;
}

void cic_jpeg_note_row(cic_jpeg_decoder *d) {
  if (!cic_jpeg_has_started(d->state) || d->row >= 0) return;
  d->row = current_row(d);
  d->scan = d->codec.input_scan_number;
}

void cic_jpeg_note_damage(cic_jpeg_decoder *d) {
  cic_jpeg_note_row(d);
  int64_t row = cic_jpeg_lacks_scans(d) ? 0 : current_row(d);
  if (cic_jpeg_has_started(d->state) && d->damaged_row < 0 && row < d->codec.image_height) d->damaged_row = row;
}

// MARK: Handlers

// The state while the scans of a file with several are read (DSTATE_PRELOAD of jpegint.h); see jpeg_resume.c.
enum { dstate_preload = 203 };

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
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(common);
  common->err->format_message(common, d->message);
  cic_jpeg_note_row(d);
  // cic_jpeg_resume needs a scan that was set up, and a version that it knows.
  d->is_hopeless = d->state != CIC_JPEG_ALL_SCANS || d->codec.global_state != dstate_preload || !cic_jpeg_can_resume(d->library_version);
  cic_jpeg_raise(d, status_of(d, common->err->msg_code), NULL);
}

static void emit_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(common);
  if (common->err->num_warnings++ == 0) common->err->format_message(common, d->first_warning);
  int code = common->err->msg_code, marker = d->codec.unread_marker;
  cic_status status = CIC_WARNING;
  cic_policy refusing = CIC_FAIL_ON_WARNING;
  switch (code) {
    case JWRN_HIT_MARKER:  // bits are missing; more follow only after a restart marker
      refusing = CIC_FAIL_ON_TRUNCATED;
      status = marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7 ? CIC_CORRUPT : CIC_TRUNCATED;
      if (status == CIC_TRUNCATED) cic_jpeg_note_damage(d);
      break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:  // wrong pixels
      refusing = CIC_FAIL_ON_TRUNCATED;
      status = CIC_CORRUPT;
      break;
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_NOT_SEQUENTIAL:  // a violation of the standard that costs no pixel
      refusing = CIC_FAIL_ON_ERROR;
      status = CIC_CORRUPT;
      break;
    case JWRN_JPEG_EOF: status = CIC_TRUNCATED; break;
    default: break;
  }
  if (d->limits.policy < refusing) return;
  cic_jpeg_note_row(d);
  common->err->format_message(common, d->message);
  cic_jpeg_raise(d, status, NULL);
}

static void output_message(j_common_ptr common) { (void)common; }

static void progress_monitor(j_common_ptr common) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(common);
  if (cic_is_canceled(d->cancel)) cic_jpeg_raise(d, CIC_CANCELED, cic_source_failure_text(CIC_CANCELED));
  if (d->codec.input_scan_number > d->limits.max_scans) cic_jpeg_raise(d, CIC_SCAN_LIMIT, "too many scans");
}

void cic_jpeg_install_failures(cic_jpeg_decoder *d) {
  d->codec.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = error_exit;
  d->errors.emit_message = emit_message;
  d->errors.output_message = output_message;
  d->progress.progress_monitor = progress_monitor;
}
