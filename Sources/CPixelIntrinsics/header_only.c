#include "cpixel_intrinsics.h"
