#include <time.h>

#include "cimage_codecs.h"

// The monotonic clock in nanoseconds. On Linux it stops while the machine sleeps.
static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void cic_cancel_flag_init(cic_cancel_flag *flag, cic_cancel_flag *parent, int64_t seconds) {
  atomic_init(&flag->raised, false);
  atomic_init(&flag->looks, 0);
  flag->parent = parent;
  flag->deadline = INT64_MAX;
  if (seconds == INT64_MAX) return;
  int64_t start = now();
  if (seconds <= (INT64_MAX - start) / 1000000000) flag->deadline = start + seconds * 1000000000;
}

void cic_cancel_flag_raise(cic_cancel_flag *flag) { atomic_store(&flag->raised, true); }

uint64_t cic_cancel_flag_looks(cic_cancel_flag *flag) {
  return atomic_load_explicit(&flag->looks, memory_order_relaxed);
}

bool cic_cancel_flag_is_raised(cic_cancel_flag *flag) {
  atomic_fetch_add_explicit(&flag->looks, 1, memory_order_relaxed);
  if (atomic_load_explicit(&flag->raised, memory_order_relaxed)) return true;
  if (flag->deadline < INT64_MAX && now() >= flag->deadline) return true;
  return flag->parent && cic_cancel_flag_is_raised(flag->parent);
}

bool cic_cancel_flag_is_late(cic_cancel_flag *flag) {
  if (flag->deadline == INT64_MAX || now() < flag->deadline) return false;
  for (cic_cancel_flag *each = flag; each; each = each->parent)
    if (atomic_load(&each->raised)) return false;
  return true;
}
