// The state of decoding a JPEG.
#ifndef CIC_JPEG_STATE_H
#define CIC_JPEG_STATE_H

#include <stdbool.h>

// A file of several scans (progressive, or one scan a component) is read to its end by cic_jpeg_start, before its first row is
// delivered. A file of one scan is read while its rows are.
//
//             ┌─ start, one scan ──────► ONE_SCAN ────── source ends ──────────► ONE_SCAN_CUT
//             ├─ start, several scans ─► ALL_SCANS ───┬─ source ends ──────────► ALL_SCANS_CUT
//   HEADERS ──┤                                       └─ abandon ──────────────► ALL_SCANS_ABANDONED
//             └─ source ends ──────────► HEADERS_CUT ─┬─ start, one scan ──────► ONE_SCAN_CUT
//                                                     └─ start, several scans ─► ALL_SCANS_CUT
//
// In the states CUT and ABANDONED, no byte of the source is read, and libjpeg-turbo gets end markers. A cut file has lost its end.
// The rest of an abandoned file is damaged; under CIC_FAIL_ON_NONE the scans before it are the image.
typedef enum {
  CIC_JPEG_HEADERS,
  CIC_JPEG_HEADERS_CUT,
  CIC_JPEG_ONE_SCAN,
  CIC_JPEG_ONE_SCAN_CUT,
  CIC_JPEG_ALL_SCANS,
  CIC_JPEG_ALL_SCANS_CUT,
  CIC_JPEG_ALL_SCANS_ABANDONED,
} cic_jpeg_state;

typedef enum {
  CIC_JPEG_START_ONE_SCAN,
  CIC_JPEG_START_ALL_SCANS,
  CIC_JPEG_SOURCE_ENDS,
  CIC_JPEG_ABANDON,
} cic_jpeg_event;

// The state after an event. An event that is not possible in a state does not change it.
static inline cic_jpeg_state cic_jpeg_next_state(cic_jpeg_state state, cic_jpeg_event event) {
  switch (state) {
    case CIC_JPEG_HEADERS:
      if (event == CIC_JPEG_START_ONE_SCAN) return CIC_JPEG_ONE_SCAN;
      if (event == CIC_JPEG_START_ALL_SCANS) return CIC_JPEG_ALL_SCANS;
      return event == CIC_JPEG_SOURCE_ENDS ? CIC_JPEG_HEADERS_CUT : state;
    case CIC_JPEG_HEADERS_CUT:
      if (event == CIC_JPEG_START_ONE_SCAN) return CIC_JPEG_ONE_SCAN_CUT;
      return event == CIC_JPEG_START_ALL_SCANS ? CIC_JPEG_ALL_SCANS_CUT : state;
    case CIC_JPEG_ONE_SCAN: return event == CIC_JPEG_SOURCE_ENDS ? CIC_JPEG_ONE_SCAN_CUT : state;
    case CIC_JPEG_ALL_SCANS:
      if (event == CIC_JPEG_ABANDON) return CIC_JPEG_ALL_SCANS_ABANDONED;
      return event == CIC_JPEG_SOURCE_ENDS ? CIC_JPEG_ALL_SCANS_CUT : state;
    case CIC_JPEG_ONE_SCAN_CUT:
    case CIC_JPEG_ALL_SCANS_CUT:
    case CIC_JPEG_ALL_SCANS_ABANDONED: return state;
  }
  return state;
}

// True after cic_jpeg_start was called. Failures have a row then.
static inline bool cic_jpeg_has_started(cic_jpeg_state state) { return state >= CIC_JPEG_ONE_SCAN; }

static inline bool cic_jpeg_has_all_scans(cic_jpeg_state state) { return state >= CIC_JPEG_ALL_SCANS; }

// True if the source ended before the end marker.
static inline bool cic_jpeg_is_cut(cic_jpeg_state state) {
  return state == CIC_JPEG_HEADERS_CUT || state == CIC_JPEG_ONE_SCAN_CUT || state == CIC_JPEG_ALL_SCANS_CUT;
}

// True if no more bytes of the source are read.
static inline bool cic_jpeg_is_at_end(cic_jpeg_state state) {
  return cic_jpeg_is_cut(state) || state == CIC_JPEG_ALL_SCANS_ABANDONED;
}

#endif
