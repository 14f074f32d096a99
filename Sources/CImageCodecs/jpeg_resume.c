#include <string.h>

#include "jpeg_decoder.h"

#include <jerror.h>

// Decoding after a damaged scan.
//
// If a later scan of a file is damaged, the scans before it still make an image: a coarse one, or some of its components.
// libjpeg-turbo reads all scans in jpeg_start_decompress, and error_exit jumps out of it at the first error. After such a jump
// libjpeg allows only jpeg_abort and jpeg_destroy. cic_jpeg_resume calls jpeg_start_decompress again, with a source that has
// ended. It relies on these internals, which were read in libjpeg-turbo 2.1.5 and fuzzed with it:
//
// 1. jdapistd.c: while scans are read, global_state is DSTATE_PRELOAD. Another call continues to read; libjpeg-turbo supports sources that
//    suspend in this way. No state is on the stack. An error in the setup of the first scan happens before that state, and would happen in
//    the second call again.
// 2. jdinput.c, jdmarker.c: errors happen between scans, in headers and tables; within a scan there are only warnings. The next
//    bytes are read as a marker if unread_marker is 0. An end marker there is the regular end of the scans.
// 3. jdcoefct.c: the coefficients of earlier scans are kept, and the reader of a scan is set up again for each.
// 4. jdmarker.c, get_sof: a second frame header is refused after it has overwritten six fields of the first one. restore_frame
//    writes them back. No other marker changes what was allocated for the first frame.
//
// Version 3 overwrites another field, master->lossless, which is private. With every version that is not in this list, a damaged scan is a
// failure of the whole image. To add a version: read these four places, then run `Scripts/test memory` and `Scripts/fuzz` with it.
static const int32_t known_versions[] = {2001005};

bool cic_jpeg_can_resume(int32_t version) {
  // A program may be started with a newer library than it was compiled for, if the ABI is the same. In that case the number of messages
  // differs: 3.2.0 has one more.
  struct jpeg_error_mgr loaded;
  jpeg_std_error(&loaded);
  if (loaded.last_jpeg_message != JMSG_LASTMSGCODE - 1) return false;
  for (size_t k = 0; k < sizeof known_versions / sizeof *known_versions; k++)
    if (known_versions[k] == version) return true;
  return false;
}

void cic_jpeg_save_frame(cic_jpeg_decoder *d) {
  const struct jpeg_decompress_struct *c = &d->codec;
  d->frame = (cic_jpeg_frame){
      .progressive_mode = c->progressive_mode,
      .arith_code = c->arith_code,
      .data_precision = c->data_precision,
      .num_components = c->num_components,
      .image_width = c->image_width,
      .image_height = c->image_height,
  };
}

static void restore_frame(cic_jpeg_decoder *d) {
  struct jpeg_decompress_struct *c = &d->codec;
  c->progressive_mode = d->frame.progressive_mode;
  c->arith_code = d->frame.arith_code;
  c->data_precision = d->frame.data_precision;
  c->num_components = d->frame.num_components;
  c->image_width = d->frame.image_width;
  c->image_height = d->frame.image_height;
}

cic_status cic_jpeg_resume(cic_jpeg_decoder *d) {
  if (d->limits.policy != CIC_FAIL_ON_NONE || d->state != CIC_JPEG_ALL_SCANS || d->status != CIC_CORRUPT ||
      !cic_jpeg_can_resume(d->library_version))
    return d->status;
  restore_frame(d);
  // The failure becomes a warning and a damaged row.
  d->status = CIC_OK;
  if (d->errors.num_warnings++ == 0) memcpy(d->first_warning, d->message, sizeof d->message);
  cic_jpeg_advance(d, CIC_JPEG_ABANDON);
  cic_jpeg_note_damage(d);
  d->reader.bytes_in_buffer = 0;
  d->codec.unread_marker = 0;
  if (_setjmp(d->jump)) return d->status;
  jpeg_start_decompress(&d->codec);
  return CIC_OK;
}
