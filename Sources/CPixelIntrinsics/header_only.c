#include "cpixel_filters.h"
