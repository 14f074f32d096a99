// Tests compress data with zlib in every way. It is installed in any case, because libpng needs it.
#include <zlib.h>
