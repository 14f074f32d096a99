#include <string.h>

#include "jpeg_decoder.h"

#include <jerror.h>

// Going on after a damaged scan.
//
// A file of several scans whose later ones are damaged still has its earlier ones: a coarse picture, or some of the
// components. libjpeg-turbo reads all scans inside jpeg_start_decompress, and leaves that by error_exit's jump at the first
// error. Its contract after a jump is to abort or to destroy. cic_jpeg_resume calls it once more instead, with a source that
// has ended. It relies on this of libjpeg-turbo 2.1.5:
//
// 1. jdapistd.c: while scans are read, the state is DSTATE_PRELOAD, in which another call goes on reading. That is how a source
//    that suspends is served; nothing is kept on the stack. An error before that, of the first scan, comes again.
// 2. jdinput.c, jdmarker.c: errors are raised between scans only, by headers and tables (within a scan there are warnings).
//    Markers are to be read then, and with no unread marker the next two bytes are one: an end marker, which is the regular end.
// 3. jdcoefct.c: the coefficients of earlier scans stay where they are; what reads a scan is set up anew for each.
// 4. jdmarker.c, get_sof: the header of a second frame is refused only after six fields of the frame have been overwritten.
//    They are put back. Others are written by the first frame header only.
//
// Version 3 overwrites one field more, whether the frame is lossless, which cannot be reached from here. With another version
// than the one these were read in, and fuzzed with, the image is refused as damaged.
//
// To allow another version: read these four places, add it, run `Scripts/test memory` and `Scripts/fuzz` with it.
static const int32_t known_versions[] = {2001005};

bool cic_jpeg_can_resume(int32_t version) {
  // The loaded library may be newer than the headers, with the same ABI. Version 3.2.0 shows it by one message more.
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
  // The failure becomes a warning, and damage in the image.
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
