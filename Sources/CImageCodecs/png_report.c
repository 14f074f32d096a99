#include "png_report.h"

#include <stdio.h>
#include <string.h>

#include "source.h"

cic_status cic_png_set_failure(cic_png_failure *failure, cic_status status, const char *message) {
  failure->status = status;
  snprintf(failure->message, sizeof failure->message, "%s", message);
  return status;
}

cic_status cic_png_set_source_failure(cic_png_failure *failure, cic_status status) {
  if (status == CIC_END) return cic_png_set_failure(failure, CIC_TRUNCATED, "premature end of PNG data");
  return cic_png_set_failure(failure, status, cic_source_failure_text(status));
}

bool cic_png_warn(cic_png_report *report, const char *message) {
  if (report->warning_count++ == 0) snprintf(report->first_warning, sizeof report->first_warning, "%s", message);
  return report->policy < CIC_FAIL_ON_WARNING;
}

bool cic_png_drop(cic_png_report *report, const char *type) {
  // Only critical chunks and the transparency of colors belong to the pixels.
  bool holds_pixels = !(type[0] & 0x20) || !memcmp(type, "tRNS", 4);
  if (report->policy >= CIC_FAIL_ON_ERROR || (holds_pixels && report->policy != CIC_FAIL_ON_NONE)) return false;
  char name[5] = {type[0], type[1], type[2], type[3]};
  size_t count = strlen(report->dropped);
  if (!strstr(report->dropped, name))
    snprintf(report->dropped + count, sizeof report->dropped - count, "%s%s", count ? ", " : "", name);
  return true;
}

cic_status cic_png_judge(cic_png_report *report, cic_png_fault fault, const char *message) {
  bool is_overlooked = false;
  switch (fault) {
    case CIC_PNG_BENIGN: is_overlooked = report->policy < CIC_FAIL_ON_ERROR; break;
    case CIC_PNG_CHECKSUM: is_overlooked = report->policy == CIC_FAIL_ON_NONE; break;
    case CIC_PNG_DAMAGE: break;
  }
  if (!is_overlooked) return CIC_CORRUPT;
  return cic_png_warn(report, message) ? CIC_OK : CIC_WARNING;
}
