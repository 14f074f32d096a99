// The first version of each struct on 64-bit systems: its last field and its size. Sources/GessoABI/VersionedStruct.swift refuses a smaller
// size. Structs grow only at their end, so nothing here ever changes.
#include "gesso.h"

#define FIRST_VERSION(type, last, size) \
  _Static_assert( \
    sizeof(void *) != 8 || offsetof(type, last) + sizeof(((type *)0)->last) == (size), \
    "the layout of " #type " has changed")

FIRST_VERSION(gesso_error, remedy, 1088);
FIRST_VERSION(gesso_source, count, 40);
FIRST_VERSION(gesso_geometry, reserved, 72);
FIRST_VERSION(gesso_recipe, fail_on, 216);
FIRST_VERSION(gesso_tensor_format, std, 88);
FIRST_VERSION(gesso_limits, preset, 128);
FIRST_VERSION(gesso_request, cancel, 48);
FIRST_VERSION(gesso_description, notes, 1256);
FIRST_VERSION(gesso_plan_result, notes, 1160);
FIRST_VERSION(gesso_result, notes, 1192);
