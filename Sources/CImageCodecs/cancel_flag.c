#include "cimage_codecs.h"

void cic_cancel_flag_init(cic_cancel_flag *flag) { atomic_init(&flag->raised, false); }
void cic_cancel_flag_raise(cic_cancel_flag *flag) { atomic_store(&flag->raised, true); }
bool cic_cancel_flag_is_raised(cic_cancel_flag *flag) { return atomic_load(&flag->raised); }
