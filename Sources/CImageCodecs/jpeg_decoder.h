// The inside of cic_jpeg_decoder, for the files that make it up:
//
//   jpeg_decoder.c   life cycle, header, rows and planes
//   jpeg_source.c    bytes for libjpeg-turbo: the source's window, cancellation, end markers after a source that ends early
//   jpeg_markers.c   the metadata of APP1, APP2, APP13 and COM segments
//   jpeg_failures.c  errors and warnings, with the rows they happen at
//   jpeg_resume.c    decoding after a damaged scan
//   jpeg_scan.c      the coding and the bytes of scans, for a decoder other than libjpeg-turbo
//
// jpeg_state.h has the states of a decoder.
//
// Functions that take a j_decompress_ptr, and cic_jpeg_raise, jump to the armed frame on failure.
#ifndef CIC_JPEG_DECODER_H
#define CIC_JPEG_DECODER_H

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "byte_buffer.h"
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

enum { cic_jpeg_max_icc_segments = 255 };

// Bytes kept of a segment, freed with the decoder; NULL if there was none.
typedef struct {
  uint8_t *bytes;
  size_t count;
} cic_jpeg_segment;

typedef struct {
  bool has_comment, has_xmp, has_gain_map;
  cic_jpeg_segment exif, xmp, comment;  // the first of each
  cic_byte_buffer further;              // other segments that may name a place: length and content of each
  bool further_is_cut;
  cic_jpeg_segment icc;                 // joined by cic_jpeg_join_profile
  bool icc_is_broken;
  int icc_segment_total;
  size_t icc_segment_bytes;
  cic_jpeg_segment icc_segments[cic_jpeg_max_icc_segments + 1];  // by their number, from 1
} cic_jpeg_metadata;

// The fields of the first frame header that cic_jpeg_resume needs.
typedef struct {
  boolean progressive_mode, arith_code;
  int data_precision, num_components;
  JDIMENSION image_width, image_height;
} cic_jpeg_frame;

struct cic_jpeg_decoder {
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr reader;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  cic_source *source;
  cic_cancel_flag *cancel;
  cic_jpeg_limits limits;
  cic_jpeg_state state;
  bool inverts_inks;  // Adobe stores CMYK with 255 for no ink
  cic_jpeg_metadata metadata;
  cic_jpeg_frame frame;
  int32_t library_version;  // of libjpeg-turbo, as LIBJPEG_TURBO_VERSION_NUMBER
  // The report.
  cic_status status;
  int64_t row, damaged_row;
  int32_t scan;
  bool is_hopeless;
  char message[JMSG_LENGTH_MAX];
  char first_warning[JMSG_LENGTH_MAX];
};

static inline cic_jpeg_decoder *cic_jpeg_decoder_of(void *codec) { return ((j_common_ptr)codec)->client_data; }

static inline void cic_jpeg_advance(cic_jpeg_decoder *d, cic_jpeg_event event) {
  d->state = cic_jpeg_next_state(d->state, event);
}

// Installs the handlers of errors, warnings and progress.
void cic_jpeg_install_failures(cic_jpeg_decoder *d);
// Sets the failure and returns its status. `message` is NULL if the message is set already.
cic_status cic_jpeg_set_failure(cic_jpeg_decoder *d, cic_status status, const char *message);
// Sets the failure and jumps.
_Noreturn void cic_jpeg_raise(cic_jpeg_decoder *d, cic_status status, const char *message);
// Sets the row and the scan of the report to the current ones, unless they are set.
void cic_jpeg_note_row(cic_jpeg_decoder *d);
// Does the same as cic_jpeg_note_row, and records that pixels are missing from the current row on.
void cic_jpeg_note_damage(cic_jpeg_decoder *d);
// True if whole scans of a file with several are known to be missing.
bool cic_jpeg_lacks_scans(const cic_jpeg_decoder *d);

// Saves the first frame header for cic_jpeg_resume.
void cic_jpeg_save_frame(cic_jpeg_decoder *d);
// Called after a jump out of jpeg_start_decompress. Ends the file before the damaged scan, if the policy and the version of the library
// allow this. Otherwise returns the failure. Arms its own setjmp frame.
cic_status cic_jpeg_resume(cic_jpeg_decoder *d);

// Lets libjpeg-turbo read from the decoder's source.
void cic_jpeg_install_source(cic_jpeg_decoder *d);
uint8_t cic_jpeg_next_byte(j_decompress_ptr c);
// Copies the next bytes. If the source has fewer, the rest of `bytes` does not change.
void cic_jpeg_read_bytes(j_decompress_ptr c, uint8_t *bytes, size_t count);
void cic_jpeg_skip_bytes(j_decompress_ptr c, long count);

// Installs the readers of metadata segments.
void cic_jpeg_install_markers(cic_jpeg_decoder *d);
// Joins the segments of the color profile, if all of them are there.
void cic_jpeg_join_profile(cic_jpeg_decoder *d);
void cic_jpeg_free_metadata(cic_jpeg_metadata *metadata);

#endif
