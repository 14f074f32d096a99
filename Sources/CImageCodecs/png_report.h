// The failure and the warnings of a PNG decoder, and the policy's judgement of faults.
#ifndef CIC_PNG_REPORT_H
#define CIC_PNG_REPORT_H

#include "cimage_codecs.h"

enum { cic_png_text_capacity = 200 };

typedef struct {
  cic_status status;  // CIC_OK for none
  char message[cic_png_text_capacity];
} cic_png_failure;

typedef struct {
  cic_policy policy;
  cic_png_failure failure;
  int64_t warning_count;
  char first_warning[cic_png_text_capacity];
  char dropped[cic_png_text_capacity];  // the types of chunks that were left out for a wrong checksum, each once
} cic_png_report;

// Replaces the failure and returns the status.
cic_status cic_png_set_failure(cic_png_failure *failure, cic_status status, const char *message);
// Does the same as cic_png_set_failure, for a status of cic_source_read.
cic_status cic_png_set_source_failure(cic_png_failure *failure, cic_status status);
// Counts a warning. False if the policy makes it a failure.
bool cic_png_warn(cic_png_report *report, const char *message);
// Leaves out a chunk whose checksum is wrong, by its type. False if the chunk may not be left out, because it holds pixels or the policy
// refuses damage.
bool cic_png_drop(cic_png_report *report, const char *type);
// Counts a fault as a warning and returns CIC_OK. If the policy refuses the fault, returns the status of a failure, which the caller sets.
// Unknown faults count as damage.
cic_status cic_png_judge(cic_png_report *report, cic_png_fault fault, const char *message);

#endif
