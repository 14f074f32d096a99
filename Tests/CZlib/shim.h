// Tests compress data in every way with zlib, which is installed in any case because libpng needs it.
#include <zlib.h>
