// libpng, libjpeg-turbo and ISA-L behind calls that return a status.
//
// Every call that may jump arms its own setjmp frame, takes and returns plain values, and never calls back into Swift.
// Nothing is printed. The first failure of a handle is kept; later calls return it again.
#ifndef CIMAGE_CODECS_H
#define CIMAGE_CODECS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Raised by any thread, polled by the codecs' progress hooks and refills.
typedef struct {
  atomic_bool raised;
} cic_cancel_flag;

void cic_cancel_flag_init(cic_cancel_flag *flag);
void cic_cancel_flag_raise(cic_cancel_flag *flag);
bool cic_cancel_flag_is_raised(cic_cancel_flag *flag);

#endif
